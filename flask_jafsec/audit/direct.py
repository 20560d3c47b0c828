"""Feeds the sinks that are written while things happen: the log line, an application's own.

They come behind the audit log, which has every event by then. So they may lose some, aloud, but
never make a request wait: each has a thread of its own, and a queue with an end.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Sequence
from typing import Final, Protocol

from flask_jafsec.audit.losses import Losses
from flask_jafsec.audit.sinks.lines import StreamStuck
from flask_jafsec.events import Event
from flask_jafsec.protocols import Sink

_log = logging.getLogger("flask_jafsec.audit")

#: How many events may wait for one sink. Source: fault matrix, row 28.
MAX_WAITING: Final = 10_000

#: How long ``stop`` waits for a sink, in seconds.
FLUSH_TIMEOUT_S: Final = 5.0

_Queue = queue.SimpleQueue["Sequence[Event] | None"]


class Direct(Protocol):
    """Feeds several sinks."""

    def write(self, events: Sequence[Event]) -> None:
        """Hand *events* to every sink."""

    def stop(self) -> None:
        """Write what waits, for a bounded time; ``write`` may follow."""

    def begin_again(self) -> None:
        """Forget the parent's threads in the child of a fork."""


class InTurn:
    """Feeds sinks on the thread that has the events, where it has nothing else to do."""

    def __init__(self, sinks: Sequence[Sink], losses: Losses) -> None:
        self._sinks = tuple(sinks)
        self._losses = losses

    def write(self, events: Sequence[Event]) -> None:
        """Write *events* to one sink after the other; an error is said, and stops no other."""
        for sink in self._sinks:
            _give(sink, events, self._losses)

    def stop(self) -> None:
        """Do nothing: nothing waits here."""

    def begin_again(self) -> None:
        """Do nothing: there is no thread."""


class Apart:
    """Feeds each sink on a thread of its own."""

    def __init__(self, sinks: Sequence[Sink], losses: Losses) -> None:
        self._feeds = [Feed(sink, losses) for sink in sinks]

    def write(self, events: Sequence[Event]) -> None:
        """Leave *events* for every sink; never waits."""
        for feed in self._feeds:
            feed.offer(events)

    def stop(self) -> None:
        """Stop every thread when it has written what waits, or when its time is over."""
        for feed in self._feeds:
            feed.stop()

    def begin_again(self) -> None:
        """Forget the parent's threads, and what waits for them: the parent writes it."""
        for feed in self._feeds:
            feed.begin_again()


class Feed:
    """The queue of one sink, and the thread behind it."""

    def __init__(
        self,
        sink: Sink,
        losses: Losses,
        *,
        max_waiting: int = MAX_WAITING,
        flush_timeout_s: float = FLUSH_TIMEOUT_S,
    ) -> None:
        self._sink = sink
        self._losses = losses
        self._max_waiting = max_waiting
        self._flush_timeout_s = flush_timeout_s
        self.begin_again()

    def begin_again(self) -> None:
        """Start with nothing waiting and no thread."""
        self._lock = threading.Lock()
        self._batches: _Queue = queue.SimpleQueue()
        self._waiting = 0
        self._thread: threading.Thread | None = None
        self._stuck: threading.Thread | None = None

    def offer(self, events: Sequence[Event]) -> None:
        """Take *events*, or count them as lost where too many wait. Never waits."""
        with self._lock:
            if self._waiting + len(events) > self._max_waiting or self._is_stuck():
                self._lose(events)
                return
            self._waiting += len(events)
            self._batches.put(events)
            if self._thread is None:
                self._start()

    def stop(self) -> None:
        """Let the thread write what waits, and end; what it cannot write in time is lost."""
        with self._lock:
            thread, self._thread = self._thread, None
            batches, self._batches = self._batches, queue.SimpleQueue()
        if thread is None:
            self._write_here(batches)
            return
        batches.put(None)
        thread.join(self._flush_timeout_s)
        if thread.is_alive():
            self._stuck = thread
            self._lose_all(batches)
            batches.put(None)

    def _start(self) -> None:
        thread = threading.Thread(
            target=self._run, args=(self._batches,), name="jafsec-sink", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            return  # no room for a thread, or the process ends: ``stop`` writes what waits
        self._thread = thread

    def _is_stuck(self) -> bool:
        # A second thread would only wait behind the first.
        return self._stuck is not None and self._stuck.is_alive()

    def _run(self, batches: _Queue) -> None:
        while (events := batches.get()) is not None:
            is_reading = self._write(events)
            if not is_reading and batches is not self._batches:
                self._lose_all(batches)  # ``stop`` waits, and the rest would get no further
                return

    def _write_here(self, batches: _Queue) -> None:
        """Write what waits on this thread, where no other could be started."""
        while not batches.empty():
            if not self._write(batches.get() or ()):
                self._lose_all(batches)

    def _write(self, events: Sequence[Event]) -> bool:
        is_reading = _give(self._sink, events, self._losses)
        with self._lock:
            self._waiting -= len(events)
        return is_reading

    def _lose_all(self, batches: _Queue) -> None:
        while not batches.empty():
            try:
                events = batches.get_nowait() or ()
            except queue.Empty:
                return
            with self._lock:
                self._waiting -= len(events)
            self._lose(events)

    def _lose(self, events: Sequence[Event]) -> None:
        _lose(self._sink, events, self._losses)


def _give(sink: Sink, events: Sequence[Event], losses: Losses) -> bool:
    """Return whether somebody reads what *sink* writes; what it did not take is counted or said."""
    try:
        sink.write(events)
    except StreamStuck:
        _lose(sink, events, losses)  # not said here: that would go to the same stream
        return False
    except BaseException:  # noqa: BLE001 - a broken sink must not silence the others; said aloud
        _log.exception("the sink %s lost %d event(s)", type(sink).__name__, len(events))
    return True


def _lose(sink: Sink, events: Sequence[Event], losses: Losses) -> None:
    losses.add("sink_stuck", len(events), sink=type(sink).__name__)
