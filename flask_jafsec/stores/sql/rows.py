"""Records as rows."""

from __future__ import annotations

from sqlalchemy import Table


def as_row(table: Table, record: object) -> dict[str, object]:
    """Return the values of *record* for the columns of *table*, which are called the same."""
    return {name: getattr(record, name) for name in table.c.keys()}  # noqa: SIM118 - a collection
