"""Reads of the log that growing it and viewing it have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, LargeBinary, bindparam, cast, exists, select

from flask_jafsec.audit.rows import Head, SignedCheckpoint
from flask_jafsec.stores.audit_tables import CHECKPOINT, EVENT, HEAD, LEAF, NODE, WRITER
from flask_jafsec.stores.sql.audit.batch import LOG_ID
from flask_jafsec.stores.sql.transaction import Transaction


def raw(column: Column[Any]) -> ColumnElement[Any]:
    """Return a column of bytes as bytes even where something else was put into a cell.

    SQLite lets everything in. Other columns are read as they are: see ``audit.kinds``.
    """
    if not isinstance(column.type, LargeBinary):
        return column
    return cast(column, LargeBinary).label(column.name)


SELECT_HEAD = select(HEAD.c.origin, HEAD.c.epoch, HEAD.c.size, raw(HEAD.c.frontier)).where(
    HEAD.c.log_id == LOG_ID
)
CHECKPOINT_COLUMNS = (
    CHECKPOINT.c.size,
    raw(CHECKPOINT.c.root),
    CHECKPOINT.c.created_at,
    CHECKPOINT.c.note,
)
WRITER_COLUMNS = [raw(column) for column in WRITER.c if column.name != "log_id"]

#: Whether a writer has events beyond what is sequenced: one look at the events' primary key.
IS_WAITING = exists(
    select(EVENT.c.n).where(
        EVENT.c.writer_id == WRITER.c.writer_id, EVENT.c.n > WRITER.c.sequenced_n
    )
)

_LEAF_HASHES = (
    select(raw(LEAF.c.leaf_hash))
    .where(LEAF.c.leaf_index >= bindparam("first"), LEAF.c.leaf_index < bindparam("end"))
    .order_by(LEAF.c.leaf_index)
)
_NODES = (
    select(raw(NODE.c.hash))
    .where(NODE.c.height == bindparam("height"))
    .where(NODE.c.position >= bindparam("first"), NODE.c.position < bindparam("end"))
    .order_by(NODE.c.position)
)
_LAST_CHECKPOINT = select(*CHECKPOINT_COLUMNS).order_by(CHECKPOINT.c.size.desc()).limit(1)
_NEWEST_CHECKPOINTS = (
    select(*CHECKPOINT_COLUMNS).order_by(CHECKPOINT.c.size.desc()).limit(bindparam("most"))
)


class SqlHashes:
    """The stored hashes, the head and the newest checkpoint, in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def leaf_hashes(self, first: int, count: int) -> Sequence[bytes]:
        """Return leaf hashes in order of the tree."""
        rows = self._transaction.rows(_LEAF_HASHES, first=first, end=first + count)
        return [row[0] for row in rows]

    def nodes(self, height: int, first: int, count: int) -> Sequence[bytes]:
        """Return stored node hashes of one height, in order."""
        values = {"height": height, "first": first, "end": first + count}
        return [row[0] for row in self._transaction.rows(_NODES, **values)]

    def last_checkpoint(self) -> SignedCheckpoint | None:
        """Return the newest checkpoint."""
        return self._transaction.record(SignedCheckpoint, _LAST_CHECKPOINT)

    def newest_checkpoints(self, limit: int) -> Sequence[SignedCheckpoint]:
        """Return the newest checkpoints, newest first."""
        return self._transaction.records(SignedCheckpoint, _NEWEST_CHECKPOINTS, most=limit)

    def head(self) -> Head | None:
        """Return the head; None in a new database."""
        return self._transaction.record(Head, SELECT_HEAD)
