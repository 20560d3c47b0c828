"""Where a writer's events go while the database does not answer, and how they come back.

Once a writer has spooled, it stays on its journal until everything in it is imported, so that the
database never holds a later event and lacks an earlier one for long.
"""

from __future__ import annotations

import errno
import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from flask_jafsec.audit import journal
from flask_jafsec.audit.journal import Adopted, Journal, JournalFailed, JournalFull
from flask_jafsec.audit.journal_lines import Line, lines_of, read_lines
from flask_jafsec.audit.reserve import Reserve
from flask_jafsec.audit.rows import DataKey, EventRow, SealedRow, Subject, Writer
from flask_jafsec.audit.store import AuditBatch, AuditStore

_log = logging.getLogger("flask_jafsec.audit")

#: Lines imported in one transaction. Source: audit-log specification, 5.5.
IMPORT_LINES: Final = 500

#: When less than this is left, the writer is made to wait while it is imported.
LAST_BYTES: Final = 300 * 1_500


#: After how many bytes of its own a process looks how large all journals have become.
LOOK_BYTES: Final = 1024 * 1024


class Spool:
    """The journal of one writer, for its own thread and the one that imports.

    Args:
        folder: Where it stands; None to have no second place.
        max_bytes: What all journals of the folder may have together.
        reserve: Given up when the disk is full, so that the last events find room.
    """

    def __init__(
        self,
        folder: Path | None,
        max_bytes: int = journal.MAX_FOLDER_BYTES,
        reserve: Reserve | None = None,
    ) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self.reserve = reserve
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._journal: Journal | None = None
        self._room = 0
        self._writer: Writer | None = None

    def begin_again(self) -> None:
        """Let go of the file without a word: after a fork it is the parent's."""
        if self._journal is not None:
            self._journal.close()
        self._begin()

    @property
    def is_open(self) -> bool:
        """Whether events must go here, whatever the database says."""
        return self._journal is not None

    def keep(
        self,
        writer: Writer,
        rows: Sequence[EventRow],
        sealed: Sequence[SealedRow],
        subjects: Sequence[Subject],
        keys: Sequence[DataKey],
    ) -> None:
        """Write a batch and return when it is on the disk.

        Raises:
            JournalFull: There is no room, or no folder. Nothing was written; more may be later.
            JournalFailed: It could not be kept. The file is closed and will be imported as far as
                it was written before.
        """
        lines = lines_of(rows, sealed, subjects, keys)
        with self._lock:
            if self._folder is None:
                raise JournalFull("there is no folder for journals")
            self._take_room(self._folder, len(lines))
            try:
                self._write(self._folder, writer, lines)
            except JournalFailed as error:
                if self.reserve is None or not _is_disk_full(error):
                    raise
                self.reserve.give_up()
                self._write(self._folder, writer, lines)

    def _write(self, folder: Path, writer: Writer, lines: bytes) -> None:
        current = self._journal or Journal.create(folder, writer.writer_id)
        try:
            current.append(lines)
        except JournalFailed:
            self._journal = None
            raise
        self._journal, self._writer = current, writer

    def abandon(self) -> None:
        """Close the file; whoever looks for journals imports it."""
        with self._lock:
            open_journal, self._journal = self._journal, None
            if open_journal is not None:
                open_journal.close()

    def bring_in(self, store: AuditStore) -> bool:
        """Import what is there; return whether nothing is left and the writer may go back.

        Raises:
            StoreUnavailable: The database still does not answer.
        """
        current, writer = self._journal, self._writer
        if current is None or writer is None:
            return True
        # The first time without the lock, however little there is: while the database hangs, the
        # writer must not wait for it too.
        more = _import_next(current, store, writer)
        while more and current.size - current.imported > LAST_BYTES:
            more = _import_next(current, store, writer)
        with self._lock:
            if self._journal is not current:
                return self._journal is None
            while _import_next(current, store, writer):
                pass
            if current.imported == current.size and not current.is_damaged:
                current.remove()
            else:
                _log.error("not all of the journal %s can be read; it is kept", current.path)
                current.set_aside()
            self._journal = None
        return True

    def _take_room(self, folder: Path, wanted: int) -> None:
        """Count *wanted* bytes; every so often count what everybody has written.

        Raises:
            JournalFull: There is not so much left.
        """
        if self._journal is None or self._room < wanted:
            left = self._max_bytes - journal.folder_bytes(folder)
            if left < wanted:
                self._room = 0
                raise JournalFull(f"the journals in {folder} have reached their limit")
            self._room = min(left, wanted + LOOK_BYTES)
        self._room -= wanted


def adopt(
    folder: Path,
    store: AuditStore,
    now: int,
    skip: Callable[[Path], object] = lambda _path: None,
) -> list[str]:
    """Import every journal whose process is gone; return the ids of those that wrote something.

    Args:
        now: Microseconds since 1970.
        skip: Is told of each journal that another user wrote, and that is not imported.

    Raises:
        StoreUnavailable: The database does not answer; the rest is imported another time.
        OSError: A file cannot be read.
    """
    adopted: list[str] = []
    journal.remove_unfinished(folder, now / 1_000_000)
    for left in journal.left_behind(folder, skip):
        with closing(left):
            if _import_all(left, store, now):
                adopted.append(left.writer_id)
    return adopted


def _import_all(left: Adopted, store: AuditStore, now: int) -> bool:
    stranger = Writer(
        writer_id=left.writer_id, started_at=now, host="", pid=0, version="", seen_at=now
    )
    end, is_damaged = 0, False
    while True:
        done = import_some(store, left.path, end, stranger)
        is_damaged = is_damaged or bool(done.damaged)
        if done.end == end:
            break
        end = done.end
    if is_damaged:
        left.set_aside()
    else:
        left.remove()
    return end > 0


def _is_disk_full(error: JournalFailed) -> bool:
    cause = error.__cause__
    return isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)


class Imported(NamedTuple):
    """What one transaction took from a journal."""

    end: int
    """Where the rest begins."""
    damaged: int
    """Lines that were left out."""


def import_some(store: AuditStore, path: Path, start: int, writer: Writer) -> Imported:
    """Import the next lines of a journal in one transaction; tell how far that was.

    Raises:
        StoreUnavailable: Nothing was imported, or nobody knows; the same again is harmless.
    """
    lines = list(islice(read_lines(path, start), IMPORT_LINES))
    if not lines:
        return Imported(start, 0)
    with store.importing() as batch:
        _add(batch, lines, writer)
    damaged = sum(line.is_damaged for line in lines)
    if damaged:
        _log.error("%d damaged line(s) in the journal %s were left out", damaged, path)
    return Imported(lines[-1].end, damaged)


def _import_next(current: Journal, store: AuditStore, writer: Writer) -> bool:
    """Import the next lines of a writer's own journal; return whether there were any."""
    before = current.imported
    done = import_some(store, current.path, before, writer)
    current.imported = done.end
    current.is_damaged = current.is_damaged or bool(done.damaged)
    return done.end > before


def _add(batch: AuditBatch, lines: Sequence[Line], writer: Writer) -> None:
    batch.add_writer(writer)
    batch.add_subjects([line.subject for line in lines if line.subject is not None])
    batch.add_data_keys([line.data_key for line in lines if line.data_key is not None])
    rows = [line.row for line in lines if line.row is not None]
    batch.append_again(rows, [line.sealed for line in lines if line.sealed is not None])
