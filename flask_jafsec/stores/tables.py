"""The database tables, one per record. Columns are called as the fields of the record.

The migrations build the same tables step by step; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
)

from flask_jafsec.records import Environment, Kind
from flask_jafsec.stores import audit_tables  # noqa: F401 - puts its tables on the list
from flask_jafsec.stores.column_types import TEXT, Choice, NameList, Names, OptionalName, UtcTime
from flask_jafsec.stores.metadata import METADATA as METADATA

#: Every revision of the schema, oldest first; the last is the one this code works with. It is
#: written here once more so that a start need not load Alembic; a test compares the two.
REVISIONS = ("0001", "0002", "0004")

#: Alembic's own table, told here so that a new file can be made without Alembic.
SCHEMA = Table(
    "jafsec_schema",
    MetaData(naming_convention={"pk": "%(table_name)s_pkc"}),
    Column("version_num", String(32), primary_key=True),
)

API_KEY = Table(
    "jafsec_api_key",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("name", TEXT, nullable=False),
    Column("environment", Choice(Environment), nullable=False),
    Column("owner", TEXT, nullable=False),
    Column("scopes", Names, nullable=False),
    Column("tenant", TEXT, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("root_id", TEXT, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", TEXT, nullable=False),
    Column("expires_at", UtcTime),
    Column("networks", NameList, nullable=False),
    Column("rate", TEXT, nullable=False),
    Column("rotated_at", UtcTime),
    Column("ends_at", UtcTime),
    Column("successor", TEXT, nullable=False),
    Column("revoked_at", UtcTime),
    Column("revoked_by", TEXT, nullable=False),
    Column("revoked_why", TEXT, nullable=False),
    Column("last_used_at", UtcTime),
    CheckConstraint("environment IN ('live', 'test')", name="environment"),
    Index("ix_jafsec_api_key_expires_at", "expires_at", "id"),
    Index("ix_jafsec_api_key_last_used_at", "last_used_at", "id"),
    Index("ix_jafsec_api_key_name", "name", "id"),
    Index("ix_jafsec_api_key_owner", "owner", "id"),
)

# A use is counted for keys only, but no foreign key says so: one unknown key must not undo the
# counts of all others that are flushed with it.
KEY_USE = Table(
    "jafsec_key_use",
    METADATA,
    Column("key_id", TEXT, primary_key=True),
    Column("hour", UtcTime, primary_key=True),
    Column("allowed", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
)

ROLE = Table(
    "jafsec_role",
    METADATA,
    Column("name", TEXT, primary_key=True),
    Column("permissions", Names, nullable=False),
    Column("description", TEXT, nullable=False),
)

# Neither column refers to another table: roles may come from the configuration, and subjects from
# the host application.
ROLE_GRANT = Table(
    "jafsec_role_grant",
    METADATA,
    Column("subject", TEXT, primary_key=True),
    Column("role", TEXT, primary_key=True),
    Column("granted_by", TEXT, nullable=False),
    Column("granted_at", UtcTime, nullable=False),
    Index("ix_jafsec_role_grant_role", "role", "subject"),
)

USER = Table(
    "jafsec_user",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("name", TEXT, nullable=False),
    Column("name_key", TEXT, nullable=False),
    Column("password_hash", TEXT, nullable=False),
    Column("tenant", TEXT, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", TEXT, nullable=False),
    Column("disabled_at", UtcTime),
    Column("password_set_at", UtcTime, nullable=False),
    Column("must_change", Boolean, nullable=False),
    Column("password_ends_at", UtcTime),
    Index("ix_jafsec_user_name_key", "name_key", unique=True),
)

REFRESH_TOKEN = Table(
    "jafsec_refresh_token",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("family", TEXT, nullable=False),
    Column("subject", TEXT, nullable=False),
    Column("kind", Choice(Kind), nullable=False),
    Column("scopes", Names),
    Column("tenant", TEXT, nullable=False),
    Column("issued_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("used_at", UtcTime),
    CheckConstraint("kind IN ('anonymous', 'person', 'service')", name="kind"),
    Index("ix_jafsec_refresh_token_expires_at", "expires_at"),
)

REVOCATION = Table(
    "jafsec_revocation",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("ends_at", UtcTime, nullable=False),
    Column("token_id", OptionalName),
    Column("family", OptionalName),
    Column("subject", OptionalName),
    Column("not_before", UtcTime),
    CheckConstraint(
        "(token_id IS NOT NULL AND family IS NULL AND subject IS NULL)"
        " OR (token_id IS NULL AND family IS NOT NULL AND subject IS NULL)"
        " OR (token_id IS NULL AND family IS NULL AND subject IS NOT NULL"
        " AND not_before IS NOT NULL)",
        name="one_banned",
    ),
    Index("ix_jafsec_revocation_epoch", "epoch"),
    Index("ix_jafsec_revocation_ends_at", "ends_at"),
    Index("ix_jafsec_revocation_family", "family"),
    Index("ix_jafsec_revocation_subject", "subject", "not_before"),
)

SESSION = Table(
    "jafsec_session",
    METADATA,
    Column("digest", LargeBinary, primary_key=True),
    Column("id", TEXT, nullable=False),
    Column("user_id", TEXT, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Index("ix_jafsec_session_user_id", "user_id"),
    Index("ix_jafsec_session_expires_at", "expires_at"),
)

EPOCH = Table(
    "jafsec_epoch",
    METADATA,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("n", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

FACT = Table(
    "jafsec_fact",
    METADATA,
    Column("name", TEXT, primary_key=True),
    Column("value", TEXT, nullable=False),
)
