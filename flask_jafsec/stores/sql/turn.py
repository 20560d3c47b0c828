"""Whose turn it is to write to a SQLite file: threads of one process, and processes."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Final

from flask_jafsec.errors import StoreUnavailable

#: How often a process looks whether another has finished, in seconds. SQLite's own waiting grows
#: to a tenth of a second, by which the one that waits longest is passed again and again.
LOOK_EVERY_S: Final = (0.0005, 0.002)

#: Of our own: a program may have seeded the common one, and a test may watch who uses it.
_spread: Final = Random()  # noqa: S311 - spreads processes in time, keeps no secret


class WriteTurn:
    """A queue in front of SQLite's write lock. Readers never stand in it.

    Threads wait on a lock, since SQLite would have them sleep, blind to who came first and, with
    green threads, stopping the one that holds it. Processes wait on a locked file beside the
    database.
    """

    def __init__(self, path: Path, wait_s: float) -> None:
        self._path = Path(f"{path}.writelock")
        self._wait_s = wait_s
        self._lock = threading.Lock()
        self._descriptor: int | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait for the turn, and keep it inside.

        Raises:
            StoreUnavailable: It did not come in time.
        """
        deadline = time.monotonic() + self._wait_s
        if not self._lock.acquire(timeout=self._wait_s):
            raise StoreUnavailable(f"{self._path}: another transaction did not end in time")
        try:
            descriptor = self._opened()
            while not taken(descriptor):
                if time.monotonic() > deadline:
                    raise StoreUnavailable(f"{self._path}: another process did not end in time")
                time.sleep(_spread.uniform(*LOOK_EVERY_S))
            try:
                yield
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        finally:
            self._lock.release()

    def begin_again(self) -> None:
        """Take a lock and a file of one's own: a fork shares the parent's, and its turn."""
        self._lock = threading.Lock()
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def close(self) -> None:
        """Let go of the file; it is opened again when used again."""
        with self._lock:
            descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _opened(self) -> int:
        if self._descriptor is None:
            try:
                flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
                self._descriptor = os.open(self._path, flags, 0o600)
            except OSError as error:
                raise StoreUnavailable(
                    f"{self._path} cannot be opened: {error.strerror}"
                ) from error
        return self._descriptor


def taken(descriptor: int) -> bool:
    """Return whether the file's lock is ours now; never waits.

    Raises:
        StoreUnavailable: Files cannot be locked there, as on some network drives.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise StoreUnavailable(f"a file cannot be locked: {error.strerror}") from error
    return True
