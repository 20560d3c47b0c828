"""Let the list of API keys be sorted by last use, end and name along an index."""

from alembic import op

revision = "0004"
down_revision = "0002"
branch_labels = None
depends_on = None

COLUMNS = ("expires_at", "last_used_at", "name")


def upgrade() -> None:
    for column in COLUMNS:
        op.create_index(f"ix_jafsec_api_key_{column}", "jafsec_api_key", [column, "id"])


def downgrade() -> None:
    for column in reversed(COLUMNS):
        op.drop_index(f"ix_jafsec_api_key_{column}", "jafsec_api_key")
