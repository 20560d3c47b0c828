"""A monotonic clock that stands where it is put; no tests live here."""

from __future__ import annotations


class Moment:
    """Tells the same time until ``now`` is changed."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
