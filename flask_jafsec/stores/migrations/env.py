"""Runs the steps for Alembic, inside the transaction that schema.py has begun."""

from alembic import context

from flask_jafsec.stores.tables import METADATA, SCHEMA

connection = context.config.attributes["connection"]

context.configure(
    connection=connection,
    target_metadata=METADATA,
    version_table=SCHEMA.name,
    # SQLite changes a table by making a new one; PostgreSQL does not need that.
    render_as_batch=connection.dialect.name == "sqlite",
    # Both undo a half-done step, SQLite because BEGIN is sent before it.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
