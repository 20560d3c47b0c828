"""How fresh what we remember is: one number, read in line at most once a second."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Final

from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.protocols import Clock

#: How long an epoch counts as read, in seconds. A change made anywhere must act within 5 s
#: (threats row 5); one read a second leaves four for slow stores.
FRESH_S: Final = 1.0

#: How long the last epoch is trusted while the store does not answer, in seconds. Shorter closes
#: the application at every restart of its database; longer lets a stolen token live on.
#: Source: faults row 1, ``STALE_MAX``.
STALE_MAX_S: Final = 60.0


class Freshness:
    """Tells the generation of what may be remembered.

    Every change of a key, role, revocation or user raises the store's epoch. Whoever remembers
    something keeps the generation it was read in, and reads anew when that has changed.

    Args:
        store_epoch: Reads the epoch, or raises StoreUnavailable (``store.epoch``).
        fresh_s: Seconds between two reads.
        stale_max_s: Seconds since the last good read after which nobody may be trusted.
        note: Told when reading begins to fail, with the error, and when it works again.
    """

    __slots__ = (
        "_fresh_s",
        "_generation",
        "_is_down",
        "_last_good",
        "_monotonic",
        "_next_read",
        "_next_try",
        "_note",
        "_reading",
        "_stale_max_s",
        "_store_epoch",
    )

    def __init__(
        self,
        store_epoch: Callable[[], int],
        clock: Clock,
        *,
        fresh_s: float = FRESH_S,
        stale_max_s: float = STALE_MAX_S,
        note: Callable[[StoreUnavailable | None], None] | None = None,
    ) -> None:
        self._note = note
        self._is_down = False
        self._store_epoch = store_epoch
        self._monotonic = clock.monotonic
        self._fresh_s = fresh_s
        self._stale_max_s = stale_max_s
        self._generation = -1
        self._last_good = -math.inf
        self._next_read = -math.inf
        """Until then ``check`` looks no further."""
        self._next_try = -math.inf
        self._reading = threading.Lock()

    @property
    def epoch_seen(self) -> int | None:
        """The last epoch that was read, or None before the first; for reports."""
        return None if self._last_good == -math.inf else self._generation

    def check(self) -> int:
        """Return the generation: the last epoch that was read.

        Raises:
            StoreUnavailable: The epoch could not be read for ``stale_max_s``, or never yet.
        """
        now = self._monotonic()
        if now < self._next_read:
            return self._generation
        # One thread reads. The others go on with what is known, unless nothing may be trusted.
        if self._reading.acquire(blocking=self._is_stale(now)):
            try:
                self._read_if_due(self._monotonic())
            finally:
                self._reading.release()
        return self._trusted(now)

    def look_again(self) -> None:
        """Read the epoch at the next ``check``: this process has just changed something.

        So what was done here acts on the next request here, and not up to a second later.
        """
        self._next_read = self._next_try = -math.inf

    def _read_if_due(self, now: float) -> None:
        if now < self._next_try:
            return
        self._next_try = now + self._fresh_s
        try:
            self._generation = self._store_epoch()
        except StoreUnavailable as error:
            self._tell(error)
            # Exactly at the end of trust ``check`` must look again, not a second later.
            self._next_read = min(self._next_try, self._last_good + self._stale_max_s)
            return
        # The time before the read: what changed while the store answered may not be in it.
        self._last_good = now
        self._next_read = self._next_try
        self._tell(None)

    def _tell(self, error: StoreUnavailable | None) -> None:
        is_down = error is not None
        if is_down is not self._is_down:
            self._is_down = is_down
            if self._note is not None:
                self._note(error)

    def _trusted(self, now: float) -> int:
        if self._is_stale(now):
            raise StoreUnavailable(
                f"the store's epoch was not readable for {self._stale_max_s:g} s"
            )
        return self._generation

    def _is_stale(self, now: float) -> bool:
        return now >= self._last_good + self._stale_max_s
