"""Counts events that were dropped, and says so: once at first, then at most once a minute."""

from __future__ import annotations

import threading
from typing import Final

from flask_jafsec.events import Event, EventType, Outcome, Severity, system_event
from flask_jafsec.protocols import Clock

#: Between two events about the same cause, in seconds. Source: fault matrix, rule R3.
AGAIN_S: Final = 60.0


class Losses:
    """What was dropped for which cause, and not said yet. For any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.begin_again()

    def begin_again(self) -> None:
        """Forget all of it in the child of a fork: the parent says it."""
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str], int] = {}
        self._said: dict[tuple[str, str], float] = {}

    def add(self, cause: str, count: int, *, sink: str = "") -> None:
        """Count *count* events more that were dropped.

        Args:
            cause: A short code.
            sink: The one that did not get them; empty where none did.
        """
        with self._lock:
            self._counts[cause, sink] = self._counts.get((cause, sink), 0) + count

    def due(self, *, everything: bool = False) -> list[Event]:
        """Return an event for each cause that may be spoken of again, with what came since.

        Args:
            everything: Whatever was said a moment ago: the process ends.
        """
        now = self._clock.monotonic()
        with self._lock:
            due = [
                key
                for key in self._counts
                if everything or now - self._said.get(key, float("-inf")) >= AGAIN_S
            ]
            counted = [(key, self._counts.pop(key)) for key in due]
            self._said.update(dict.fromkeys(due, now))
        return [self._event(*key, count) for key, count in counted]

    def _event(self, cause: str, sink: str, count: int) -> Event:
        facts = {"sink": sink} if sink else {}
        return system_event(
            EventType.SINK_DROPPED,
            self._clock.now(),
            Severity.ERROR,
            Outcome.FAIL,
            reason=cause,
            count=count,
            facts=facts,
        )
