"""Events as JSON lines in a file that others rotate and collect."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from flask_jafsec.audit.sinks.connecting import words_of
from flask_jafsec.audit.sinks.rendering import ExportRecord
from flask_jafsec.audit.sinks.target import TargetFailed

#: Never through a link somebody else could have put there, and never waiting for a pipe's reader.
_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class LineFile:
    """Appends records to the file at *path*, and confirms them when they are on the disk.

    The file is opened by its name for every batch: after a rotation that is the new one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = f"file:{path}"

    def send(self, records: Sequence[ExportRecord]) -> None:
        """Append *records*. Raises TargetFailed."""
        lines = "".join(f"{record.line}\n" for record in records).encode()
        try:
            with self._opened() as descriptor:
                _append(descriptor, lines)
        except OSError as error:
            raise TargetFailed(f"{self._path} cannot be written: {words_of(error)}") from error

    @contextmanager
    def _opened(self) -> Iterator[int]:
        is_new = not self._path.exists()
        descriptor = os.open(self._path, _FLAGS, 0o600)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise TargetFailed(f"{self._path} is not a file")
            # Another process may still be at it, when its lease ended in the middle of a batch.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield descriptor
            if is_new:
                _sync_folder(self._path.parent)
        finally:
            # Said aloud: a child that was forked just now has the same lock, and would keep it.
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)


def _append(descriptor: int, lines: bytes) -> None:
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        # A crash left half a line. It stays, as a line of its own: the event comes again now.
        lines = b"\n" + lines
    try:
        written = 0
        while written < len(lines):
            written += os.write(descriptor, lines[written:])
        os.fsync(descriptor)
    except OSError:
        with suppress(OSError):
            os.ftruncate(descriptor, size)
        raise


def _sync_folder(folder: Path) -> None:
    # A file whose name is not on the disk is gone after a power cut, whatever is in it.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
