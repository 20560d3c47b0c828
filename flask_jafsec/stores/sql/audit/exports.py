"""Cursors of outward sinks in SQL. What a sink is, and what is sent there, is not said here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Executable, bindparam, func, or_, select, update

from flask_jafsec.audit.rows import EventRow, ExportState, StoredEvent
from flask_jafsec.stores.audit_tables import EVENT, EXPORT, EXPORT_DEAD, LEAF
from flask_jafsec.stores.sql.audit.hashes import raw
from flask_jafsec.stores.sql.inserts import insert_if_new
from flask_jafsec.stores.sql.store import SqlStore
from flask_jafsec.stores.sql.transaction import Transaction

_MINE: Final = EXPORT.c.sink == bindparam("at_sink")
_HELD: Final = EXPORT.c.owner == bindparam("holder")
_FREE: Final = or_(_HELD, EXPORT.c.owner == "", EXPORT.c.lease_until <= bindparam("now"))

_LEASE: Final = (
    update(EXPORT)
    .where(_MINE, _FREE)
    .values(owner=bindparam("holder"), lease_until=bindparam("until"))
)
_PUT: Final = (
    update(EXPORT)
    .where(_MINE, _HELD)
    .values({name: bindparam(name) for name in ("next_leaf", "ok_at", "error", "failures")})
    .values(lease_until=bindparam("until"))
)
_RELEASE: Final = update(EXPORT).where(_MINE, _HELD).values(owner="", lease_until=0)
_STATE: Final = select(EXPORT).where(_MINE)
_STATES: Final = select(EXPORT).order_by(EXPORT.c.sink)

_SIZE: Final = select(func.coalesce(func.max(LEAF.c.leaf_index) + 1, 0))
_EVENTS: Final = (
    select(*(raw(EVENT.c[name]) for name in EventRow._fields), LEAF.c.leaf_index)
    .join_from(LEAF, EVENT, (LEAF.c.writer_id == EVENT.c.writer_id) & (LEAF.c.n == EVENT.c.n))
    .where(LEAF.c.leaf_index >= bindparam("first"))
    .order_by(LEAF.c.leaf_index)
    .limit(bindparam("most"))
)
_DEAD: Final = (
    select(EXPORT_DEAD.c.leaf_index, EXPORT_DEAD.c.error)
    .where(EXPORT_DEAD.c.sink == bindparam("at_sink"))
    .order_by(EXPORT_DEAD.c.leaf_index.desc())
    .limit(bindparam("most"))
)


class SqlAuditExports:
    """Satisfies ``audit.store.AuditExports``: each call is one short transaction."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def take(self, sink: str, owner: str, now: int, lease_us: int) -> ExportState | None:
        """Return the sink's state, leased to *owner*; None while another's lease runs.

        Raises:
            StoreUnavailable: The database did not answer.
        """
        with self._store.transaction("background", writing=True) as transaction:
            _add_sink(transaction, sink)
            # One statement decides: of two processes that ask at once, one finds nothing free.
            leased = transaction.change(
                _LEASE, at_sink=sink, holder=owner, now=now, until=now + lease_us
            )
            if not leased:
                return None
            return transaction.record(ExportState, _STATE, at_sink=sink)

    def put(self, state: ExportState) -> bool:
        """Write the state down; return whether its owner still held the lease.

        Raises:
            StoreUnavailable: The database did not answer.
        """
        with self._store.transaction("background", writing=True) as transaction:
            return bool(
                transaction.change(
                    _PUT,
                    at_sink=state.sink,
                    holder=state.owner,
                    next_leaf=state.next_leaf,
                    ok_at=state.ok_at,
                    error=state.error,
                    failures=state.failures,
                    until=state.lease_until,
                )
            )

    def release(self, sink: str, owner: str) -> None:
        """End the lease, so that another process need not wait. Raises StoreUnavailable."""
        with self._store.transaction("background", writing=True) as transaction:
            transaction.change(_RELEASE, at_sink=sink, holder=owner)

    def states(self) -> Sequence[ExportState]:
        """Return every sink's state, by name. Raises StoreUnavailable."""
        with self._store.transaction("background", writing=False) as transaction:
            return transaction.records(ExportState, _STATES)

    def events(self, first: int, limit: int) -> Sequence[StoredEvent]:
        """Return sequenced events from leaf *first* on, without their sealed parts.

        A leaf whose event is gone is left out; the indexes show the gap. Raises StoreUnavailable.
        """
        rows = self._read(_EVENTS, first=first, most=limit)
        return [StoredEvent(EventRow._make(row[:5]), row[5]) for row in rows]

    def size(self) -> int:
        """Return the number of sequenced events. Raises StoreUnavailable."""
        ((size,),) = self._read(_SIZE)
        return int(size)

    def add_dead(self, sink: str, leaf_index: int, error: str) -> None:
        """Keep one event that the sink will not take, so that the others go on.

        One that is there already stays as it is. Raises StoreUnavailable.
        """
        with self._store.transaction("background", writing=True) as transaction:
            insert = insert_if_new(EXPORT_DEAD, transaction.dialect)
            transaction.change(insert, sink=sink, leaf_index=leaf_index, error=error)

    def dead(self, sink: str, limit: int) -> Sequence[tuple[int, str]]:
        """Return the leaf indexes and errors of those, newest first. Raises StoreUnavailable."""
        return [(leaf, error) for leaf, error in self._read(_DEAD, at_sink=sink, most=limit)]

    def _read(self, statement: Executable, **values: object) -> Sequence[Any]:
        with self._store.transaction("background", writing=False) as transaction:
            return transaction.rows(statement, **values)


def _add_sink(transaction: Transaction, sink: str) -> None:
    new = {"next_leaf": 0, "error": "", "failures": 0, "owner": "", "lease_until": 0}
    transaction.change(insert_if_new(EXPORT, transaction.dialect), sink=sink, ok_at=None, **new)
