"""Which schema a database stands at, found out without Alembic."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, inspect

from flask_jafsec.stores.tables import METADATA, REVISIONS, SCHEMA


class Standing(StrEnum):
    """How a database's schema stands to the one this code works with."""

    CURRENT = "current"
    EMPTY = "empty"
    """None of our tables is there; others may be."""
    FOREIGN = "foreign"
    """Tables with our names, but not made by us: no revision is written down."""
    NEWER = "newer"
    OLDER = "older"


@dataclass(frozen=True, slots=True)
class SchemaState:
    """What was found and what is wanted, as revisions; ``current`` is empty for none."""

    current: str
    wanted: str
    state: Standing
    blank: bool
    """Whether there is no table at all, not even somebody else's."""


def read_state(connection: Connection) -> SchemaState:
    """Return how the schema stands. Reads only."""
    tables = inspect(connection).get_table_names()
    revisions = connection.scalars(SCHEMA.select()) if SCHEMA.name in tables else ()
    current = ",".join(sorted(revisions))
    return SchemaState(
        current=current,
        wanted=REVISIONS[-1],
        state=_standing(current, has_tables=not METADATA.tables.keys().isdisjoint(tables)),
        blank=not tables,
    )


def _standing(current: str, *, has_tables: bool) -> Standing:
    if not current:
        return Standing.FOREIGN if has_tables else Standing.EMPTY
    if current == REVISIONS[-1]:
        return Standing.CURRENT
    return Standing.OLDER if current in REVISIONS else Standing.NEWER
