"""For tests, yours and ours: a clock that stands still and a sink that remembers."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from flask import Flask

from flask_jafsec.events import Event, EventType
from flask_jafsec.web.extension import state_of


class FrozenClock:
    """Satisfies ``protocols.Clock``; time passes only when ``advance`` is called."""

    def __init__(self, at: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC)) -> None:
        self._at = at
        self._monotonic = 1_000.0

    def now(self) -> datetime:
        """Return the aware UTC time."""
        return self._at

    def time(self) -> float:
        """Return seconds since 1970 UTC."""
        return self._at.timestamp()

    def monotonic(self) -> float:
        """Return seconds on a clock that never jumps."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass on both clocks."""
        self._at += timedelta(seconds=seconds)
        self._monotonic += seconds


class CapturedEvents:
    """A sink that keeps what it gets. Give it to ``JafSecurity(app, sinks=[...])``."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._lock = threading.Lock()

    def write(self, events: Sequence[Event]) -> None:
        """Keep *events*."""
        with self._lock:
            self._events.extend(events)

    def all(self, app: Flask | None = None) -> list[Event]:
        """Return everything recorded; with *app*, after its trail has written what waits."""
        if app is not None:
            state_of(app).services.trail.close()
        with self._lock:
            return list(self._events)

    def of(self, event_type: EventType, app: Flask | None = None) -> list[Event]:
        """Return the events of one type."""
        return [event for event in self.all(app) if event.type is event_type]
