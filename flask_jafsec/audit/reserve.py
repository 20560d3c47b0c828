"""Room on the journals' disk that is kept for the last events before a full disk stops all."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_log = logging.getLogger("flask_jafsec.audit")

#: How much is kept. Source: fault matrix, row 8.
RESERVE_BYTES: Final = 8 * 1024 * 1024

NAME: Final = "reserve"


class Reserve:
    """A file of nothing, which is deleted when the disk is full. Processes share it.

    Args:
        folder: That of the journals.
    """

    def __init__(self, folder: Path, size_bytes: int = RESERVE_BYTES) -> None:
        self._path = folder / NAME
        self._size_bytes = size_bytes
        self.was_given_up = False
        """Whether this process has used it since it was made."""

    def make(self) -> None:
        """Keep the room, unless that is done; where there is none, try again another time."""
        if self._path.exists():
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            descriptor = os.open(self._path, flags, 0o600)
        except OSError:
            return  # another process was faster, or there is not even room for a name
        try:
            # Not by its length: a file with a hole in it would keep nothing.
            os.posix_fallocate(descriptor, 0, self._size_bytes)
            self.was_given_up = False
        except OSError as error:
            _log.debug("no room is kept for a full disk: %s", error.strerror)
            with suppress(OSError):
                self._path.unlink()
        finally:
            os.close(descriptor)

    def give_up(self) -> None:
        """Make the room free."""
        try:
            self._path.unlink()
        except OSError:
            return
        self.was_given_up = True
        _log.critical("the disk of %s is full; the last reserve is used", self._path.parent)
