"""What one transaction of the sequencer reads and adds, in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, TextClause, bindparam, func, select, text, update

from flask_jafsec.audit.checking import repeated_id
from flask_jafsec.audit.rows import (
    Entry,
    EventRow,
    Head,
    Leaf,
    Node,
    Rollup,
    SignedCheckpoint,
    Writer,
)
from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.stores.audit_tables import (
    CHECKPOINT,
    ENTRY,
    EVENT,
    HEAD,
    LEAF,
    NODE,
    ROLLUP,
    TYPE,
    WRITER,
)
from flask_jafsec.stores.sql.audit.batch import LOG_ID, MAX_IN
from flask_jafsec.stores.sql.audit.hashes import (
    IS_WAITING,
    SELECT_HEAD,
    WRITER_COLUMNS,
    SqlHashes,
    raw,
)
from flask_jafsec.stores.sql.inserts import insert_or_add, insert_or_replace

#: The number of the lock that only one sequencer holds, to the end of its transaction.
LOCK: int = int.from_bytes(b"jafs")

#: Rows of one run. SQLite keeps all writers waiting meanwhile, so there it is short.
#: Source: audit-log specification, 5.6; measured: about 0.1 s on SQLite.
SQLITE_ROWS: int = 2_000
POSTGRES_ROWS: int = 20_000

#: The largest number of a type. Source: PostgreSQL, smallint.
MAX_TYPE: int = 2**15 - 1

#: Rows of one insert: the database limits the time of each statement.
PORTION: int = 2_500

_TRY_LOCK: TextClause = text("SELECT pg_try_advisory_xact_lock(:lock, 0)")
_HEAD = SELECT_HEAD.with_for_update()

# A writer that said goodbye and is sequenced to its end is not looked at again.
_WAITING = (
    select(*WRITER_COLUMNS)
    .where(WRITER.c.final_n.is_(None) | (WRITER.c.final_n > WRITER.c.sequenced_n))
    .where(IS_WAITING)
)
_ROWS_AFTER = (
    select(*(raw(EVENT.c[name]) for name in EventRow._fields))
    .where(EVENT.c.writer_id == bindparam("writer"), EVENT.c.n > bindparam("after"))
    .order_by(EVENT.c.n)
    .limit(bindparam("most"))
)
_PUT_SEQUENCED = (
    update(WRITER)
    .where(WRITER.c.writer_id == bindparam("writer"))
    .values(sequenced_n=bindparam("to_n"), sequenced_hash=bindparam("digest"))
)


class SqlAuditGrowth(SqlHashes):
    """Satisfies ``audit.store.AuditGrowth``."""

    @property
    def max_rows(self) -> int:
        """How many events one transaction should take at most."""
        return SQLITE_ROWS if self._transaction.dialect == "sqlite" else POSTGRES_ROWS

    def is_alone(self) -> bool:
        """Return whether no other process sequences; none begins before this transaction ends."""
        if self._transaction.dialect == "sqlite":
            return True  # the caller holds the lock of a file
        return bool(self._transaction.rows(_TRY_LOCK, lock=LOCK)[0][0])

    def head(self) -> Head | None:
        """Return the head, locked; None in a new database."""
        return self._transaction.record(Head, _HEAD)

    def put_head(self, head: Head) -> None:
        """Write the head, new or changed."""
        values = {
            "log_id": LOG_ID,
            "origin": head.origin,
            "epoch": head.epoch,
            "size": head.size,
            "frontier": head.frontier,
        }
        self._transaction.change(insert_or_replace(HEAD, self._transaction.dialect), **values)

    def writers_waiting(self) -> Sequence[Writer]:
        """Return writers with events beyond what is sequenced."""
        return self._transaction.records(Writer, _WAITING)

    def newest_leaves(self, writer_ids: Sequence[str]) -> Mapping[str, int]:
        """Return the highest number that has a leaf, of those writers that have one."""
        found: dict[str, int] = {}
        for start in range(0, len(writer_ids), MAX_IN):
            statement = (
                select(LEAF.c.writer_id, func.max(LEAF.c.n))
                .where(LEAF.c.writer_id.in_(writer_ids[start : start + MAX_IN]))
                .group_by(LEAF.c.writer_id)
            )
            found.update(map(tuple, self._transaction.rows(statement)))
        return found

    def has_leaves_from(self, first: int) -> bool:
        """Return whether there is any leaf at *first* or beyond."""
        statement = select(LEAF.c.n).where(LEAF.c.leaf_index >= first).limit(1)
        return bool(self._transaction.rows(statement))

    def rows_after(self, writer_id: str, n: int, limit: int) -> Sequence[EventRow]:
        """Return the writer's events with numbers above *n*, in order."""
        rows = self._transaction.tuples(_ROWS_AFTER, writer=writer_id, after=n, most=limit)
        return list(map(EventRow._make, rows))

    def put_sequenced(self, writers: Sequence[tuple[str, int, bytes]]) -> None:
        """Note how far writers are sequenced: id, number, SHA-256 of that envelope."""
        rows = [{"writer": name, "to_n": n, "digest": digest} for name, n, digest in writers]
        self._transaction.change_each(_PUT_SEQUENCED, rows)

    def add_leaves(self, leaves: Sequence[Leaf]) -> None:
        """Add leaves of the tree."""
        self._append(LEAF, leaves)

    def add_nodes(self, nodes: Sequence[Node]) -> None:
        """Add completed nodes."""
        if nodes:
            self._transaction.append(NODE, nodes)

    def add_entries(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Add search copies; return those whose event id an older leaf has already.

        They are kept under ``repeated_id``: a repeated id must neither stop the log nor be lost.
        """
        # Nearly always there are none, so nobody looks before an insert has failed.
        try:
            with self._transaction.savepoint():
                self._append(ENTRY, entries)
            return ()
        except StoreUnavailable:
            repeated = self._repeated(entries)
            if not repeated:
                raise
        changed = {entry.leaf_index for entry in repeated}
        self._append(ENTRY, [_kept(entry, changed) for entry in entries])
        return repeated

    def _append(self, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        for start in range(0, len(rows), PORTION):
            self._transaction.append(table, rows[start : start + PORTION])

    def _repeated(self, entries: Sequence[Entry]) -> list[Entry]:
        ids = [entry.event_id for entry in entries]
        seen: set[str] = set()
        for start in range(0, len(ids), MAX_IN):
            some = ENTRY.c.event_id.in_(ids[start : start + MAX_IN])
            seen.update(
                row[0] for row in self._transaction.rows(select(ENTRY.c.event_id).where(some))
            )
        repeated = []
        for entry in entries:
            if entry.event_id in seen:
                repeated.append(entry)
            seen.add(entry.event_id)
        return repeated

    def add_rollups(self, rollups: Sequence[Rollup]) -> None:
        """Add to the buckets' amounts."""
        statement = insert_or_add(ROLLUP, self._transaction.dialect)
        self._transaction.change_each(statement, [rollup._asdict() for rollup in rollups])

    def type_ids(self, names: Sequence[str]) -> Mapping[str, int]:
        """Return the number of each type's name, new ones numbered now."""
        # A closed list of ours, so the whole table is a few dozen rows.
        rows = self._transaction.rows(select(TYPE.c.name, TYPE.c.id))
        known: dict[str, int] = dict(map(tuple, rows))
        # A number that was never given may stand there, with none free beyond it.
        highest = max((number for number in known.values() if number < MAX_TYPE), default=0)
        new = [name for name in dict.fromkeys(names) if name not in known]
        numbered = list(enumerate(new, highest + 1))
        if numbered:
            self._transaction.append(TYPE, numbered)
        known.update((name, number) for number, name in numbered)
        return known

    def add_checkpoint(self, checkpoint: SignedCheckpoint) -> None:
        """Keep a checkpoint."""
        row = (checkpoint.size, checkpoint.root, checkpoint.created_at, checkpoint.note)
        self._transaction.append(CHECKPOINT, [row])


def _kept(entry: Entry, changed: set[int]) -> Entry:
    if entry.leaf_index not in changed:
        return entry
    return entry._replace(event_id=repeated_id(entry.event_id, entry.leaf_index))
