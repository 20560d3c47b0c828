"""Where a writer's events go while the database does not answer, and how they come back.

Once a writer has spooled, it stays on its journal until everything in it is imported, so that the
database never holds a later event and lacks an earlier one for long.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from flask_jafsec.audit import journal
from flask_jafsec.audit.journal import Adopted, Journal, JournalFailed, Line
from flask_jafsec.audit.rows import DataKey, EventRow, SealedRow, Subject, Writer
from flask_jafsec.audit.store import AuditBatch, AuditStore

_log = logging.getLogger("flask_jafsec.audit")

#: Lines imported in one transaction. Source: audit-log specification, 5.5.
IMPORT_LINES: Final = 500

#: When less than this is left, the writer is made to wait while it is imported.
LAST_BYTES: Final = 300 * 1_500


class Spool:
    """The journal of one writer, for its own thread and the one that imports."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._journal: Journal | None = None
        self._imported = 0
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
            JournalFailed: It could not be kept. The file is closed and will be imported as far as
                it was written before.
        """
        with self._lock:
            self._open(writer)
            if self._journal is None:
                raise JournalFailed("there is no folder for journals")
            try:
                self._journal.append(journal.lines_of(rows, sealed, subjects, keys))
            except JournalFailed:
                self._journal = None
                raise

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
        current = self._journal
        if current is None or self._writer is None:
            return True
        while current.size - self._imported > LAST_BYTES:
            self._imported = import_some(store, current.path, self._imported, self._writer)
        with self._lock:
            if self._journal is not current:
                return self._journal is None
            while current.size > self._imported:
                before = self._imported
                self._imported = import_some(store, current.path, before, self._writer)
                if self._imported == before:
                    break
            current.remove()
            self._journal = None
        return True

    def _open(self, writer: Writer) -> None:
        if self._journal is not None or self._folder is None:
            return
        if journal.folder_bytes(self._folder) > journal.MAX_FOLDER_BYTES:
            raise JournalFailed(f"the journals in {self._folder} have reached their limit")
        self._journal = Journal.create(self._folder, writer.writer_id)
        self._imported = 0
        self._writer = writer


def adopt(folder: Path, store: AuditStore, now: int) -> list[str]:
    """Import every journal whose process is gone; return their writers' ids.

    Raises:
        StoreUnavailable: The database does not answer; the rest is imported another time.
        OSError: A file cannot be read.
    """
    adopted: list[str] = []
    for left in journal.left_behind(folder):
        with closing(left):
            _import_all(left, store, now)
            left.remove()
            adopted.append(left.writer_id)
    return adopted


def _import_all(left: Adopted, store: AuditStore, now: int) -> None:
    stranger = Writer(
        writer_id=left.writer_id, started_at=now, host="", pid=0, version="", seen_at=now
    )
    done = -1
    end = 0
    while end != done:
        done, end = end, import_some(store, left.path, end, stranger)


def import_some(store: AuditStore, path: Path, start: int, writer: Writer) -> int:
    """Import the next lines of a journal in one transaction; return where the rest begins.

    Raises:
        StoreUnavailable: Nothing was imported, or nobody knows; the same again is harmless.
    """
    lines: list[Line] = []
    for line in journal.read_lines(path, start):
        lines.append(line)
        if len(lines) >= IMPORT_LINES:
            break
    if not lines:
        return start
    with store.importing() as batch:
        _add(batch, lines, writer)
    damaged = sum(line.is_damaged for line in lines)
    if damaged:
        _log.error("%d damaged line(s) in the journal %s were left out", damaged, path)
    return lines[-1].end


def _add(batch: AuditBatch, lines: Sequence[Line], writer: Writer) -> None:
    batch.add_writer(writer)
    batch.add_subjects([line.subject for line in lines if line.subject is not None])
    batch.add_data_keys([line.data_key for line in lines if line.data_key is not None])
    rows = [line.row for line in lines if line.row is not None]
    batch.append_again(rows, [line.sealed for line in lines if line.sealed is not None])
