"""Rates in Redis or Valkey, shared exactly by all processes, on the storages of ``limits``."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from math import inf
from typing import TYPE_CHECKING, Any, Final

from flask_jafsec.errors import StoreUnavailable

if TYPE_CHECKING:
    from limits.storage import RedisStorage

#: How long connecting and one answer may take, in seconds. Options of the store override it.
#: Source: the project's fault rules, R4.
TIMEOUT_S: Final = 0.05

#: Part of every key. ``limits`` keeps different strategies in different types under the same name:
#: a changed strategy with an old prefix would fail on every request (WRONGTYPE).
STRATEGY: Final = "moving-window-1"

#: Names of other programs for the same protocol, and how ``limits`` calls them.
_SCHEMES: Final = {"unix://": "redis+unix://", "valkey://": "redis://", "valkeys://": "rediss://"}


class SharedRates:
    """Satisfies ``protocols.RateStore``: never more than the limit within any window.

    Nothing is connected before the first request. A request costs one round trip to take and one
    to learn what is left.

    Args:
        address: ``redis://``, ``rediss://``, ``unix://``, ``valkey://`` or ``redis+unix://``.
        options: Further options, as Flask-Limiter's ``storage_options``.
        prefix: Keeps applications apart that share a store.
    """

    def __init__(self, address: str, options: Mapping[str, object], *, prefix: str) -> None:
        self._address = _as_limits_writes(address)
        self._options: dict[str, Any] = {
            "socket_connect_timeout": TIMEOUT_S,
            "socket_timeout": TIMEOUT_S,
            **options,
        }
        self._prefix = f"{prefix}:{STRATEGY}"
        self._lock = threading.Lock()
        self._storage: RedisStorage | None = None

    def take(
        self, key: str, limit: int, window_s: int, cost: int = 1
    ) -> tuple[bool, int, float, float]:
        """Take *cost* from the rate kept under *key*. See ``protocols.RateStore``."""
        storage = self._storage or self._connect()
        try:
            allowed = storage.acquire_entry(key, limit, window_s, amount=cost)
            oldest_at, count = storage.get_moving_window(key, limit, window_s)
            left = max(0, limit - count)
            now = time.time()
            if allowed:
                return True, left, 0.0, float(window_s)
            retry_s = self._retry_after(storage, key, limit, window_s, cost, count, oldest_at, now)
        except _failures() as error:
            raise StoreUnavailable(f"the shared store of limits failed: {_name(error)}") from error
        return False, left, retry_s, float(window_s)

    def _retry_after(
        self,
        storage: RedisStorage,
        key: str,
        limit: int,
        window_s: int,
        cost: int,
        count: int,
        oldest_at: float,
        now: float,
    ) -> float:
        """Return when enough entries have left the window."""
        if cost > limit:
            return inf
        leaving = count + cost - limit
        if leaving > 1:
            # Entries are pushed at the front: the n-th oldest is the n-th from the end.
            found = storage.storage.lindex(storage.prefixed_key(key), -leaving)
            oldest_at = float(found) if found is not None else oldest_at
        return max(0.0, oldest_at + window_s - now)

    def _connect(self) -> RedisStorage:
        from limits.storage import storage_from_string

        with self._lock:
            if self._storage is None:
                try:
                    made: Any = storage_from_string(
                        self._address, key_prefix=self._prefix, **self._options
                    )
                except _failures() as error:
                    raise StoreUnavailable(
                        f"the shared store of limits failed: {_name(error)}"
                    ) from error
                self._storage = made
            return self._storage


def _as_limits_writes(address: str) -> str:
    for scheme, known in _SCHEMES.items():
        if address.startswith(scheme):
            return known + address.removeprefix(scheme)
    return address


def _failures() -> tuple[type[Exception], ...]:
    from redis.exceptions import RedisError

    return (RedisError, OSError)


def _name(error: Exception) -> str:
    # The text of such an error may hold the address, and the address a password.
    return type(error).__name__
