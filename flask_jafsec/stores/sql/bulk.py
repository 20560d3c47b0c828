"""Many rows at once: one prepared statement on SQLite, COPY on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
)
from sqlalchemy.exc import DBAPIError

#: Types of columns and what PostgreSQL calls them; the first two are also of the third.
_TYPE_NAMES: Final = (
    (BigInteger, "int8"),
    (SmallInteger, "int2"),
    (Integer, "int4"),
    (LargeBinary, "bytea"),
    (String, "text"),
)


def insert_all(connection: Connection, table: Table, rows: Iterable[tuple[Any, ...]]) -> None:
    """Add *rows*, whose values stand in the order of the table's columns.

    Values go to the driver as they are: whole numbers, texts, bytes and None, no records.

    Raises:
        DBAPIError: The driver's error.
    """
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_insert(table), list(rows))
        return
    driver = connection.connection.driver_connection
    if driver is None:
        raise RuntimeError("a connection without a driver's connection")
    error_type: type[Exception] = connection.dialect.loaded_dbapi.Error
    try:
        with driver.cursor() as cursor, cursor.copy(_copy(table)) as copy:
            copy.set_types(_types(table))
            for row in rows:
                copy.write_row(row)
    except error_type as error:
        # SQLAlchemy has not seen it: told in its words, so that a dead connection is not kept.
        broken = bool(driver.closed)
        if broken:
            connection.invalidate(error)
        raise DBAPIError(_copy(table), None, error, connection_invalidated=broken) from error


def _columns(table: Table) -> str:
    return ", ".join(column.name for column in table.columns)


@cache
def _insert(table: Table) -> str:
    places = ", ".join("?" * len(table.columns))
    return f"INSERT INTO {table.name} ({_columns(table)}) VALUES ({places})"  # noqa: S608 - our own names


@cache
def _copy(table: Table) -> str:
    # Binary: as text, bytes would be written and read as hexadecimal digits, at twice the size.
    return f"COPY {table.name} ({_columns(table)}) FROM STDIN WITH (FORMAT BINARY)"


@cache
def _types(table: Table) -> tuple[str, ...]:
    """Return PostgreSQL's names of the columns' types: a binary value does not tell its own."""
    return tuple(_type_name(column) for column in table.columns)


def _type_name(column: Column[Any]) -> str:
    for kind, name in _TYPE_NAMES:
        if isinstance(column.type, kind):
            return name
    raise TypeError(f"{column} has a type that is not copied in bulk")
