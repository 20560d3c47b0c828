"""The one door to the audit log: takes events from requests and services, feeds the sinks."""

from __future__ import annotations

import atexit
import logging
import os
import queue
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from flask_jafsec.audit.counting import Counts
from flask_jafsec.events import Event, EventClass, EventType, Outcome, Severity
from flask_jafsec.ids import new_id
from flask_jafsec.protocols import Clock, Sink, Store, Tables

T = TypeVar("T")

_log = logging.getLogger("flask_jafsec.audit")

#: How many events may wait for a slow sink before refusals and routine events are counted
#: instead of kept. Changes always wait their turn.
MAX_WAITING: Final = 10_000

#: How many events a sink gets at once, at most.
BATCH: Final = 256

#: How often the writer wakes without an event, in seconds: to write counts and run its chores.
TICK_S: Final = 1.0

#: How long ``close`` waits for the sinks, in seconds.
FLUSH_TIMEOUT_S: Final = 5.0

_STOP: Final = None


class Trail:
    """Records events and carries changes out together with theirs.

    One writer thread per process, started with the first event and again after a fork. Until the
    durable log exists, a change is committed first and its event written right after.
    """

    def __init__(self, store: Store, sinks: Sequence[Sink], clock: Clock) -> None:
        self._store = store
        self._sinks = tuple(sinks)
        self._clock = clock
        self._chores: list[Callable[[bool], None]] = []
        self._begin()
        _LIVE.add(self)

    def _begin(self) -> None:
        """Start with nothing waiting and no thread: at birth, and in the child of a fork."""
        self._waiting: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._writer: threading.Thread | None = None
        self._dropped = 0
        self.counts = Counts(self._put)

    def add_chore(self, chore: Callable[[bool], None]) -> None:
        """Have *chore* run about once a second on the writer's thread; its errors are logged.

        It is told whether this is the last time before the process ends.
        """
        self._chores.append(chore)

    # -- taking events --

    def record(self, event: Event) -> None:
        """Take *event*; never raises and never waits."""
        bounded = event.type.event_class is not EventClass.CHANGE
        if bounded and self._waiting.qsize() > MAX_WAITING:
            self._dropped += event.count
            return
        self._put(event)

    def commit_with(self, event: Event, change: Callable[[Tables], T]) -> T:
        """Run *change* in one transaction, then record *event*. See ``protocols.Recorder``."""
        with self._store.writing() as tables:
            result = change(tables)
        self._put(event)
        return result

    def _put(self, event: Event) -> None:
        self._waiting.put(event)
        if self._writer is None:
            self._start()

    # -- writing --

    def _start(self) -> None:
        with self._lock:
            if self._writer is not None:
                return
            self._writer = threading.Thread(target=self._run, name="jafsec-trail", daemon=True)
            self._writer.start()

    def wake(self) -> None:
        """Start the writer, where it has not started: chores and counts need it too."""
        if self._writer is None:
            self._start()

    def _run(self) -> None:
        waiting = self._waiting
        next_tick = self._clock.monotonic() + TICK_S
        while True:
            batch, stop = self._take_batch(waiting)
            if batch:
                self._write(batch)
            if stop:
                return
            if self._clock.monotonic() >= next_tick:
                self._tick()
                next_tick = self._clock.monotonic() + TICK_S

    @staticmethod
    def _take_batch(waiting: queue.SimpleQueue[Event | None]) -> tuple[list[Event], bool]:
        batch: list[Event] = []
        try:
            event = waiting.get(timeout=TICK_S)
            while event is not _STOP:
                batch.append(event)
                if len(batch) >= BATCH:
                    return batch, False
                event = waiting.get_nowait()
        except queue.Empty:
            return batch, False
        return batch, True

    def _write(self, batch: Sequence[Event]) -> None:
        for sink in self._sinks:
            try:
                sink.write(batch)
            except Exception:  # noqa: BLE001 - a broken sink must not silence the others; said aloud
                _log.exception("the sink %s lost %d event(s)", type(sink).__name__, len(batch))

    def _tick(self) -> None:
        self._report_dropped()
        self.counts.flush(self._clock.time())
        self._run_chores(last=False)

    def _run_chores(self, *, last: bool) -> None:
        for chore in self._chores:
            try:
                chore(last)
            except Exception:  # noqa: BLE001 - it runs again in a second and must not stop the others
                _log.exception("a chore of the audit trail failed")

    def _report_dropped(self) -> None:
        dropped, self._dropped = self._dropped, 0
        if dropped:
            self._put(
                Event(
                    id=new_id(),
                    type=EventType.SINK_DROPPED,
                    at=self._clock.now(),
                    severity=Severity.ERROR,
                    outcome=Outcome.FAIL,
                    actor="system",
                    reason="sinks_too_slow",
                    count=dropped,
                )
            )

    def close(self) -> None:
        """Write what waits and every open count, then stop; the next event starts it again."""
        self._run_chores(last=True)
        self._report_dropped()
        self.counts.flush(self._clock.time(), everything=True)
        if not self._waiting.empty():
            self.wake()
        writer, self._writer = self._writer, None
        if writer is not None:
            self._waiting.put(_STOP)
            writer.join(FLUSH_TIMEOUT_S)


_LIVE: weakref.WeakSet[Trail] = weakref.WeakSet()


def _close_all() -> None:
    for trail in list(_LIVE):
        trail.close()


def _begin_again() -> None:
    # A fork copies the queue but not the thread: what waited is the parent's to write.
    for trail in list(_LIVE):
        trail._begin()  # noqa: SLF001 - the same module


atexit.register(_close_all)
os.register_at_fork(after_in_child=_begin_again)
