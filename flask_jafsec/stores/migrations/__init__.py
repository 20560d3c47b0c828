"""The one linear history of the database schema, run by Alembic."""
