"""The one door to the audit log: takes events from requests and services, feeds the sinks."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, TypeVar

from flask_jafsec.audit import lifetime
from flask_jafsec.audit.counting import Counts
from flask_jafsec.audit.direct import Apart, Direct, InTurn
from flask_jafsec.audit.lifetime import Companion
from flask_jafsec.audit.losses import Losses
from flask_jafsec.audit.writer import AuditWriter, Item
from flask_jafsec.errors import AuditUnavailable
from flask_jafsec.events import Event, EventClass, EventType, system_event
from flask_jafsec.protocols import Clock, Sink, Store, Tables

T = TypeVar("T")

_log = logging.getLogger("flask_jafsec.audit")

#: How many events may wait before whoever brings another has to wait too. Source: fault matrix,
#: row 28.
MAX_WAITING: Final = 10_000

#: How long that is, in seconds. A change is refused then; others are counted as dropped.
ROOM_WAIT_S: Final = 2.0

#: How long a request waits for its event to be durable, in seconds: the database's limits on a
#: lock and a statement, and the same again for trying twice.
WRITE_WAIT_S: Final = 15.0

#: How many events a sink gets at once, at most.
BATCH: Final = 1_000

#: How often the writer wakes without an event, in seconds: to write counts and run its chores.
TICK_S: Final = 1.0

#: How long ``close`` waits for the sinks, in seconds.
FLUSH_TIMEOUT_S: Final = 5.0

_STOP: Final = None


class Trail:
    """Records events and carries changes out together with theirs.

    One writer thread per process, started with the first event and again after a fork.

    Args:
        writer: Makes events durable. Without it, as on a store that keeps no log, a change is
            committed first and its event handed to the sinks right after.
        waits: Classes of events whose requests are answered only once the event is durable.
        room_wait_s: How long to wait for room, where there is a writer.
    """

    def __init__(
        self,
        store: Store,
        sinks: Sequence[Sink],
        clock: Clock,
        *,
        writer: AuditWriter | None = None,
        waits: Collection[EventClass] = (EventClass.CHANGE,),
        room_wait_s: float = ROOM_WAIT_S,
    ) -> None:
        self._store = store
        self._clock = clock
        self._durable = writer
        self._losses = Losses(clock)
        # Without a writer the sinks have the only trace of a change: nothing may pass them by.
        self._direct: Direct = (Apart if writer else InTurn)(sinks, self._losses)
        # Waiting for room buys durability; without a writer it would only make a request slow.
        self._room_wait_s = room_wait_s if writer else 0.0
        self._waits = frozenset(waits) if writer else frozenset[EventClass]()
        self._chores: list[Callable[[bool], None]] = []
        self._companions: list[Companion] = []
        self._begin()
        lifetime.watch(self)

    def _begin(self) -> None:
        """Start with nothing waiting and no thread: at birth, and in the child of a fork."""
        self._waiting: queue.SimpleQueue[Item | Event | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._on_duty: threading.Thread | None = None
        self._room = threading.Event()
        self._room.set()
        self._writer: threading.Thread | None = None
        self.counts = Counts(self._put)

    def begin_again(self) -> None:
        """Be another writer in the child of a fork: what waited is the parent's to write."""
        self._begin()
        self._losses.begin_again()
        self._direct.begin_again()
        if self._durable is not None:
            self._durable.begin_again()
        for companion in self._companions:
            companion.begin_again()

    def add_chore(self, chore: Callable[[bool], None]) -> None:
        """Have *chore* run about once a second on the writer's thread; its errors are logged.

        It is told whether this is the last time before the process ends.
        """
        self._chores.append(chore)

    def add_companion(self, companion: Companion) -> None:
        """Have *companion* start and stop together with the writer's thread."""
        self._companions.append(companion)

    # -- taking events --

    def record(self, event: Event) -> None:
        """Take *event*; see ``protocols.Recorder`` for which of them wait."""
        kind = _class_of(event)
        if kind in self._waits and threading.current_thread() is not self._on_duty:
            self._wait_for(Item(event))
        elif kind is EventClass.CHANGE or self._has_room(event):
            self._put(event)

    def commit_with(self, event: Event, change: Callable[[Tables], T]) -> T:
        """Run *change* in one transaction with *event*. See ``protocols.Recorder``."""
        if self._durable is not None:
            result: T = self._wait_for(Item(event, change))
            return result
        with self._store.writing() as tables:
            result = change(tables)
        self._put(event)
        return result

    def _wait_for(self, item: Item) -> Any:
        if threading.current_thread() is self._on_duty:
            raise RuntimeError("the writer's own thread cannot wait for itself")
        if not self._room.is_set() and not self._room.wait(self._room_wait_s):
            raise AuditUnavailable("too many events wait to be written")
        self._put(item)
        return item.wait(WRITE_WAIT_S)

    def _has_room(self, event: Event) -> bool:
        # Beyond the bound events turn synchronous, so that a flood slows itself down.
        if self._room.is_set() or self._room.wait(self._room_wait_s):
            return True
        # Whatever stands in an event, it must not stop whoever records it.
        self._losses.add("sinks_too_slow", event.count if type(event.count) is int else 1)
        return False

    def _put(self, item: Item | Event) -> None:
        self._waiting.put(item)
        if self._writer is None:
            self._start()
        if self._waiting.qsize() > MAX_WAITING:
            self._room.clear()

    # -- writing --

    def _start(self) -> None:
        with self._lock:
            if self._writer is not None:
                return
            thread = threading.Thread(target=self._run, name="jafsec-trail", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                # No room for another thread, or the process is about to end: the next event tries
                # again, and ``close`` writes what waits.
                _log.error("the audit trail's writer cannot start: %s", error)
                return
            self._writer = thread
        for companion in self._companions:
            companion.start()

    def wake(self) -> None:
        """Start the writer, where it has not started: chores and counts need it too."""
        if self._writer is None:
            self._start()

    def _run(self) -> None:
        # An event that comes while the trail is closed starts the next thread early; two of them
        # at one chain would give its numbers twice.
        with self._writing:
            self._on_duty = threading.current_thread()
            self._write_until_stopped()
            self._on_duty = None

    def _write_until_stopped(self) -> None:
        waiting = self._waiting
        next_tick = self._clock.monotonic() + TICK_S
        while True:
            batch, stop = self._take_batch(waiting)
            if batch:
                self._write(batch)
            if not self._room.is_set() and waiting.qsize() < MAX_WAITING // 2:
                self._room.set()
            if stop:
                return
            if self._clock.monotonic() >= next_tick:
                self._tick()
                next_tick = self._clock.monotonic() + TICK_S

    @staticmethod
    def _take_batch(waiting: queue.SimpleQueue[Item | Event | None]) -> tuple[list[Item], bool]:
        batch: list[Item] = []
        try:
            taken = waiting.get(timeout=TICK_S)
            while taken is not _STOP:
                batch.append(taken if isinstance(taken, Item) else Item(taken))
                if len(batch) >= BATCH:
                    return batch, False
                taken = waiting.get_nowait()
        except queue.Empty:
            return batch, False
        return batch, True

    def _write(self, batch: Sequence[Item]) -> None:
        events = [item.event for item in batch]
        if self._durable is not None:
            events = self._keep(self._durable, batch)
        self._direct.write(events)

    @staticmethod
    def _keep(writer: AuditWriter, batch: Sequence[Item]) -> list[Event]:
        try:
            return writer.write(batch)
        except BaseException as error:  # noqa: BLE001 - the thread lives on; whoever waits is told
            _log.exception("the audit log's writer failed; %d event(s) are in doubt", len(batch))
            for item in batch:
                item.finish(AuditUnavailable(f"the writer failed: {type(error).__name__}"))
            return [item.event for item in batch if item.change is None]

    def _tick(self) -> None:
        self._report_dropped()
        self.counts.flush(self._clock.time())
        if self._durable is None or not self._durable.is_down:
            # Each would wait for the same database, and with it every change behind it.
            self._run_chores(last=False)

    def _run_chores(self, *, last: bool) -> None:
        for chore in self._chores:
            try:
                chore(last)
            except Exception:  # noqa: BLE001 - it runs again in a second and must not stop the others
                _log.exception("a chore of the audit trail failed")

    def _report_dropped(self, *, everything: bool = False) -> None:
        for event in self._losses.due(everything=everything):
            self._put(event)

    def close(self) -> None:
        """Write what waits and every open count, then stop; the next event starts it again."""
        self._run_chores(last=True)
        self._report_dropped(everything=True)
        self.counts.flush(self._clock.time(), everything=True)
        if not self._waiting.empty():
            self.wake()
        with self._lock:  # not between a thread's start and the note of it
            writer, self._writer = self._writer, None
        if writer is None:
            self._write_here()
            self._direct.stop()
            return
        self._waiting.put(_STOP)
        writer.join(FLUSH_TIMEOUT_S)
        self._direct.stop()
        for companion in self._companions:
            companion.stop()

    def say_goodbye(self) -> None:
        """Close for good: note the last number of the chain, so that a missing end is seen."""
        self.close()
        writer = self._durable
        if writer is not None and writer.count and self._writing.acquire(timeout=FLUSH_TIMEOUT_S):
            last = self._losses.due(everything=True)
            facts = {"rows": writer.count + len(last) + 1}
            last.append(system_event(EventType.AUDIT_CLOSED, self._clock.now(), facts=facts))
            self._write([Item(event) for event in last])
            writer.end()
            self._writing.release()
            self._direct.stop()

    def _write_here(self) -> None:
        """Write what waits on this thread, where no other could be started.

        A thread that is there after all writes it itself.
        """
        while not self._waiting.empty() and self._writing.acquire(blocking=False):
            batch, _ = self._take_batch(self._waiting)
            self._write(batch)
            self._writing.release()


def _class_of(event: Event) -> EventClass:
    # One whose type is none of ours is kept as strictly as a change.
    return event.type.event_class if type(event.type) is EventType else EventClass.CHANGE
