"""The tables of the audit log. Times are microseconds since 1970 UTC, the same on both databases.

``jafsec_audit_event`` is what is proven; everything else is derived from it, or helps to find it.
"""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    event,
)

from flask_jafsec.stores.column_types import TEXT
from flask_jafsec.stores.metadata import METADATA

#: Only a column of exactly this type is SQLite's own row number, which costs no second index.
ROW_NUMBER = BigInteger().with_variant(Integer, "sqlite")
SMALL_ROW_NUMBER = SmallInteger().with_variant(Integer, "sqlite")

WRITER = Table(
    "jafsec_audit_writer",
    METADATA,
    Column("writer_id", TEXT, primary_key=True),
    Column("log_id", SmallInteger, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("host", TEXT, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("version", TEXT, nullable=False),
    Column("sequenced_n", BigInteger, nullable=False),
    Column("sequenced_hash", LargeBinary, nullable=False),
    Column("final_n", BigInteger),
    Column("seen_at", BigInteger, nullable=False),
)

# No other index: every request that waits, waits for this table.
EVENT = Table(
    "jafsec_audit_event",
    METADATA,
    Column("writer_id", TEXT, primary_key=True),
    Column("n", BigInteger, primary_key=True),
    Column("envelope", LargeBinary, nullable=False),
    Column("mac", LargeBinary, nullable=False),
    Column("mac_key", TEXT, nullable=False),
    sqlite_with_rowid=False,
)

SEALED = Table(
    "jafsec_audit_pd",
    METADATA,
    Column("writer_id", TEXT, primary_key=True),
    Column("n", BigInteger, primary_key=True),
    Column("key_ref", TEXT, nullable=False),
    Column("data", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

TYPE = Table(
    "jafsec_audit_type",
    METADATA,
    Column("id", SMALL_ROW_NUMBER, primary_key=True, autoincrement=False),
    Column("name", TEXT, nullable=False),
    UniqueConstraint("name"),
)

ENTRY = Table(
    "jafsec_audit_entry",
    METADATA,
    Column("leaf_index", ROW_NUMBER, primary_key=True, autoincrement=False),
    Column("event_id", TEXT, nullable=False),
    Column("ts", BigInteger, nullable=False),
    Column("type_id", SmallInteger, nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("outcome", SmallInteger, nullable=False),
    Column("actor_kind", SmallInteger, nullable=False),
    Column("actor", TEXT),
    Column("subject", TEXT),
    Column("ip", TEXT),
    Column("request", TEXT),
    Column("key", TEXT),
    Column("country", TEXT),
    Column("words", Text, nullable=False),
    Column("decisions", BigInteger, nullable=False),
    UniqueConstraint("event_id"),
    Index("ix_jafsec_audit_entry_ts", "ts"),
)


def _searched(name: str, *, often_empty: bool) -> None:
    # Newest first within one value. A column that is empty more often than not is indexed where it
    # is not: every index costs the sequencer, and nobody searches for nothing.
    columns = (ENTRY.c[name], ENTRY.c.ts)
    filled = ENTRY.c[name].is_not(None) if often_empty else None
    Index(f"ix_{ENTRY.name}_{name}", *columns, sqlite_where=filled, postgresql_where=filled)


for _name in ("type_id", "outcome", "severity"):
    _searched(_name, often_empty=False)
for _name in ("actor", "subject", "ip", "request", "key"):
    _searched(_name, often_empty=True)

ROLLUP = Table(
    "jafsec_audit_rollup",
    METADATA,
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("bucket", BigInteger, primary_key=True, autoincrement=False),
    Column("type_id", SmallInteger, primary_key=True, autoincrement=False),
    Column("outcome", SmallInteger, primary_key=True, autoincrement=False),
    Column("severity", SmallInteger, primary_key=True, autoincrement=False),
    Column("events", BigInteger, nullable=False),
    Column("decisions", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

LEAF = Table(
    "jafsec_audit_leaf",
    METADATA,
    Column("leaf_index", ROW_NUMBER, primary_key=True, autoincrement=False),
    Column("writer_id", TEXT, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    UniqueConstraint("writer_id", "n"),
)

NODE = Table(
    "jafsec_audit_node",
    METADATA,
    Column("height", SmallInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
)

HEAD = Table(
    "jafsec_audit_head",
    METADATA,
    Column("log_id", SmallInteger, primary_key=True, autoincrement=False),
    Column("origin", TEXT, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("frontier", LargeBinary, nullable=False),
)

CHECKPOINT = Table(
    "jafsec_audit_checkpoint",
    METADATA,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
)

# Filled by archiving, which comes with a later release; the format is fixed with the log.
SEGMENT = Table(
    "jafsec_audit_segment",
    METADATA,
    Column("first_leaf", BigInteger, primary_key=True, autoincrement=False),
    Column("last_leaf", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("checkpoint_size", BigInteger, nullable=False),
    Column("uri", TEXT, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("archived_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger),
)

EXPORT = Table(
    "jafsec_audit_export",
    METADATA,
    Column("sink", TEXT, primary_key=True),
    Column("next_leaf", BigInteger, nullable=False),
    Column("ok_at", BigInteger),
    Column("error", TEXT, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("owner", TEXT, nullable=False),
    Column("lease_until", BigInteger, nullable=False),
)

EXPORT_DEAD = Table(
    "jafsec_audit_export_dead",
    METADATA,
    Column("sink", TEXT, primary_key=True),
    Column("leaf_index", BigInteger, primary_key=True, autoincrement=False),
    Column("error", TEXT, nullable=False),
)

# Neither lookup nor name is unique: two processes may meet somebody new at the same moment, and
# then there are two references, which is harmless; a conflict in the middle of a batch is not.
SUBJECT = Table(
    "jafsec_subject",
    METADATA,
    Column("ref", TEXT, primary_key=True),
    Column("lookup", LargeBinary),
    Column("lookup_key", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("erased_at", BigInteger),
    Index("ix_jafsec_subject_lookup", "lookup"),
)

DATA_KEY = Table(
    "jafsec_data_key",
    METADATA,
    Column("ref", TEXT, primary_key=True),
    Column("kind", TEXT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("version", SmallInteger, nullable=False),
    Column("wrapped", LargeBinary),
    Column("kek_id", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("destroyed_at", BigInteger),
    Column("destroy_reason", TEXT, nullable=False),
    Index("ix_jafsec_data_key_name", "kind", "name"),
    sqlite_with_rowid=False,
)

#: Guards against accidents in a SQLite file; the tree is what shows an attacker.
GUARDED = (EVENT, LEAF, CHECKPOINT)


def guards_of(table: str) -> list[str]:
    """Return the statements that make SQLite refuse changes to rows of *table*."""
    return [
        f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for verb in ("update", "delete")
    ]


for _table in GUARDED:
    for _statement in guards_of(_table.name):
        guard = DDL(_statement).execute_if(dialect="sqlite")  # type: ignore[no-untyped-call] # SQLAlchemy's
        event.listen(_table, "after_create", guard)
