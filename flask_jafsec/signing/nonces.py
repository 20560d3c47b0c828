"""Each signature once: what was accepted is remembered until it could not be accepted again.

Only nonces of signatures that hold get here, so nobody without a key can fill the store.
"""

from __future__ import annotations

import heapq
import threading
from collections import Counter
from collections.abc import Callable
from enum import Enum
from typing import Final, Protocol

from flask_jafsec.errors import StoreUnavailable

#: Nonces that one key may have alive in one store. At 300 s that is 333 requests a second; beyond
#: it the key is refused, never an older nonce forgotten. Source: threat 7.
MAX_PER_KEY: Final = 100_000

#: Nonces of all keys in the memory of one process, about 200 bytes each.
MAX_IN_MEMORY: Final = 1_000_000


class Taken(Enum):
    """What became of a nonce."""

    FIRST = "first"
    """It was never seen, and is remembered now."""
    REPEATED = "repeated"
    FULL = "full"
    """This key has as many alive as it may have."""


class NonceStore(Protocol):
    """Remembers nonces for every process that shares it."""

    def take(self, key_id: str, nonce: str, *, now: float, ends_at: float) -> Taken:
        """Remember *nonce* of a key until *ends_at*; exactly one of equal calls hears FIRST.

        Args:
            now: Seconds since 1970 UTC.
            ends_at: From then on the signature is too old anyway.

        Raises:
            StoreUnavailable: It cannot be known now; nothing may be accepted.
        """
        ...


class MemoryNonces:
    """Nonces in the memory of one process: for tests, and for servers of one process."""

    def __init__(self, *, max_per_key: int = MAX_PER_KEY, max_in_all: int = MAX_IN_MEMORY) -> None:
        self._max_per_key = max_per_key
        self._max_in_all = max_in_all
        self._alive: dict[tuple[str, str], float] = {}
        self._ends: list[tuple[float, tuple[str, str]]] = []
        self._per_key: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, key_id: str, nonce: str, *, now: float, ends_at: float) -> Taken:
        """See ``NonceStore.take``."""
        name = (key_id, nonce)
        with self._lock:
            self._forget(now)
            if name in self._alive:
                return Taken.REPEATED
            if self._per_key[key_id] >= self._max_per_key or len(self._alive) >= self._max_in_all:
                return Taken.FULL
            self._alive[name] = ends_at
            self._per_key[key_id] += 1
            heapq.heappush(self._ends, (ends_at, name))
            return Taken.FIRST

    def _forget(self, now: float) -> None:
        while self._ends and self._ends[0][0] < now:
            _, name = heapq.heappop(self._ends)
            del self._alive[name]
            self._per_key[name[0]] -= 1
            if not self._per_key[name[0]]:
                del self._per_key[name[0]]


class FallingBack:
    """Nonces in a shared store, and in the database while that does not answer.

    What the first store took before it went away, the second does not know: meanwhile only
    signatures made since then are judged, and the client is asked to sign again. When the first
    is back, both are asked for as long as a signature made meanwhile is good.

    Args:
        lifetime_s: Seconds from a signature's making to the end of its nonce.
        note: Hears of every failure of the first store.
    """

    def __init__(
        self,
        first: NonceStore,
        second: NonceStore,
        *,
        lifetime_s: float,
        note: Callable[[StoreUnavailable], None],
    ) -> None:
        self._first = first
        self._second = second
        self._lifetime_s = lifetime_s
        self._note = note
        self._down_since: float | None = None
        self._both_until = 0.0

    def take(self, key_id: str, nonce: str, *, now: float, ends_at: float) -> Taken:
        """See ``NonceStore.take``."""
        try:
            taken = self._first.take(key_id, nonce, now=now, ends_at=ends_at)
        except StoreUnavailable as error:
            self._note(error)
            return self._without_first(key_id, nonce, now=now, ends_at=ends_at)
        if self._down_since is not None:
            self._down_since = None
            self._both_until = now + self._lifetime_s
        if taken is Taken.FIRST and now < self._both_until:
            return self._second.take(key_id, nonce, now=now, ends_at=ends_at)
        return taken

    def _without_first(self, key_id: str, nonce: str, *, now: float, ends_at: float) -> Taken:
        if self._down_since is None:
            self._down_since = now
        made_at = ends_at - self._lifetime_s
        if made_at <= self._down_since:
            raise StoreUnavailable("the store of nonces went away after this was signed; sign anew")
        return self._second.take(key_id, nonce, now=now, ends_at=ends_at)
