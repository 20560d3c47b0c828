"""Statements that count: rows of a bounded scan, or rollups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Select, cast, func, literal, select

from flask_jafsec.audit.rows import OUTCOME_NUMBER
from flask_jafsec.audit.search_store import Condition, Scan
from flask_jafsec.stores.audit_tables import ENTRY, ROLLUP
from flask_jafsec.stores.sql.audit.walks import all_of

OUTCOMES: Final = tuple(OUTCOME_NUMBER.values())


def count(scan: Scan, limit: int) -> Select[Any]:
    """Return the number of rows of a scan, counted up to *limit*."""
    found = select(literal(1).label("found")).select_from(ENTRY).where(*all_of(scan)).limit(limit)
    return select(func.count()).select_from(found.subquery())


def groups(scan: Scan) -> Select[Any]:
    """Return a scan counted by type, outcome, severity and kind of actor."""
    by = (ENTRY.c.type_id, ENTRY.c.outcome, ENTRY.c.severity, ENTRY.c.actor_kind)
    counted = select(*by, func.count(), _sum(ENTRY.c.decisions))
    return counted.where(*all_of(scan)).group_by(*by)


def amounts(scan: Scan, start_us: int, width_us: int) -> Select[Any]:
    """Return a scan counted by bar and outcome."""
    bar = _bar(ENTRY.c.ts, start_us, width_us)
    counted = select(bar, ENTRY.c.outcome, func.count(), _sum(ENTRY.c.decisions))
    return counted.where(*all_of(scan)).group_by(bar, ENTRY.c.outcome)


def rolled(step: int, start: int, end: int, where: Sequence[Condition]) -> Select[Any]:
    """Return sums of rollups by type, outcome and severity."""
    by = (ROLLUP.c.type_id, ROLLUP.c.outcome, ROLLUP.c.severity)
    summed = select(*by, _sum(ROLLUP.c.events), _sum(ROLLUP.c.decisions))
    return summed.where(*_buckets(step, start, end, where)).group_by(*by)


def rolled_amounts(step: int, start: int, end: int, where: Sequence[Condition]) -> Select[Any]:
    """Return each bucket with events and decisions of every outcome in ``OUTCOMES``.

    Buckets come in the order of the primary key, so that nothing is sorted for grouping; grouped
    by bar and outcome the same takes twice the time on SQLite.
    """
    amounts = [
        _sum(column, only=ROLLUP.c.outcome == outcome)
        for outcome in OUTCOMES
        for column in (ROLLUP.c.events, ROLLUP.c.decisions)
    ]
    summed = select(ROLLUP.c.bucket, *amounts)
    return summed.where(*_buckets(step, start, end, where)).group_by(ROLLUP.c.bucket)


def _buckets(
    step: int, start: int, end: int, where: Sequence[Condition]
) -> Iterator[ColumnElement[bool]]:
    yield ROLLUP.c.step == step
    yield ROLLUP.c.bucket >= start
    yield ROLLUP.c.bucket < end
    for condition in where:
        column = ROLLUP.c[condition.column] + 0
        yield (
            column.not_in(condition.values) if condition.excluded else column.in_(condition.values)
        )


def _bar(column: ColumnElement[int], start: int, width: int) -> ColumnElement[int]:
    began, lasts = literal(start, BigInteger), literal(width, BigInteger)
    return ((column - began) // lasts).label("bar")


def _sum(column: ColumnElement[int], only: ColumnElement[bool] | None = None) -> ColumnElement[int]:
    summed = func.sum(column)
    # PostgreSQL sums into decimals.
    return cast(summed if only is None else summed.filter(only), BigInteger)
