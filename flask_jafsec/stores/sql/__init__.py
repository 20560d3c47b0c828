"""The stores on SQLAlchemy Core: one file for each store."""
