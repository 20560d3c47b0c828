"""The machine's clock, in the shape every part takes it. Tests hand in another."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class SystemClock:
    """Satisfies ``protocols.Clock`` with the machine's own clocks."""

    def __init__(self) -> None:
        # The functions themselves, without a wrapper: both are read on every request.
        self.time = time.time
        self.monotonic = time.monotonic

    def now(self) -> datetime:
        """Return the aware UTC time."""
        return datetime.now(UTC)
