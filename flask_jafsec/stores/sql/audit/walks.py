"""Statements that walk an index of the search copies in order and stop at a limit.

Several values of one column are walked one by one, each to the limit, and merged: ``IN`` with an
order would read and sort everything that has one of the values.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    SmallInteger,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    tuple_,
)

from flask_jafsec.audit.rows import Entry
from flask_jafsec.audit.search_store import Column, Condition, Scan
from flask_jafsec.stores.audit_tables import ENTRY
from flask_jafsec.stores.column_types import TEXT
from flask_jafsec.stores.values import is_storable

SELECTED: Final = tuple(ENTRY.c[name] for name in Entry._fields)

_NUMBERS: Final = frozenset((Column.ACTOR_KIND, Column.OUTCOME, Column.SEVERITY, Column.TYPE_ID))


def entries(scan: Scan, limit: int, dialect: str) -> Select[Any]:
    """Return the first rows of a scan in the direction of its walk."""
    if scan.by is None or len(scan.by.values) == 1:
        return _single(scan, dialect).rows(SELECTED, limit)
    value = _each(scan.by, dialect)
    part = _Part(scan, dialect, ENTRY.alias("part"), value.c.value)
    if dialect == "sqlite":
        return _by_row_number(part, value, limit)
    rows = part.rows([part.table.c[name] for name in Entry._fields], limit).lateral("rows")
    merged = select(*(rows.c[name] for name in Entry._fields)).select_from(value.join(rows, true()))
    return merged.order_by(*_directed(scan, rows.c.ts, rows.c.leaf_index)).limit(limit)


def depths(scan: Scan, limit: int, dialect: str) -> Select[Any]:
    """Return rows and the last time of each value's part, up to *limit* rows."""
    if scan.by is None or len(scan.by.values) == 1:
        times = _single(scan, dialect).times(limit).subquery()
        columns: tuple[ColumnElement[Any], ...] = (func.count(), _last(times, scan))
        return select(*columns).select_from(times)
    value = _each(scan.by, dialect)
    part = _Part(scan, dialect, ENTRY.alias("part"), value.c.value)
    times = part.times(limit).correlate(value).subquery()
    rows = select(func.count()).select_from(times).scalar_subquery()
    last = select(_last(times, scan)).scalar_subquery()
    return select(rows, last).select_from(value)


def all_of(scan: Scan) -> Iterator[ColumnElement[bool]]:
    """Yield what every row of a scan satisfies, where no order is asked for."""
    if scan.by is not None:
        yield ENTRY.c[scan.by.column].in_(sendable(scan.by))
    first, last = _ends(scan)
    yield ENTRY.c.ts >= first
    yield ENTRY.c.ts <= last
    yield from _beyond(scan, ENTRY)
    for condition in scan.where:
        yield holds(condition, ENTRY)


def holds(condition: Condition, table: FromClause) -> ColumnElement[bool]:
    """Return a condition that is compared row by row, on no account along an index."""
    column: ColumnElement[Any] = table.c[condition.column]
    values = sendable(condition)
    if condition.column is Column.WORDS:
        found = column.contains(values[0], autoescape=True) if values else false()
        return not_(found) if condition.excluded else found
    compared = column + 0 if condition.column in _NUMBERS else column.concat("")
    if condition.excluded:
        # What has no value at all does not have this one; SQL alone would leave it out.
        return or_(column.is_(None), compared.not_in(values))
    return compared.in_(values)


def sendable(condition: Condition) -> list[int] | list[str]:
    """Return the values that a database can hold; the others are nowhere in it anyway."""
    return [v for v in condition.values if not isinstance(v, str) or is_storable(v)]  # type: ignore[return-value] # all of one kind


