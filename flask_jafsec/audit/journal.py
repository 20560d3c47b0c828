"""The second sink: one file per writer, for when the database does not answer.

The file belongs to the process that holds its lock; a file whose lock is free was left behind by a
dead one. What stands in it is said in journal_lines.py, what is done with it in spool.py.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flask_jafsec.errors import JafsecError

SUFFIX: Final = ".j"

#: The end of the name of a file that is not locked yet.
NEW_SUFFIX: Final = ".new"

#: The end of the name of a file that could not be read to its end. Nobody deletes it: it may be
#: evidence, of a broken disk or of somebody's hands.
DAMAGED_SUFFIX: Final = ".damaged"

#: Bytes of all journals of one folder at most. Source: audit-log specification, 5.5.
MAX_FOLDER_BYTES: Final = 256 * 1024 * 1024

#: After how long a file that is not locked yet is nobody's, in seconds. Locking it takes less than
#: a millisecond.
UNFINISHED_S: Final = 60.0

_FILE: Final = re.compile(r"[0-9a-f]{16}\.j")


class JournalFailed(JafsecError):
    """The file could not be written; it is not used again."""

    code = "journal_failed"


class JournalFull(JournalFailed):
    """All journals of the folder together are as large as they may be. Nothing was written."""

    code = "journal_full"


@dataclass(slots=True)
class Journal:
    """A file this process appends to, and nobody else."""

    path: Path
    _descriptor: int
    size: int = 0
    """Bytes that are on the disk."""
    imported: int = 0
    """Bytes that are in the database too."""
    is_damaged: bool = False
    """Whether a line could not be read back."""

    @classmethod
    def create(cls, folder: Path, writer_id: str) -> Journal:
        """Make the file of a writer; it is durable before anything is in it.

        Raises:
            JournalFailed: It cannot be made, or was there before.
        """
        path = folder / f"{writer_id}{SUFFIX}"
        unlocked = path.with_suffix(NEW_SUFFIX)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        try:
            descriptor = os.open(unlocked, flags, 0o600)
        except OSError as error:
            raise JournalFailed(f"{path} cannot be made: {error.strerror}") from error
        made = cls(path, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Only now under the name that is looked for. Between being made and being locked it
            # would look left behind, be deleted, and be written to by us with nobody the wiser.
            _rename(unlocked, path)
            _sync_folder(folder)
        except OSError as error:
            unlocked.unlink(missing_ok=True)
            made.close()  # and whoever looks for journals removes it
            raise JournalFailed(f"{path} cannot be made: {error.strerror}") from error
        return made

    def append(self, lines: bytes) -> None:
        """Write *lines* and return when they are on the disk.

        After an error the kernel may have dropped what was written and say nothing the next time,
        so the file is never used again. Source: "fsyncgate", PostgreSQL wiki; fault matrix row 10.

        Raises:
            JournalFailed: They may or may not be kept.
        """
        try:
            written = 0
            while written < len(lines):
                written += os.write(self._descriptor, lines[written:])
            os.fdatasync(self._descriptor)
        except OSError as error:
            self._take_back()
            raise JournalFailed(f"{self.path} cannot be written: {error.strerror}") from error
        self.size += len(lines)

    def close(self) -> None:
        """Let go of the file; whoever looks now finds it left behind."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def remove(self) -> None:
        """Delete the file, all of which is imported."""
        self.path.unlink(missing_ok=True)
        self.close()

    def set_aside(self) -> None:
        """Keep the file under another name, since not all of it could be read."""
        _set_aside(self.path)
        self.close()

    def _take_back(self) -> None:
        # What was not confirmed is written elsewhere, and must not come back from here as well.
        with suppress(OSError):
            os.ftruncate(self._descriptor, self.size)
            if not self.size:
                self.path.unlink()  # a full disk would get one empty file for every event
        self.close()


@dataclass(slots=True)
class Adopted:
    """A file another process left behind, locked for this one."""

    path: Path
    _descriptor: int

    @property
    def writer_id(self) -> str:
        """Whose events these are."""
        return self.path.stem

    def remove(self) -> None:
        """Delete the file, all of which is imported."""
        self.path.unlink(missing_ok=True)

    def set_aside(self) -> None:
        """Keep the file under another name, since not all of it could be read."""
        _set_aside(self.path)

    def close(self) -> None:
        """Let go of the file, also for a child that was forked meanwhile."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        os.close(self._descriptor)


def left_behind(
    folder: Path, skip: Callable[[Path], object] = lambda _path: None
) -> Iterator[Adopted]:
    """Yield the files whose process is gone, each locked until it is closed.

    Args:
        skip: Is told of each file that another user wrote: whoever may write into the folder must
            not be able to put events into the log.
    """
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        if not _FILE.fullmatch(path.name):
            continue
        if _is_foreign(path):
            skip(path)
            continue
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            continue  # another process imported and removed it just now
        if _is_ours(descriptor, path):
            yield Adopted(path, descriptor)
        else:
            os.close(descriptor)


def remove_unfinished(folder: Path, now: float) -> None:
    """Remove files that were begun by processes which died before they had locked them.

    Nothing can be in them. The young ones may be in somebody's hands.

    Args:
        now: Seconds since 1970.
    """
    for path in folder.glob(f"*{NEW_SUFFIX}"):
        with suppress(OSError):
            found = path.lstat()
            is_file = stat.S_ISREG(found.st_mode) and found.st_size == 0
            if is_file and now - found.st_mtime > UNFINISHED_S:
                path.unlink()


def folder_bytes(folder: Path) -> int:
    """Return the size of all journals of a folder."""
    total = 0
    for path in folder.glob(f"*{SUFFIX}"):
        try:
            total += path.stat().st_size
        except OSError:
            continue
    return total


def prepare_folder(folder: Path) -> None:
    """Make the folder, for its owner only, and try it.

    Raises:
        JournalFailed: It cannot be made or written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise JournalFailed(f"{folder} cannot be made: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise JournalFailed(f"{folder} cannot be written")
    with suppress(OSError):  # a folder above that may be entered but not read
        _sync_folder(folder.parent)


def _is_ours(descriptor: int, path: Path) -> bool:
    """Return whether the file is locked for us now, still has its name, and was written by us."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found, named = os.fstat(descriptor), path.lstat()
    except OSError:
        return False
    is_same = (found.st_dev, found.st_ino) == (named.st_dev, named.st_ino)
    return is_same and stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()


def _is_foreign(path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_uid != os.geteuid()


def _set_aside(path: Path) -> None:
    with suppress(OSError):
        path.rename(path.with_name(path.name + DAMAGED_SUFFIX))


def _rename(path: Path, name: Path) -> None:
    # Names are random and nobody else's: what is there can only be one of ours that failed before.
    if os.path.lexists(name):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(name))
    path.rename(name)


def _sync_folder(folder: Path) -> None:
    # A file whose name is not on the disk is gone after a power cut, whatever is in it.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
