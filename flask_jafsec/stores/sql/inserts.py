"""Inserts that meet rows already there: both databases can, each with a construct of its own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Insert, Table


@cache
def insert_if_new(table: Table, dialect: str) -> Insert:
    """Return an insert that changes nothing when the row, or its unique value, is there.

    An ordinary insert would fail, and with it everything else in a PostgreSQL transaction.
    """
    statement: Insert = _construct(table, dialect).on_conflict_do_nothing()
    return statement.execution_options(preserve_rowcount=True)


@cache
def insert_or_replace(table: Table, dialect: str) -> Insert:
    """Return an insert that puts the new values into the row with the same primary key."""
    construct = _construct(table, dialect)
    return _on_conflict(table, construct, dict(construct.excluded))


@cache
def insert_or_add(table: Table, dialect: str) -> Insert:
    """Return an insert that adds the new amounts to the row with the same primary key."""
    construct = _construct(table, dialect)
    sums = {name: table.c[name] + new for name, new in construct.excluded.items()}
    return _on_conflict(table, construct, sums)


def _on_conflict(table: Table, construct: Any, values: Mapping[str, Any]) -> Insert:
    key = [column.name for column in table.primary_key]
    others = {name: value for name, value in values.items() if name not in key}
    statement: Insert = construct.on_conflict_do_update(index_elements=key, set_=others)
    return statement


def _construct(table: Table, dialect: str) -> Any:
    # Only the dialect in use is loaded. The two classes have no common type with these methods.
    if dialect == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        return sqlite_insert(table)
    from sqlalchemy.dialects.postgresql import insert as postgres_insert

    return postgres_insert(table)