@dataclass(frozen=True, slots=True)
class _Part:
    """One value's part of a walk, or all of a walk along the time."""

    scan: Scan
    dialect: str
    table: FromClause
    value: ColumnElement[Any] | None
    """What the column of the index equals."""

    def rows(self, columns: Iterable[ColumnElement[Any]], limit: int) -> Select[Any]:
        """Return the first rows that satisfy the other conditions too."""
        besides = [holds(condition, self.table) for condition in self.scan.where]
        walked = select(*columns).where(*self._within(), *besides)
        return walked.order_by(*self._order(self.table.c.leaf_index)).limit(limit)

    def times(self, limit: int) -> Select[Any]:
        """Return the times of the first rows; read from the index alone."""
        return select(self.table.c.ts).where(*self._within()).order_by(*self._order()).limit(limit)

    def _within(self) -> Iterator[ColumnElement[bool]]:
        first, last = (literal(end, BigInteger) for end in _ends(self.scan))
        ts = self.table.c.ts
        yield from _beyond(self.scan, self.table)
        if self.value is None or self.dialect == "sqlite":
            if self.value is not None:
                yield self._column == self.value
            yield ts >= first
            yield ts <= last
            return
        # Pairs leave PostgreSQL no choice: only this index has their order. Asked for the value and
        # the order of time, it may walk the index of time and skip whatever has other values, which
        # is the whole log for a value that is rare, or was seen long ago only.
        yield self._column.is_not(None)  # what the index is built on; pairs do not imply it
        yield tuple_(self._column, ts) >= tuple_(self.value, first)
        yield tuple_(self._column, ts) <= tuple_(self.value, last)

    def _order(self, *more: ColumnElement[Any]) -> Iterator[ColumnElement[Any]]:
        is_pair = self.value is not None and self.dialect != "sqlite"
        columns = (self._column, self.table.c.ts) if is_pair else (self.table.c.ts,)
        return _directed(self.scan, *columns, *more)

    @property
    def _column(self) -> ColumnElement[Any]:
        assert self.scan.by is not None  # noqa: S101 - there is a value only with a column
        column: ColumnElement[Any] = self.table.c[self.scan.by.column]
        return column


def _single(scan: Scan, dialect: str) -> _Part:
    if scan.by is None:
        return _Part(scan, dialect, ENTRY, None)
    # Nothing equals NULL, which stands for a value that no database can hold.
    value = next(iter(sendable(scan.by)), None)
    return _Part(scan, dialect, ENTRY, literal(value, ENTRY.c[scan.by.column].type))


def _by_row_number(part: _Part, value: FromClause, limit: int) -> Select[Any]:
    # SQLite knows no LATERAL, but looks a list of row numbers up for each value. The sums keep it
    # from walking along the time instead and asking for each row whether it is in a list.
    leaves = part.rows((part.table.c.leaf_index,), limit).correlate(value)
    found = select(*SELECTED).select_from(value.join(ENTRY, ENTRY.c.leaf_index.in_(leaves)))
    order = _directed(part.scan, ENTRY.c.ts + 0, ENTRY.c.leaf_index + 0)
    return found.order_by(*order).limit(limit)


def _each(by: Condition, dialect: str) -> FromClause:
    # One parameter however many values, so that the statement stays the same.
    values = sendable(by)
    if dialect == "sqlite":
        return func.json_each(json.dumps(values)).table_valued("value").alias("wanted")
    kind = SmallInteger() if by.column in _NUMBERS else TEXT
    listed = func.unnest(literal(values, ARRAY(kind))).table_valued("value")
    return listed.render_derived(name="wanted")


def _ends(scan: Scan) -> tuple[int, int]:
    """Return the first and the last time; given two on one side, a database may take the wrong."""
    first, last = scan.from_us, scan.to_us - 1
    if scan.beyond is None:
        return first, last
    if scan.ascending:
        return max(first, scan.beyond.ts), last
    return first, min(last, scan.beyond.ts)


def _beyond(scan: Scan, table: FromClause) -> Iterator[ColumnElement[bool]]:
    if scan.beyond is None:
        return
    ts, leaf = scan.beyond
    if scan.ascending:
        yield or_(table.c.ts > ts, table.c.leaf_index > leaf)
    else:
        yield or_(table.c.ts < ts, table.c.leaf_index < leaf)


def _directed(scan: Scan, *columns: ColumnElement[Any]) -> Iterator[ColumnElement[Any]]:
    return (column.asc() if scan.ascending else column.desc() for column in columns)


def _last(times: FromClause, scan: Scan) -> ColumnElement[int]:
    ts: ColumnElement[int] = times.c.ts
    return func.max(ts) if scan.ascending else func.min(ts)
