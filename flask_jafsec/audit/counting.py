"""Counts what repeats, so that a flood of equal decisions becomes one event a minute."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count as counter
from typing import Final

from flask_jafsec.events import Event
from flask_jafsec.ids import new_id

#: Refusals of one code and client that are written singly in a minute; the rest are counted.
SINGLE_REFUSALS: Final = 20

#: Routine events of one kind and caller that are written singly in a minute.
SINGLE_ROUTINES: Final = 1

#: Windows in seconds.
WINDOW_S: Final = 60

#: How many windows are open at once. Above that the oldest are closed early, which writes their
#: counts sooner and loses nothing.
MAX_OPEN: Final = 20_000

#: How long after its end a window is read for the last time. A request that held it when it was
#: closed has counted by then.
SETTLE_S: Final = 1.0


class Window:
    """One minute of one kind of decision by one caller.

    ``tick`` is atomic (one call into C), so threads count exactly without a lock.
    """

    __slots__ = ("ends_at", "event", "id", "last_at", "tick")

    def __init__(self, ends_at: float) -> None:
        self.ends_at = ends_at
        self.tick = counter(1).__next__
        self.last_at = 0.0
        self.id = new_id()  # of the event that will carry the count
        self.event: Event | None = None  # the first one that was only counted


class Counts:
    """Decides whether a decision is written singly, and keeps the counts of the others."""

    def __init__(self, emit: Callable[[Event], None], max_open: int = MAX_OPEN) -> None:
        self._emit = emit
        self._max = max_open
        self._open: dict[Hashable, Window] = {}
        self._closed: list[tuple[float, int, Window]] = []
        self._lock = threading.Lock()

    def window(self, key: Hashable, now: float) -> Window:
        """Return the present window of *key*; its ``tick()`` gives this decision's number."""
        window = self._open.get(key)
        if window is not None and now < window.ends_at:
            return window
        return self._renew(key, now)

    def _renew(self, key: Hashable, now: float) -> Window:
        with self._lock:
            window = self._open.get(key)
            if window is not None and now < window.ends_at:
                return window
            if window is not None:
                self._closed.append((now, self._singles(key), window))
            elif len(self._open) >= self._max:
                self._close_oldest(now)
            window = self._open[key] = Window((now // WINDOW_S + 1) * WINDOW_S)
            return window

    def _close_oldest(self, now: float) -> None:
        for key in list(self._open)[: max(1, self._max // 10)]:
            self._closed.append((now, self._singles(key), self._open.pop(key)))

    @staticmethod
    def _singles(key: Hashable) -> int:
        kind = key[0] if isinstance(key, tuple) else ""
        return SINGLE_ROUTINES if kind == "routine" else SINGLE_REFUSALS

    def flush(self, now: float, *, everything: bool = False) -> None:
        """Emit the counts of windows that have ended; of all, when *everything*."""
        with self._lock:
            for key, window in list(self._open.items()):
                if everything or now >= window.ends_at:
                    self._closed.append((now, self._singles(key), self._open.pop(key)))
            due = [w for w in self._closed if everything or now - w[0] >= SETTLE_S]
            self._closed = [w for w in self._closed if not (everything or now - w[0] >= SETTLE_S)]
        for _, singles, window in due:
            self._emit_count(window, singles)

    def _emit_count(self, window: Window, singles: int) -> None:
        counted = window.tick() - 1 - singles
        if counted < 1 or window.event is None:
            return
        last = datetime.fromtimestamp(max(window.last_at, 0.0), UTC)
        self._emit(replace(window.event, id=window.id, count=counted, until=last))
