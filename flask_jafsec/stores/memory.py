"""Every store in dictionaries, with real transactions; for tests. Nothing outlives the process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.stores.memory_contents import Contents
from flask_jafsec.stores.memory_tables import MemoryTables

#: How long a transaction waits for another one, in seconds; as long as the SQL stores do.
LOCK_WAIT_S = 5.0


class MemoryStore:
    """A ``Store`` in dictionaries.

    A transaction works on a copy, which takes the place of the contents when it ends well. So
    reading never waits, and sees one moment.
    """

    def __init__(self, *, lock_wait_s: float = LOCK_WAIT_S) -> None:
        self._lock_wait_s = lock_wait_s
        self._lock = threading.Lock()
        self._contents = Contents()

    @contextmanager
    def reading(self) -> Iterator[MemoryTables]:
        """Open the tables for reading; they refuse to be changed."""
        yield MemoryTables(self._contents)

    @contextmanager
    def writing(self) -> Iterator[MemoryTables]:
        """Open one transaction: kept at the end, forgotten by any exception.

        Raises:
            StoreUnavailable: Another transaction did not end in time.
        """
        if not self._lock.acquire(timeout=self._lock_wait_s):
            raise StoreUnavailable("another transaction did not end in time")
        try:
            contents = self._contents.copy()
            yield MemoryTables(contents)
            contents.is_open = False
            self._contents = contents
        finally:
            self._lock.release()

    def epoch(self) -> int:
        """Return the present epoch."""
        return self._contents.epoch

    def close(self) -> None:
        """Do nothing: there are no connections, and the contents stay."""
