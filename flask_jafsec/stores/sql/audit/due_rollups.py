"""What the rollups must be, counted from the search copies, whatever stands in those."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from math import floor
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Select, func, literal, select

from flask_jafsec.audit.rows import Rollup
from flask_jafsec.stores.audit_tables import ENTRY

#: Amounts are summed up below and above this by themselves.
HALF: Final = 2**32


def select_due(step: int, first: int, end: int) -> Select[Any]:
    """Return the statement of what ``due_rollup`` makes rollups from, between two seconds."""
    bucket = (ENTRY.c.ts - ENTRY.c.ts % (step * 1_000_000)).label("bucket")
    groups = (bucket, ENTRY.c.type_id, ENTRY.c.outcome, ENTRY.c.severity)
    return (
        select(*groups, func.count(), *_sums(ENTRY.c.decisions))
        .where(ENTRY.c.ts >= micros_of_seconds(first), ENTRY.c.ts < micros_of_seconds(end))
        .group_by(*groups)
    )


def due_rollup(step: int, row: Sequence[Any]) -> Rollup:
    """Return the rollup that a row says."""
    bucket, type_id, outcome, severity, events, high, low = row
    start, tall, small = (sum(whole(number)) for number in (bucket, high, low))
    amount = tall * HALF + small
    return Rollup(step, start // 1_000_000, type_id, outcome, severity, events, amount)


def whole(value: object) -> Sequence[int]:
    """Return the whole number that *value* is, or is just above; nothing where it is none."""
    # PostgreSQL sums into decimals.
    if not isinstance(value, int | float | Decimal) or not -(2**63) <= value < 2**63:
        return []
    return [floor(value)]


def micros_of_seconds(seconds: int) -> int:
    """Return microseconds, as far as 64 bits hold them."""
    # A time that was tampered with may be outside what the database can compare.
    return max(-(2**63), min(seconds * 1_000_000, 2**63 - 1))


def _sums(column: Column[int]) -> Sequence[ColumnElement[int]]:
    # In two halves: two numbers that somebody made large enough would overflow together.
    return [func.sum(column // literal(HALF)), func.sum(column % literal(HALF))]
