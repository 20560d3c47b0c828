"""The list of API keys in SQL: along an index, whatever is asked, and never twice for a page."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    and_,
    bindparam,
    case,
    func,
    not_,
    or_,
    select,
    text,
    tuple_,
    type_coerce,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from flask_jafsec.records import ApiKey
from flask_jafsec.stored_keys import (
    DayUse,
    KeyFigures,
    KeyOrder,
    KeySelection,
    KeyStatus,
    KeyWalk,
)
from flask_jafsec.stores.column_types import TEXT
from flask_jafsec.stores.key_texts import id_of, is_of_scopes, pattern
from flask_jafsec.stores.sql.transaction import Transaction
from flask_jafsec.stores.tables import API_KEY, KEY_USE, USER

_KEY = API_KEY.c
_USE = KEY_USE.c

#: Behind every text that begins with what stands before it: the last character there is.
_LAST: Final = "\U0010ffff"

_COLUMNS: Final[Mapping[KeyOrder, Any]] = {
    KeyOrder.CREATED: _KEY.id,
    KeyOrder.EXPIRES: _KEY.expires_at,
    KeyOrder.NAME: _KEY.name,
    KeyOrder.USED: _KEY.last_used_at,
}

#: Kinds of keys that work, in the order of ``KeyFigures``.
_KINDS: Final = (
    KeyStatus.EXPIRING,
    KeyStatus.ROTATING,
    KeyStatus.UNUSED,
    KeyStatus.WILDCARD,
)

#: 24 hours since a time; hours are stored as microseconds, or as times.
_DAY_OF: Final = {
    "sqlite": text("(hour - :since) / 86400000000"),
    "postgresql": text("floor(extract(epoch FROM hour - :since) / 86400)"),
}


def walk(transaction: Transaction, selection: KeySelection, walked: KeyWalk) -> Sequence[ApiKey]:
    """Return the selected keys along a walk: one query, or two where some have no value."""
    values = _values(selection)
    where = _where(selection)
    found: list[ApiKey] = []
    for part, more in _parts(walked):
        left = walked.limit - len(found)
        if left <= 0:
            break
        column = _COLUMNS[walked.order]
        order = [column, _KEY.id] if column is not _KEY.id else [_KEY.id]
        statement = (
            select(API_KEY)
            .where(*where, *part)
            .order_by(*(c.asc() if walked.ascending else c.desc() for c in order))
            .limit(left)
        )
        found += transaction.records(ApiKey, statement, **values, **more)
    return found


def count(transaction: Transaction, selection: KeySelection) -> int:
    """Return how many keys are selected."""
    statement = select(func.count()).select_from(API_KEY).where(*_where(selection))
    rows = transaction.rows(statement, **_values(selection))
    return int(rows[0][0]) if rows else 0


def figures(transaction: Transaction, at: datetime) -> KeyFigures:
    """Return how many keys there are of each kind, in one pass over all and one over those."""
    selection = KeySelection(at)
    listed = count(transaction, selection)
    works = _status(KeyStatus.ACTIVE, selection)
    # Whether a key works is decided once for a row, and not once more for each figure.
    sums = [
        func.coalesce(func.sum(case((and_(*_more(kind, selection)), 1), else_=0)), 0)
        for kind in _KINDS
    ]
    (row,) = transaction.rows(select(func.count(), *sums).select_from(API_KEY).where(*works))
    return KeyFigures(listed, *map(int, row))


def day_uses(
    transaction: Transaction, key_ids: Collection[str], since: datetime
) -> Sequence[DayUse]:
    """Return the sums of every 24 hours from *since* on, where there are any."""
    if not key_ids:
        return []
    day = _DAY_OF[transaction.dialect].bindparams(bindparam("since", type_=_USE.hour.type))
    statement = (
        select(_USE.key_id, day, func.sum(_USE.allowed), func.sum(_USE.refused))
        .where(_USE.key_id.in_(sorted(key_ids)), _USE.hour >= bindparam("since"))
        .group_by(_USE.key_id, day)
        .order_by(_USE.key_id, day)
    )
    rows = transaction.rows(statement, since=since)
    return [DayUse(key_id, *map(int, numbers)) for key_id, *numbers in map(tuple, rows)]


def _parts(walked: KeyWalk) -> Iterator[tuple[list[ColumnElement[bool]], dict[str, object]]]:
    """Yield conditions for each part of the walk, with their values: one index range each.

    What has no value stands at one end of the order. As a part of its own it needs no words about
    NULLs, which the two databases put at different ends.
    """
    column, beyond = _COLUMNS[walked.order], walked.beyond
    if not column.nullable:
        yield ([] if beyond is None else [_is_beyond(walked, column)]), _place(walked)
        return
    has_none_first = (walked.order is KeyOrder.USED) is walked.ascending
    for has_value in (False, True) if has_none_first else (True, False):
        part = [column.is_not(None) if has_value else column.is_(None)]
        if beyond is None or (beyond.value is not None) is not has_value:
            # Wholly before the place, or wholly behind it.
            if beyond is None or has_value is has_none_first:
                yield part, {}
            continue
        part.append(_is_beyond(walked, column if has_value else _KEY.id))
        yield part, _place(walked)


def _is_beyond(walked: KeyWalk, column: Any) -> ColumnElement[bool]:
    there: Any = bindparam("beyond_id")
    here: Any = _KEY.id
    if column is not _KEY.id:
        here = tuple_(column, _KEY.id)
        there = tuple_(bindparam("beyond_value", type_=column.type), there)
    is_beyond: ColumnElement[bool] = here > there if walked.ascending else here < there
    return is_beyond


def _place(walked: KeyWalk) -> dict[str, object]:
    if walked.beyond is None:
        return {}
    value, key_id = walked.beyond
    is_valued = value is not None and walked.order is not KeyOrder.CREATED
    return {"beyond_id": key_id} | ({"beyond_value": value} if is_valued else {})


def _where(selection: KeySelection) -> list[ColumnElement[bool]]:
    conditions = _status(selection.status, selection)
    if selection.text:
        conditions.append(_holds_text(selection.text))
    return conditions


def _values(selection: KeySelection) -> dict[str, object]:
    """Return the values of the text that is looked for."""
    if not selection.text:
        return {}
    begins = id_of(selection.text)
    by_id = {"begins": begins, "begins_end": begins + _LAST} if begins else {}
    return {
        "pattern": pattern(selection.text),
        "named": selection.text,
        "named_end": selection.text + _LAST,
        **by_id,
    }


def _holds_text(wanted: str) -> ColumnElement[bool]:
    like: ColumnElement[str] = bindparam("pattern")
    user = USER.c.name_key
    named = select(USER.c.id).where(user >= bindparam("named"), user < bindparam("named_end"))
    found: list[ColumnElement[bool]] = [
        func.lower(_KEY.name).like(like, escape="\\"),
        func.lower(_KEY.owner).like(like, escape="\\"),
        _KEY.owner.in_(named),
    ]
    if is_of_scopes(wanted):
        found.append(type_coerce(_KEY.scopes, TEXT).like(like, escape="\\"))
    if id_of(wanted):
        found.append(and_(_KEY.id >= bindparam("begins"), _KEY.id < bindparam("begins_end")))
    return or_(*found)


def _status(status: KeyStatus, at: KeySelection) -> list[ColumnElement[bool]]:
    """Return the rules of ``stored_keys`` in SQL."""
    if status is KeyStatus.ALL:
        return []
    ends = (_KEY.revoked_at, _KEY.ends_at, _KEY.expires_at)
    listed = [_is_none_or_after(column, at.listed_since) for column in ends]
    if status is KeyStatus.LISTED:
        return listed
    works = [
        _KEY.revoked_at.is_(None),
        _is_none_or_after(_KEY.ends_at, at.at),
        _is_none_or_after(_KEY.expires_at, at.at),
    ]
    return [*listed, not_(and_(*works))] if status is KeyStatus.ENDED else works + _more(status, at)


def _more(status: KeyStatus, at: KeySelection) -> list[ColumnElement[bool]]:
    """Return what holds of a key that works, beside."""
    more: dict[KeyStatus, list[ColumnElement[bool]]] = {
        KeyStatus.ACTIVE: [],
        KeyStatus.EXPIRING: [_KEY.expires_at.is_not(None), _KEY.expires_at <= at.soon],
        KeyStatus.ROTATING: [_KEY.ends_at.is_not(None)],
        KeyStatus.UNUSED: [func.coalesce(_KEY.last_used_at, _KEY.created_at) <= at.idle_since],
        KeyStatus.WILDCARD: [type_coerce(_KEY.scopes, TEXT).like("%*%")],
    }
    return more[status]


def _is_none_or_after(column: Any, at: datetime) -> ColumnElement[bool]:
    plain: Any = _Unindexed(column)
    return or_(plain.is_(None), plain > at)


class _Unindexed(FunctionElement[Any]):
    """A column whose index SQLite leaves alone.

    For "NULL or later" it would go along the index twice and fetch nearly every row once more,
    which takes ten times as long as reading them all. PostgreSQL knows better by its statistics.
    Source: https://sqlite.org/optoverview.html section 3.
    """

    inherit_cache = True

    def __init__(self, column: Column[Any]) -> None:
        super().__init__(column)
        self.type = column.type


@compiles(_Unindexed)
def _as_it_is(element: _Unindexed, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(_Unindexed, "sqlite")
def _with_plus(element: _Unindexed, compiler: Any, **options: Any) -> str:
    return f"+{compiler.process(element.clauses, **options)}"
