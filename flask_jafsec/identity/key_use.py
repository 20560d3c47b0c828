"""How often each API key is used, counted in memory and written now and then."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Final

from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.protocols import Store
from flask_jafsec.records import KeyUse

#: A key's counts are written at most this often, in seconds.
#: Source: answers.md, "Usage of API keys".
WRITE_EVERY_S: Final = 60.0

#: How long a store that failed is left alone, in seconds. Whoever flushes has other work to do.
RETRY_AFTER_S: Final = 10.0

_HOUR_S: Final = 3600


class _Count:
    __slots__ = ("allowed", "last", "refused")

    def __init__(self) -> None:
        self.allowed = 0
        self.refused = 0
        self.last = 0.0

    def add(self, other: _Count) -> None:
        self.allowed += other.allowed
        self.refused += other.refused
        self.last = max(self.last, other.last)


class KeyUseCounter:
    """Counts uses by key and hour. Thread safe.

    One number per key and hour is kept until the store has taken it, so nothing is dropped, and
    what is kept is bounded by the keys there are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, int], _Count] = {}
        self._written: dict[str, float] = {}
        """When each key's counts were last written."""
        self._retry_at = 0.0

    def count(self, key_id: str, now: float, *, allowed: bool) -> None:
        """Count one use of a key that exists, at *now* (seconds since 1970 UTC)."""
        place = (key_id, int(now) // _HOUR_S)
        with self._lock:
            count = self._counts.get(place)
            if count is None:
                count = self._counts[place] = _Count()
            if allowed:
                count.allowed += 1
            else:
                count.refused += 1
            count.last = now

    def flush(self, now: float) -> int:
        """Write the counts of every key not written for a minute; return how many numbers.

        A store that does not answer loses nothing: it is tried again ten seconds later.
        """
        if now < self._retry_at <= now + RETRY_AFTER_S:
            return 0
        return self._write(self._take_due(now), now)

    def flush_all(self, now: float) -> int:
        """Write every count, before the process ends; return how many numbers."""
        with self._lock:
            taken, self._counts = self._counts, {}
        return self._write(taken, now)

    def _take_due(self, now: float) -> dict[tuple[str, int], _Count]:
        # A clock that was set back makes a key due, too.
        with self._lock:
            self._written = {
                key_id: at for key_id, at in self._written.items() if 0 <= now - at < WRITE_EVERY_S
            }
            due = [place for place in self._counts if place[0] not in self._written]
            return {place: self._counts.pop(place) for place in due}

    def _write(self, taken: dict[tuple[str, int], _Count], now: float) -> int:
        if not taken:
            return 0
        uses = [_use(key_id, hour, count) for (key_id, hour), count in taken.items()]
        try:
            with self._store.writing() as tables:
                tables.keys.add_uses(uses)
        except BaseException as error:
            self._put_back(taken, now)
            if isinstance(error, StoreUnavailable):
                return 0
            raise
        with self._lock:
            self._written.update(dict.fromkeys((key_id for key_id, _ in taken), now))
        return len(uses)

    def _put_back(self, taken: dict[tuple[str, int], _Count], now: float) -> None:
        with self._lock:
            self._retry_at = now + RETRY_AFTER_S
            for place, count in taken.items():
                newer = self._counts.get(place)
                if newer is not None:
                    count.add(newer)
                self._counts[place] = count


def _use(key_id: str, hour: int, count: _Count) -> KeyUse:
    return KeyUse(
        key_id,
        datetime.fromtimestamp(hour * _HOUR_S, UTC),
        count.allowed,
        count.refused,
        datetime.fromtimestamp(count.last, UTC),
    )
