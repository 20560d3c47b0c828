"""The second sink: one file per writer, for when the database does not answer.

A line is one event, or one key or subject that events of the file refer to. The file belongs to
the process that holds its lock; a file whose lock is free was left behind by a dead one. What is
done with the lines stands in importing.py.
"""

from __future__ import annotations

import fcntl
import os
import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from flask_jafsec.audit.rows import DataKey, EventRow, SealedRow, Subject
from flask_jafsec.errors import JafsecError

SUFFIX: Final = ".j"

#: Bytes of all journals of one folder at most. Source: audit-log specification, 5.5.
MAX_FOLDER_BYTES: Final = 256 * 1024 * 1024

#: A line holds an envelope of 8 KiB and a sealed part in base64; more is not ours.
MAX_LINE_BYTES: Final = 64 * 1024

_FILE: Final = re.compile(r"[0-9a-f]{16}\.j")


class JournalFailed(JafsecError):
    """The file could not be written; it is not used again."""

    code = "journal_failed"


class Line(NamedTuple):
    """What one line holds: exactly one of the fields, or none for a line that is damaged."""

    end: int
    """Where the next line begins, in bytes."""
    row: EventRow | None = None
    sealed: SealedRow | None = None
    """Beside its event only."""
    subject: Subject | None = None
    data_key: DataKey | None = None

    @property
    def is_damaged(self) -> bool:
        """Whether the line holds nothing that can be read."""
        return self.row is None and self.subject is None and self.data_key is None


@dataclass(slots=True)
class Journal:
    """A file this process appends to, and nobody else."""

    path: Path
    _descriptor: int
    size: int = 0

    @classmethod
    def create(cls, folder: Path, writer_id: str) -> Journal:
        """Make the file of a writer; it is durable before anything is in it.

        Raises:
            JournalFailed: It cannot be made, or was there before.
        """
        path = folder / f"{writer_id}{SUFFIX}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        try:
            descriptor = os.open(path, flags, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _sync_folder(folder)
        except OSError as error:
            raise JournalFailed(f"{path} cannot be made: {error.strerror}") from error
        return cls(path, descriptor)

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

    def _take_back(self) -> None:
        # What was not confirmed is written elsewhere, and must not come back from here as well.
        with suppress(OSError):
            os.ftruncate(self._descriptor, self.size)
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

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)


def left_behind(folder: Path) -> Iterator[Adopted]:
    """Yield the files whose process is gone, each locked until it is closed."""
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        if not _FILE.fullmatch(path.name):
            continue
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue  # another process imported and removed it just now
        if _is_ours(descriptor, path):
            yield Adopted(path, descriptor)
        else:
            os.close(descriptor)


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


def lines_of(
    rows: Sequence[EventRow],
    sealed: Sequence[SealedRow],
    subjects: Sequence[Subject],
    keys: Sequence[DataKey],
) -> bytes:
    """Return the lines of a batch: what events refer to stands in front of them."""
    lines = [b"subject %s %s %s %d" % _subject_fields(subject) for subject in subjects]
    lines += [b"key %s %s %s %s %s %d" % _key_fields(key) for key in keys]
    sealed_by_n = {(part.writer_id, part.n): part for part in sealed}
    for row in rows:
        part = sealed_by_n.get((row.writer_id, row.n))
        lines.append(_event_line(row, part))
    return b"".join(line + b"\n" for line in lines)


def read_lines(path: Path, start: int) -> Iterator[Line]:
    """Yield the whole lines from byte *start* on; a torn last line is not one yet.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        file.seek(start)
        end = start
        while raw := file.readline(MAX_LINE_BYTES):
            end += len(raw)
            if not raw.endswith(b"\n") and len(raw) < MAX_LINE_BYTES:
                return
            yield _parsed(raw, end)


def _parsed(raw: bytes, end: int) -> Line:
    try:
        kind, *fields = raw.decode("ascii").split()
        if kind == "event":
            return _event(fields, end)
        if kind == "subject":
            ref, lookup, key, created = fields
            return Line(end, subject=Subject(ref, _bytes(lookup), key, int(created)))
        if kind == "key":
            ref, sort, name, wrapped, kek, created = fields
            key_row = DataKey(ref, sort, name, _bytes(wrapped), kek, int(created))
            return Line(end, data_key=key_row)
    except (ValueError, NotBase64):
        pass
    return Line(end)


def _event(fields: Sequence[str], end: int) -> Line:
    writer, n, mac_key, mac, envelope, key_ref, data = fields
    row = EventRow(writer, int(n), _bytes(envelope), bytes.fromhex(mac), mac_key)
    if key_ref == "-":
        return Line(end, row)
    return Line(end, row, SealedRow(writer, int(n), key_ref, _bytes(data)))


def _event_line(row: EventRow, sealed: SealedRow | None) -> bytes:
    key_ref, data = ("-", b"-") if sealed is None else (sealed.key_ref, b64encode(sealed.data))
    head = f"event {row.writer_id} {row.n} {row.mac_key} {row.mac.hex()} ".encode()
    return head + b64encode(row.envelope) + f" {key_ref} ".encode() + data


def _subject_fields(subject: Subject) -> tuple[bytes, bytes, bytes, int]:
    lookup = b64encode(subject.lookup or b"")
    return subject.ref.encode(), lookup, subject.lookup_key.encode(), subject.created_at


def _key_fields(key: DataKey) -> tuple[bytes, bytes, bytes, bytes, bytes, int]:
    wrapped = b64encode(key.wrapped or b"")
    texts = (key.ref.encode(), key.kind.encode(), key.name.encode(), wrapped, key.kek_id.encode())
    return (*texts, key.created_at)


def _bytes(text: str) -> bytes:
    return b64decode(text, validate=True)


def _is_ours(descriptor: int, path: Path) -> bool:
    """Return whether the file is locked for us now, and still has its name."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(descriptor).st_ino == path.stat().st_ino
    except OSError:
        return False


def _sync_folder(folder: Path) -> None:
    # A file whose name is not on the disk is gone after a power cut, whatever is in it.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
