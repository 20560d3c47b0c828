"""How values of records stand in a column, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Dialect, Text, TypeDecorator
from sqlalchemy.types import TypeEngine

_START = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

#: Text in the order of its code points, as Python and SQLite compare it. PostgreSQL's own order
#: depends on the machine's locale, and pages would skip rows after a move to another machine.
TEXT = Text().with_variant(Text(collation="C"), "postgresql")


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time: ``timestamptz``, or microseconds since 1970 on SQLite."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the database's own type for it."""
        if dialect.name == "postgresql":
            # Only the dialect in use is loaded; this one brings asyncio along.
            from sqlalchemy.dialects.postgresql import TIMESTAMP

            return dialect.type_descriptor(TIMESTAMP(timezone=True))
        return dialect.type_descriptor(BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> object:
        """Return what is sent to the database. Whole numbers: a float would lose microseconds."""
        if value is None or dialect.name == "postgresql":
            return value
        return (value - _START) // _MICROSECOND

    def process_result_value(self, value: object, _dialect: Dialect) -> datetime | None:
        """Return the aware UTC time."""
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        if value is None:
            return None
        if not isinstance(value, int):
            raise TypeError("a stored time is not a number")
        return _START + timedelta(microseconds=value)


class Names(TypeDecorator[frozenset[str]]):
    """A set of names as sorted JSON, so that equal sets are equal texts."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: frozenset[str] | None, _dialect: Dialect) -> str | None:
        """Return what is sent to the database."""
        return None if value is None else _as_json(sorted(value))

    def process_result_value(self, value: object, _dialect: Dialect) -> frozenset[str] | None:
        """Return the set."""
        return None if value is None else frozenset(_from_json(value))


class NameList(TypeDecorator[tuple[str, ...]]):
    """Names in their order, as JSON."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, _dialect: Dialect) -> str | None:
        """Return what is sent to the database."""
        return None if value is None else _as_json(value)

    def process_result_value(self, value: object, _dialect: Dialect) -> tuple[str, ...] | None:
        """Return the names."""
        return None if value is None else tuple(_from_json(value))


class Choice(TypeDecorator[StrEnum]):
    """One value of a closed list, as its text."""

    impl = Text
    cache_ok = True

    def __init__(self, choices: type[StrEnum]) -> None:
        super().__init__()
        self.choices = choices

    def process_bind_param(self, value: StrEnum | None, _dialect: Dialect) -> str | None:
        """Return what is sent to the database."""
        return None if value is None else value.value

    def process_result_value(self, value: object, _dialect: Dialect) -> StrEnum | None:
        """Return the value of the list. Raises ValueError for a text that is not in it."""
        return None if value is None else self.choices(str(value))


class OptionalName(TypeDecorator[str]):
    """A name, or nothing: empty in the record, NULL in the column.

    A search for the empty name then finds nothing, instead of every row that has none.
    """

    impl = TEXT
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        """Return what is sent to the database."""
        return value or None

    def process_result_value(self, value: object, _dialect: Dialect) -> str:
        """Return the name, empty for NULL."""
        return "" if value is None else str(value)


def _as_json(names: Iterable[str]) -> str:
    return json.dumps(list(names), ensure_ascii=False, separators=(",", ":"))


def _from_json(text: object) -> list[str]:
    names = json.loads(text) if isinstance(text, str) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("a stored list of names is not one")
    return names
