"""Appends to the log: plain inserts on SQLite, COPY on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import Table, select, update

from flask_jafsec.audit.rows import DataKey, EventRow, SealedRow, Subject, Writer
from flask_jafsec.protocols import Tables
from flask_jafsec.stores.audit_tables import DATA_KEY, EVENT, SEALED, SUBJECT, WRITER
from flask_jafsec.stores.sql.inserts import insert_if_new
from flask_jafsec.stores.sql.sql_tables import SqlTables
from flask_jafsec.stores.sql.transaction import Transaction

T = TypeVar("T")

#: There is one log in a database; the number leaves room for more.
LOG_ID: Final = 1

#: Values in one ``IN (...)``; SQLite allows 32,766 variables, PostgreSQL plans long lists slowly.
MAX_IN: Final = 500


class _NotThere(Exception):
    """Undoes what ``SqlAuditBatch.has`` tried."""


class SqlAuditBatch:
    """One transaction that appends. Satisfies ``audit.store.AuditBatch``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self.tables: Tables = SqlTables(transaction)

    def attempt(self, change: Callable[[Tables], T]) -> T:
        """Run *change* under a savepoint: what it raises undoes itself alone."""
        with self._transaction.savepoint():
            return change(self.tables)

    def add_writer(self, writer: Writer) -> None:
        """Add the row of a new writer; one that is there already stays as it is."""
        self._add_if_new(
            WRITER,
            [
                {
                    "writer_id": writer.writer_id,
                    "log_id": LOG_ID,
                    "started_at": writer.started_at,
                    "host": writer.host,
                    "pid": writer.pid,
                    "version": writer.version,
                    "sequenced_n": writer.sequenced_n,
                    "sequenced_hash": writer.sequenced_hash,
                    "final_n": writer.final_n,
                    "seen_at": writer.seen_at,
                }
            ],
        )

    def end_writer(self, writer_id: str, final_n: int) -> None:
        """Note the last number of a writer that stops."""
        ended = update(WRITER).where(WRITER.c.writer_id == writer_id).values(final_n=final_n)
        self._transaction.change(ended)

    def append(self, rows: Sequence[EventRow], sealed: Sequence[SealedRow]) -> None:
        """Add events; the fast way."""
        if rows:
            self._transaction.append(EVENT, rows)
        if sealed:
            self._transaction.append(SEALED, sealed)

    def append_again(self, rows: Sequence[EventRow], sealed: Sequence[SealedRow]) -> None:
        """Add those events that are not there yet, by writer and number."""
        self._add_if_new(EVENT, [row._asdict() for row in rows])
        self._add_if_new(SEALED, [row._asdict() for row in sealed])

    def has(self, writer_id: str, n: int) -> bool:
        """Return whether this event is there, also when it arrives at this very moment.

        A transaction whose client is gone may still be about to commit. Looking would not see it;
        adding the same number waits for it.
        """
        try:
            self.attempt(lambda _tables: self._add_in_vain(writer_id, n))
        except _NotThere:
            return False
        return True

    def subjects(self, lookups: Sequence[bytes]) -> Sequence[Subject]:
        """Return the subjects with these indexes."""
        columns = (SUBJECT.c.ref, SUBJECT.c.lookup, SUBJECT.c.lookup_key, SUBJECT.c.created_at)
        found: list[Subject] = []
        for some in _portions(lookups):
            statement = select(*columns).where(SUBJECT.c.lookup.in_(some)).order_by(SUBJECT.c.ref)
            found += [Subject._make(row) for row in self._transaction.rows(statement)]
        return found

    def data_keys(self, kind: str, names: Sequence[str]) -> Sequence[DataKey]:
        """Return the keys of this kind with these names that are not destroyed, oldest first."""
        columns = [DATA_KEY.c[name] for name in DataKey._fields]
        found: list[DataKey] = []
        for some in _portions(names):
            statement = (
                select(*columns)
                .where(DATA_KEY.c.kind == kind, DATA_KEY.c.name.in_(some))
                .where(DATA_KEY.c.wrapped.is_not(None))
                .order_by(DATA_KEY.c.ref)
            )
            found += [DataKey._make(row) for row in self._transaction.rows(statement)]
        return found

    def add_subjects(self, subjects: Sequence[Subject]) -> None:
        """Add subjects; those there already stay."""
        self._add_if_new(SUBJECT, [subject._asdict() for subject in subjects])

    def add_data_keys(self, keys: Sequence[DataKey]) -> None:
        """Add keys; those there already stay."""
        more = {"version": 1, "destroy_reason": ""}
        self._add_if_new(DATA_KEY, [key._asdict() | more for key in keys])

    def _add_in_vain(self, writer_id: str, n: int) -> None:
        insert = insert_if_new(EVENT, self._transaction.dialect)
        if self._transaction.change(insert, **EventRow(writer_id, n, b"", b"", "")._asdict()):
            raise _NotThere

    def _add_if_new(self, table: Table, rows: Sequence[dict[str, Any]]) -> None:
        statement = insert_if_new(table, self._transaction.dialect)
        self._transaction.change_each(statement, rows)


def _portions(values: Sequence[T]) -> list[Sequence[T]]:
    return [values[start : start + MAX_IN] for start in range(0, len(values), MAX_IN)]
