"""Make the tables of the audit log.

Types are written out here and not taken from audit_tables.py: a step that was released never
changes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
SMALL_ROW_NUMBER = sa.SmallInteger().with_variant(sa.Integer, "sqlite")

TABLES = (
    "jafsec_audit_writer",
    "jafsec_audit_event",
    "jafsec_audit_pd",
    "jafsec_audit_type",
    "jafsec_audit_entry",
    "jafsec_audit_rollup",
    "jafsec_audit_leaf",
    "jafsec_audit_node",
    "jafsec_audit_head",
    "jafsec_audit_checkpoint",
    "jafsec_audit_segment",
    "jafsec_audit_export",
    "jafsec_audit_export_dead",
    "jafsec_subject",
    "jafsec_data_key",
)

GUARDED = ("jafsec_audit_event", "jafsec_audit_leaf", "jafsec_audit_checkpoint")


def upgrade() -> None:
    _make_events()
    _make_search()
    _make_tree()
    _make_exports()
    _make_subjects()
    if op.get_bind().dialect.name == "sqlite":
        _guard()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=nullable)


def _big(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=nullable, autoincrement=False)


def _small(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.SmallInteger, nullable=False, autoincrement=False)


def _raw(name: str, *, nullable: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=nullable)


def _row_number(name: str) -> sa.Column[int]:
    return sa.Column(name, ROW_NUMBER, nullable=False, autoincrement=False)


def _key(table: str, *names: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*names, name=f"pk_{table}")


def _make_events() -> None:
    op.create_table(
        "jafsec_audit_writer",
        _text("writer_id"),
        _small("log_id"),
        _big("started_at"),
        _text("host"),
        _big("pid"),
        _text("version"),
        _big("sequenced_n"),
        _raw("sequenced_hash"),
        _big("final_n", nullable=True),
        _big("seen_at"),
        _key("jafsec_audit_writer", "writer_id"),
    )
    op.create_table(
        "jafsec_audit_event",
        _text("writer_id"),
        _big("n"),
        _raw("envelope"),
        _raw("mac"),
        _text("mac_key"),
        _key("jafsec_audit_event", "writer_id", "n"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "jafsec_audit_pd",
        _text("writer_id"),
        _big("n"),
        _text("key_ref"),
        _raw("data"),
        _key("jafsec_audit_pd", "writer_id", "n"),
        sqlite_with_rowid=False,
    )


def _make_search() -> None:
    op.create_table(
        "jafsec_audit_type",
        sa.Column("id", SMALL_ROW_NUMBER, nullable=False, autoincrement=False),
        _text("name"),
        _key("jafsec_audit_type", "id"),
        sa.UniqueConstraint("name", name="uq_jafsec_audit_type_name"),
    )
    op.create_table(
        "jafsec_audit_entry",
        _row_number("leaf_index"),
        _text("event_id"),
        _big("ts"),
        _small("type_id"),
        _small("severity"),
        _small("outcome"),
        _small("actor_kind"),
        *(
            _text(name, nullable=True)
            for name in ("actor", "subject", "ip", "request", "key", "country")
        ),
        sa.Column("words", sa.Text, nullable=False),
        _big("decisions"),
        _key("jafsec_audit_entry", "leaf_index"),
        sa.UniqueConstraint("event_id", name="uq_jafsec_audit_entry_event_id"),
    )
    _index_entries()
    op.create_table(
        "jafsec_audit_rollup",
        sa.Column("step", sa.Integer, nullable=False, autoincrement=False),
        _big("bucket"),
        _small("type_id"),
        _small("outcome"),
        _small("severity"),
        _big("events"),
        _big("decisions"),
        _key("jafsec_audit_rollup", "step", "bucket", "type_id", "outcome", "severity"),
        sqlite_with_rowid=False,
    )


def _index_entries() -> None:
    op.create_index("ix_jafsec_audit_entry_ts", "jafsec_audit_entry", ["ts"])
    for name in ("type_id", "outcome", "severity"):
        op.create_index(f"ix_jafsec_audit_entry_{name}", "jafsec_audit_entry", [name, "ts"])
    for name in ("actor", "subject", "ip", "request", "key"):
        filled = sa.column(name).is_not(None)
        op.create_index(
            f"ix_jafsec_audit_entry_{name}",
            "jafsec_audit_entry",
            [name, "ts"],
            sqlite_where=filled,
            postgresql_where=filled,
        )


def _make_tree() -> None:
    op.create_table(
        "jafsec_audit_leaf",
        _row_number("leaf_index"),
        _text("writer_id"),
        _big("n"),
        _raw("leaf_hash"),
        _key("jafsec_audit_leaf", "leaf_index"),
        sa.UniqueConstraint("writer_id", "n", name="uq_jafsec_audit_leaf_writer_id"),
    )
    op.create_table(
        "jafsec_audit_node",
        _small("height"),
        _big("position"),
        _raw("hash"),
        _key("jafsec_audit_node", "height", "position"),
    )
    op.create_table(
        "jafsec_audit_head",
        _small("log_id"),
        _text("origin"),
        sa.Column("epoch", sa.Integer, nullable=False),
        _big("size"),
        _raw("frontier"),
        _key("jafsec_audit_head", "log_id"),
    )
    op.create_table(
        "jafsec_audit_checkpoint",
        _big("size"),
        _raw("root"),
        _big("created_at"),
        sa.Column("note", sa.Text, nullable=False),
        _key("jafsec_audit_checkpoint", "size"),
    )
    op.create_table(
        "jafsec_audit_segment",
        _big("first_leaf"),
        _big("last_leaf"),
        _raw("root"),
        _big("checkpoint_size"),
        _text("uri"),
        _raw("sha256"),
        _big("archived_at"),
        _big("deleted_at", nullable=True),
        _key("jafsec_audit_segment", "first_leaf"),
    )


def _make_exports() -> None:
    op.create_table(
        "jafsec_audit_export",
        _text("sink"),
        _big("next_leaf"),
        _big("ok_at", nullable=True),
        _text("error"),
        sa.Column("failures", sa.Integer, nullable=False),
        _text("owner"),
        _big("lease_until"),
        _key("jafsec_audit_export", "sink"),
    )
    op.create_table(
        "jafsec_audit_export_dead",
        _text("sink"),
        _big("leaf_index"),
        _text("error"),
        _key("jafsec_audit_export_dead", "sink", "leaf_index"),
    )


def _make_subjects() -> None:
    op.create_table(
        "jafsec_subject",
        _text("ref"),
        _raw("lookup", nullable=True),
        _text("lookup_key"),
        _big("created_at"),
        _big("erased_at", nullable=True),
        _key("jafsec_subject", "ref"),
    )
    op.create_index("ix_jafsec_subject_lookup", "jafsec_subject", ["lookup"])
    op.create_table(
        "jafsec_data_key",
        _text("ref"),
        _text("kind"),
        _text("name"),
        _small("version"),
        _raw("wrapped", nullable=True),
        _text("kek_id"),
        _big("created_at"),
        _big("destroyed_at", nullable=True),
        _text("destroy_reason"),
        _key("jafsec_data_key", "ref"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_jafsec_data_key_name", "jafsec_data_key", ["kind", "name"])


def _guard() -> None:
    for table in GUARDED:
        for verb in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
