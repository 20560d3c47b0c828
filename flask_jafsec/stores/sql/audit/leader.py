"""Who sequences: one process at a time, by a locked file beside a SQLite database.

On PostgreSQL the transaction takes an advisory lock instead (growth.py), which also works behind a
pooler that hands connections around.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.stores.sql.turn import taken


class Leader:
    """A lock that nobody waits for."""

    def __init__(self, path: Path | None) -> None:
        self._path = None if path is None else Path(f"{path}.sequencer")

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Yield whether this process is the only one inside. Raises StoreUnavailable."""
        if self._path is None:
            yield True
            return
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnavailable(f"{self._path} cannot be opened: {error.strerror}") from error
        is_ours = False
        try:
            is_ours = taken(descriptor)
            yield is_ours
        finally:
            if is_ours:
                # Closing alone would leave it to a child that was forked meanwhile.
                fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)
