"""Make the first tables.

Types are written out here and not taken from tables.py: a step that was released never changes.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIME = sa.BigInteger().with_variant(TIMESTAMP(timezone=True), "postgresql")

TABLES = (
    "jafsec_api_key",
    "jafsec_key_use",
    "jafsec_role",
    "jafsec_role_grant",
    "jafsec_user",
    "jafsec_refresh_token",
    "jafsec_revocation",
    "jafsec_session",
    "jafsec_epoch",
    "jafsec_fact",
)


def upgrade() -> None:
    _make_keys()
    _make_roles()
    _make_users()
    _make_tokens()
    _make_sessions()
    _make_single_values()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, TIME, nullable=nullable)


def _make_keys() -> None:
    op.create_table(
        "jafsec_api_key",
        _text("id"),
        _text("name"),
        sa.Column("environment", sa.Text, nullable=False),
        _text("owner"),
        sa.Column("scopes", sa.Text, nullable=False),
        _text("tenant"),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        _text("root_id"),
        _time("created_at"),
        _text("created_by"),
        _time("expires_at", nullable=True),
        sa.Column("networks", sa.Text, nullable=False),
        _text("rate"),
        _time("rotated_at", nullable=True),
        _time("ends_at", nullable=True),
        _text("successor"),
        _time("revoked_at", nullable=True),
        _text("revoked_by"),
        _text("revoked_why"),
        _time("last_used_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_jafsec_api_key"),
        sa.CheckConstraint(
            "environment IN ('live', 'test')", name=op.f("ck_jafsec_api_key_environment")
        ),
    )
    op.create_index("ix_jafsec_api_key_owner", "jafsec_api_key", ["owner", "id"])
    op.create_table(
        "jafsec_key_use",
        _text("key_id"),
        _time("hour"),
        sa.Column("allowed", sa.BigInteger, nullable=False),
        sa.Column("refused", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("key_id", "hour", name="pk_jafsec_key_use"),
    )


def _make_roles() -> None:
    op.create_table(
        "jafsec_role",
        _text("name"),
        sa.Column("permissions", sa.Text, nullable=False),
        _text("description"),
        sa.PrimaryKeyConstraint("name", name="pk_jafsec_role"),
    )
    op.create_table(
        "jafsec_role_grant",
        _text("subject"),
        _text("role"),
        _text("granted_by"),
        _time("granted_at"),
        sa.PrimaryKeyConstraint("subject", "role", name="pk_jafsec_role_grant"),
    )
    op.create_index("ix_jafsec_role_grant_role", "jafsec_role_grant", ["role", "subject"])


def _make_users() -> None:
    op.create_table(
        "jafsec_user",
        _text("id"),
        _text("name"),
        _text("name_key"),
        _text("password_hash"),
        _text("tenant"),
        _time("created_at"),
        _text("created_by"),
        _time("disabled_at", nullable=True),
        _time("password_set_at"),
        sa.Column("must_change", sa.Boolean, nullable=False),
        _time("password_ends_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_jafsec_user"),
    )
    op.create_index("ix_jafsec_user_name_key", "jafsec_user", ["name_key"], unique=True)


def _make_tokens() -> None:
    op.create_table(
        "jafsec_refresh_token",
        _text("id"),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        _text("family"),
        _text("subject"),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text),
        _text("tenant"),
        _time("issued_at"),
        _time("expires_at"),
        _time("used_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_jafsec_refresh_token"),
        sa.CheckConstraint(
            "kind IN ('anonymous', 'person', 'service')", name=op.f("ck_jafsec_refresh_token_kind")
        ),
    )
    op.create_index("ix_jafsec_refresh_token_expires_at", "jafsec_refresh_token", ["expires_at"])
    op.create_table(
        "jafsec_revocation",
        _text("id"),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        _time("ends_at"),
        _text("token_id", nullable=True),
        _text("family", nullable=True),
        _text("subject", nullable=True),
        _time("not_before", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_jafsec_revocation"),
        sa.CheckConstraint(
            "(token_id IS NOT NULL AND family IS NULL AND subject IS NULL)"
            " OR (token_id IS NULL AND family IS NOT NULL AND subject IS NULL)"
            " OR (token_id IS NULL AND family IS NULL AND subject IS NOT NULL"
            " AND not_before IS NOT NULL)",
            name=op.f("ck_jafsec_revocation_one_banned"),
        ),
    )
    op.create_index("ix_jafsec_revocation_epoch", "jafsec_revocation", ["epoch"])
    op.create_index("ix_jafsec_revocation_ends_at", "jafsec_revocation", ["ends_at"])
    op.create_index("ix_jafsec_revocation_family", "jafsec_revocation", ["family"])
    op.create_index("ix_jafsec_revocation_subject", "jafsec_revocation", ["subject", "not_before"])


def _make_sessions() -> None:
    op.create_table(
        "jafsec_session",
        sa.Column("digest", sa.LargeBinary, nullable=False),
        _text("id"),
        _text("user_id"),
        _time("created_at"),
        _time("seen_at"),
        _time("expires_at"),
        _time("ended_at", nullable=True),
        sa.PrimaryKeyConstraint("digest", name="pk_jafsec_session"),
    )
    op.create_index("ix_jafsec_session_user_id", "jafsec_session", ["user_id"])
    op.create_index("ix_jafsec_session_expires_at", "jafsec_session", ["expires_at"])


def _make_single_values() -> None:
    epoch = op.create_table(
        "jafsec_epoch",
        sa.Column("id", sa.SmallInteger, nullable=False, autoincrement=False),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_jafsec_epoch"),
        sa.CheckConstraint("id = 1", name=op.f("ck_jafsec_epoch_one_row")),
    )
    op.bulk_insert(epoch, [{"id": 1, "n": 0}])
    op.create_table(
        "jafsec_fact",
        _text("name"),
        _text("value"),
        sa.PrimaryKeyConstraint("name", name="pk_jafsec_fact"),
    )
