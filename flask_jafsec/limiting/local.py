"""Rates kept in this process: a bounded table of buckets."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from flask_jafsec.limiting import buckets
from flask_jafsec.limiting.buckets import FULL

#: One table with one lock each. A flood then sweeps small tables instead of stopping everybody.
SHARDS: Final = 16

#: How many overflow buckets each shard has for each rate.
OVERFLOW_SLOTS: Final = 256

#: A full table is searched for forgettable buckets at most this often, so that a flood of new
#: keys does not buy a search with every request.
SWEEP_PAUSE_S: Final = 1.0

#: Below this many buckets a table is not worth a search.
SWEEP_FROM: Final = 256


class LocalRates:
    """Satisfies ``protocols.RateStore`` for one process and many threads.

    It never forgets a bucket that somebody has drawn from: only full ones are dropped. Where none
    is full, new keys share overflow buckets by their hash. Sharing counts too much, never too
    little, so a flood of addresses cannot reset an attacker's count. Python seeds the hash of
    text anew in each process, so nobody can choose whom to share with.
    """

    def __init__(self, monotonic: Callable[[], float], *, max_keys: int = 100_000) -> None:
        if max_keys < SHARDS:
            raise ValueError(f"max_keys must be at least {SHARDS}")
        self._monotonic = monotonic
        # Times are counted from here: small floats carry less noise than an old machine's uptime.
        self._began = monotonic()
        self._shards = tuple(_Shard(max_keys // SHARDS) for _ in range(SHARDS))

    def take(
        self, key: str, limit: int, window_s: int, cost: int = 1
    ) -> tuple[bool, int, float, float]:
        """Take *cost* from the rate kept under *key*; never raises StoreUnavailable."""
        now = self._monotonic() - self._began
        hashed = hash(key)
        shard = self._shards[hashed % SHARDS]
        with shard.lock:
            full_at = shard.states.get(key)
            if full_at is None:
                return shard.take_new(key, hashed, now, limit, window_s, cost)
            taken = buckets.take(full_at, now, limit, window_s, cost)
            shard.states[key] = taken[0]
        return taken[1:]

    def __len__(self) -> int:
        """Return how many buckets are kept, overflow included."""
        return sum(len(shard.states) + len(shard.overflow) for shard in self._shards)

    def begin_again(self) -> None:
        """Take new locks; called in the child of a fork, where nobody would open a held one."""
        for shard in self._shards:
            shard.lock = threading.Lock()


class _Shard:
    """One table with its overflow. Every method is called with the lock held."""

    __slots__ = ("_max_keys", "_sweep_from", "_swept_at", "lock", "overflow", "states")

    def __init__(self, max_keys: int) -> None:
        self._max_keys = max_keys
        self._sweep_from = min(SWEEP_FROM, max_keys)
        self._swept_at = FULL
        self.lock = threading.Lock()
        self.states: dict[str, float] = {}
        self.overflow: dict[tuple[int, int, int], float] = {}

    def take_new(
        self, key: str, hashed: int, now: float, limit: int, window_s: int, cost: int
    ) -> tuple[bool, int, float, float]:
        """Take from a bucket that is not in the table: a new one, or one of the overflow."""
        # Buckets of different rates are never shared: one token of a slow rate is worth many of
        # a fast one. The rates are the operator's, so there are few.
        slot = (limit, window_s, (hashed >> 4) % OVERFLOW_SLOTS)
        # A key that shared a bucket goes on from there: a new bucket would reset its count.
        full_at = self.overflow.get(slot, FULL) if self.overflow else FULL
        taken = buckets.take(full_at, now, limit, window_s, cost)
        if self._has_room(now):
            self.states[key] = taken[0]
        else:
            self.overflow[slot] = taken[0]
        return taken[1:]

    def _has_room(self, now: float) -> bool:
        count = len(self.states)
        if count < self._sweep_from:
            return True
        if count < self._max_keys or now - self._swept_at >= SWEEP_PAUSE_S:
            self._sweep(now)
        return len(self.states) < self._max_keys

    def _sweep(self, now: float) -> None:
        """Forget full buckets; the next search comes when as many new keys were added."""
        self._swept_at = now
        self.states = {key: at for key, at in self.states.items() if at > now}
        self.overflow = {slot: at for slot, at in self.overflow.items() if at > now}
        self._sweep_from = min(self._max_keys, max(SWEEP_FROM, 2 * len(self.states)))
