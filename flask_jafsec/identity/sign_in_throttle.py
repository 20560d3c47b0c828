"""Makes guessing passwords slow, without letting a guesser lock anybody out."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final

from flask_jafsec.protocols import Clock

#: Wrong passwords that cost nothing: people mistype.
FREE_FAILURES: Final = 5

#: The first wait and the longest, in seconds; each failure doubles it.
FIRST_WAIT_S: Final = 1.0
MAX_WAIT_S: Final = 300.0

#: The longest wait where the source is not known: it would hit the victim as well.
#: Source: threats row 11 (an account's own counter adds at most two seconds).
MAX_WAIT_UNKNOWN_SOURCE_S: Final = 2.0

#: After this long without a failure everything is forgotten, in seconds.
FORGOTTEN_AFTER_S: Final = 3600.0

#: How many pairs are remembered in one process. An entry is about 300 bytes.
MAX_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Failures:
    count: int
    last: float
    """On the monotonic clock."""


class SignInThrottle:
    """Counts failures by name and source; each pair waits for itself. Thread safe.

    The victim signs in from elsewhere and is not delayed. A name that does not exist is counted
    like any other, so a wait tells nothing.
    """

    def __init__(self, clock: Clock, *, max_remembered: int = MAX_REMEMBERED) -> None:
        self._clock = clock
        self._max = max_remembered
        self._failures: dict[tuple[str, str], _Failures] = {}
        self._lock = threading.Lock()

    def wait_s(self, name_ref: str, source: str) -> float:
        """Return the seconds until the next attempt is looked at; 0.0 for now."""
        failures = self._failures.get((name_ref, source))
        if failures is None or failures.count < FREE_FAILURES:
            return 0.0
        longest = MAX_WAIT_S if source else MAX_WAIT_UNKNOWN_SOURCE_S
        # The exponent is bounded, so that no count makes the number too large.
        wait_s = min(longest, FIRST_WAIT_S * 2.0 ** min(failures.count - FREE_FAILURES, 16))
        return max(0.0, failures.last + wait_s - self._clock.monotonic())

    def failed(self, name_ref: str, source: str) -> None:
        """Count a failure."""
        now = self._clock.monotonic()
        with self._lock:
            # Taken out and put in again: the first in the table is the one longest ago.
            old = self._failures.pop((name_ref, source), None)
            is_recent = old is not None and now - old.last < FORGOTTEN_AFTER_S
            count = old.count + 1 if old is not None and is_recent else 1
            while len(self._failures) >= self._max:
                del self._failures[next(iter(self._failures))]
            self._failures[name_ref, source] = _Failures(count, now)

    def succeeded(self, name_ref: str, source: str) -> None:
        """Forget the failures: whoever knows the password had mistyped it."""
        with self._lock:
            self._failures.pop((name_ref, source), None)

    def __len__(self) -> int:
        return len(self._failures)
