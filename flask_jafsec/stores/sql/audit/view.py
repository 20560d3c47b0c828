"""The log at one moment in SQL: for verifying, proving, tailing and explaining."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Row,
    Select,
    bindparam,
    func,
    select,
)

from flask_jafsec.audit.rows import (
    DataKey,
    EventRow,
    Node,
    Rollup,
    SealedRow,
    SignedCheckpoint,
    StoredEvent,
    StoredLeaf,
    Writer,
)
from flask_jafsec.stores.audit_tables import (
    CHECKPOINT,
    DATA_KEY,
    ENTRY,
    EVENT,
    EXPORT_DEAD,
    LEAF,
    NODE,
    ROLLUP,
    SEALED,
    TYPE,
    WRITER,
)
from flask_jafsec.stores.sql.audit.due_rollups import (
    due_rollup,
    micros_of_seconds,
    select_due,
    whole,
)
from flask_jafsec.stores.sql.audit.hashes import (
    CHECKPOINT_COLUMNS,
    IS_WAITING,
    WRITER_COLUMNS,
    SqlHashes,
    raw,
)

#: Writers read at once.
PORTION = 1_000

#: How many waiting events are looked through for an id, newest writers first. Those that wait are
#: about a second's worth; more than this means that nobody sequences.
MAX_WAITING = 20_000


_EVENT = [raw(EVENT.c[name]) for name in EventRow._fields]
_SEALED = [raw(SEALED.c[name]) for name in SealedRow._fields]
_COPIES = {**dict(ENTRY.c), "type_name": TYPE.c.name}

# PostgreSQL may walk along both primary keys; without this it would begin at the first entry.
_FROM_FIRST = ENTRY.c.leaf_index >= bindparam("first")

#: Leaves in order, each beside whatever belongs to it: every table is met by its primary key, and
#: nothing is sorted.
_LEAVES = (
    select(LEAF.c.leaf_index, LEAF.c.writer_id, LEAF.c.n, raw(LEAF.c.leaf_hash))
    .add_columns(raw(EVENT.c.envelope), raw(EVENT.c.mac), EVENT.c.mac_key)
    .add_columns(SEALED.c.key_ref, raw(SEALED.c.data), DATA_KEY.c.wrapped.is_not(None))
    .add_columns(*(_COPIES[name] for name in StoredLeaf._fields[10:]))
    .select_from(LEAF)
    .outerjoin(EVENT, (EVENT.c.writer_id == LEAF.c.writer_id) & (EVENT.c.n == LEAF.c.n))
    .outerjoin(ENTRY, (ENTRY.c.leaf_index == LEAF.c.leaf_index) & _FROM_FIRST)
    .outerjoin(TYPE, TYPE.c.id == ENTRY.c.type_id)
    .outerjoin(SEALED, (SEALED.c.writer_id == LEAF.c.writer_id) & (SEALED.c.n == LEAF.c.n))
    .outerjoin(DATA_KEY, DATA_KEY.c.ref == SEALED.c.key_ref)
    .where(LEAF.c.leaf_index >= bindparam("first"))
    .order_by(LEAF.c.leaf_index)
    .limit(bindparam("most"))
)
_CHECKPOINTS = (
    select(*CHECKPOINT_COLUMNS)
    .where(CHECKPOINT.c.size > bindparam("after"))
    .order_by(CHECKPOINT.c.size)
    .limit(bindparam("most"))
)
_SEALED_TOO = (SEALED.c.writer_id == EVENT.c.writer_id) & (SEALED.c.n == EVENT.c.n)
_WAITING = (
    select(*_EVENT, *_SEALED)
    .outerjoin(SEALED, _SEALED_TOO)
    .where(EVENT.c.writer_id == bindparam("writer"), EVENT.c.n > bindparam("after"))
    .order_by(EVENT.c.n)
    .limit(bindparam("most"))
)
_FIND = (
    select(LEAF.c.leaf_index, *_EVENT, *_SEALED)
    .select_from(ENTRY)
    .join(LEAF, LEAF.c.leaf_index == ENTRY.c.leaf_index)
    .join(EVENT, (EVENT.c.writer_id == LEAF.c.writer_id) & (EVENT.c.n == LEAF.c.n))
    .outerjoin(SEALED, _SEALED_TOO)
    .where(ENTRY.c.event_id == bindparam("event_id"))
)
_AT = (
    select(LEAF.c.leaf_index, *_EVENT, *_SEALED)
    .select_from(LEAF)
    .join(EVENT, (EVENT.c.writer_id == LEAF.c.writer_id) & (EVENT.c.n == LEAF.c.n))
    .outerjoin(SEALED, _SEALED_TOO)
    .where(LEAF.c.leaf_index.in_(bindparam("leaves", expanding=True)))
)
_WRITERS = (
    select(*WRITER_COLUMNS)
    .where(WRITER.c.writer_id > bindparam("after"))
    .order_by(WRITER.c.writer_id)
    .limit(PORTION)
)
_WAITING_WRITERS = (
    select(WRITER.c.writer_id, WRITER.c.sequenced_n)
    .where(IS_WAITING)
    .order_by(WRITER.c.started_at.desc())
)
_KEY_COLUMNS = [raw(DATA_KEY.c[name]) for name in DataKey._fields]
_DATA_KEY = select(*_KEY_COLUMNS).where(DATA_KEY.c.ref == bindparam("ref"))
_DATA_KEYS = select(*_KEY_COLUMNS).where(DATA_KEY.c.ref.in_(bindparam("refs", expanding=True)))

_COUNTED = {
    "event": EVENT,
    "sealed": SEALED,
    "leaf": LEAF,
    "entry": ENTRY,
    "node": NODE,
    "checkpoint": CHECKPOINT,
    "rollup": ROLLUP,
    "type": TYPE,
    "dead": EXPORT_DEAD,
}


class SqlAuditView(SqlHashes):
    """Satisfies ``audit.store.AuditView``."""

    def leaves(self, first: int, count: int) -> Sequence[StoredLeaf]:
        """Return up to *count* leaves from *first* on with whatever belongs to each."""
        return list(
            map(StoredLeaf._make, self._transaction.tuples(_LEAVES, first=first, most=count))
        )

    def checkpoints(self, after_size: int, limit: int) -> Sequence[SignedCheckpoint]:
        """Return checkpoints of sizes above *after_size*, smallest first."""
        values = {"after": after_size, "most": limit}
        return self._transaction.records(SignedCheckpoint, _CHECKPOINTS, **values)

    def writers(self) -> Iterator[Writer]:
        """Return every writer."""
        after = ""
        while some := self._transaction.records(Writer, _WRITERS, after=after):
            yield from some
            after = some[-1].writer_id

    def waiting(self, writer_id: str, after_n: int, limit: int) -> Sequence[StoredEvent]:
        """Return events of a writer that are not sequenced yet, in order."""
        values = {"writer": writer_id, "after": after_n, "most": limit}
        rows = self._transaction.rows(_WAITING, **values)
        return [StoredEvent(EventRow._make(row[:5]), None, _sealed(row[5:])) for row in rows]

    def find(self, event_id: str) -> StoredEvent | None:
        """Return one event by its id, sequenced or still waiting."""
        for row in self._transaction.rows(_FIND, event_id=event_id):
            return _placed(row)
        return self._find_waiting(f'"id":"{event_id}"'.encode())

    def _find_waiting(self, member: bytes) -> StoredEvent | None:
        left = MAX_WAITING
        for writer_id, sequenced_n in map(tuple, self._transaction.rows(_WAITING_WRITERS)):
            for event in self.waiting(writer_id, sequenced_n, left):
                left -= 1
                if member in event.row.envelope:
                    return event
            if left <= 0:
                break
        return None

    def events_at(self, leaves: Sequence[int]) -> Sequence[StoredEvent]:
        """Return the events of these leaves, in any order; without those that are gone."""
        return [_placed(row) for row in self._transaction.rows(_AT, leaves=list(leaves))]

    def data_key(self, ref: str) -> DataKey | None:
        """Return a wrapped key; ``wrapped`` is None once it is destroyed."""
        return self._transaction.record(DataKey, _DATA_KEY, ref=ref)

    def data_keys(self, refs: Sequence[str]) -> Sequence[DataKey]:
        """Return the wrapped keys of these references, in any order."""
        return self._transaction.records(DataKey, _DATA_KEYS, refs=list(refs))

    def counts(self) -> Mapping[str, int]:
        """Return rows in the tables that verifying compares: event, sealed, leaf, entry, ..."""
        count = self._transaction.rows
        return {
            name: count(select(func.count()).select_from(table))[0][0]
            for name, table in _COUNTED.items()
        }

    def node_rows(self, height: int, first: int, count: int) -> Sequence[Node]:
        """Return stored nodes of one height with their positions, in order."""
        statement = (
            select(NODE.c.height, NODE.c.position, raw(NODE.c.hash))
            .where(NODE.c.height == height, NODE.c.position >= first)
            .where(NODE.c.position < first + count)
            .order_by(NODE.c.position)
        )
        return [Node._make(row) for row in self._transaction.rows(statement)]

    def rollups(self, first: int, end: int) -> Sequence[Rollup]:
        """Return the rollups of buckets from *first* on and before *end*, in seconds."""
        columns = [ROLLUP.c[name] for name in Rollup._fields]
        statement = select(*columns).where(ROLLUP.c.bucket >= first, ROLLUP.c.bucket < end)
        return [Rollup._make(row) for row in self._transaction.rows(statement)]

    def next_rollup(self, after: int) -> int | None:
        """Return the first bucket, stored or due, that starts at *after* or later, in seconds."""
        stored = select(func.min(ROLLUP.c.bucket)).where(ROLLUP.c.bucket >= after)
        due = select(func.min(ENTRY.c.ts)).where(ENTRY.c.ts >= micros_of_seconds(after))
        bucket, ts = [self._transaction.tuples(statement)[0][0] for statement in (stored, due)]
        starts = [*whole(bucket), *(time // 1_000_000 for time in whole(ts))]
        # The last time that 64 bits hold is found from any second near it, again and again.
        return min((start for start in starts if start >= after), default=None)

    def rollups_due(self, step: int, first: int, end: int) -> Sequence[Rollup]:
        """Return what the rollups of *step* must be between two times in seconds, from entries."""
        rows = self._transaction.tuples(select_due(step, first, end))
        return [due_rollup(step, row) for row in rows]

    def strays(self, limit: int) -> Sequence[tuple[str, str]]:
        """Return the tables and keys of rows that belong to no leaf and no waiting event."""
        return [
            (table, "/".join(map(str, row)))
            for table, statement in _strays().items()
            for row in self._transaction.rows(statement.limit(limit))
        ]


def _strays() -> Mapping[str, Select[Any]]:
    at_leaf = (LEAF.c.writer_id == EVENT.c.writer_id) & (LEAF.c.n == EVENT.c.n)
    is_known = select(WRITER.c.writer_id).where(
        WRITER.c.writer_id == EVENT.c.writer_id, EVENT.c.n > WRITER.c.sequenced_n
    )
    return {
        "event": select(EVENT.c.writer_id, EVENT.c.n)
        .outerjoin(LEAF, at_leaf)
        .where(LEAF.c.n.is_(None), ~is_known.exists()),
        "entry": select(ENTRY.c.leaf_index)
        .outerjoin(LEAF, LEAF.c.leaf_index == ENTRY.c.leaf_index)
        .where(LEAF.c.n.is_(None)),
        "pd": select(SEALED.c.writer_id, SEALED.c.n)
        .outerjoin(EVENT, _SEALED_TOO)
        .where(EVENT.c.n.is_(None)),
    }


def _placed(row: Row[Any]) -> StoredEvent:
    return StoredEvent(EventRow._make(row[1:6]), row[0], _sealed(row[6:]))


def _sealed(values: Sequence[Any]) -> SealedRow | None:
    return None if values[0] is None else SealedRow._make(values)
