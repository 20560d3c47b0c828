"""Whether a stored row has values of the kinds that its columns are for.

SQLite takes any value into any column, so one statement can put a text where a number belongs. Who
reads the log must not stumble over that: it is to be said, and the other rows are to be read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import cache
from types import NoneType
from typing import Any, Final, TypeVar, get_args, get_type_hints

from flask_jafsec.audit.rows import NO_HASH

R = TypeVar("R")

#: What stands for a value that is none.
_EMPTY: Final[Mapping[type, object]] = {NoneType: None, int: 0, str: "", bytes: NO_HASH}


def fitted(row: R) -> tuple[R, str]:
    """Return *row*, and the names of what has another kind than its column; empty if nothing has.

    In the row returned something empty stands for each of those.
    """
    wrong = {name: empty for name, kinds, empty, value in _values(row) if type(value) not in kinds}
    return (_with(row, wrong), ", ".join(wrong)) if wrong else (row, "")


def misfits(row: object) -> str:
    """Return the names of the values of *row* that have another kind than their columns."""
    return fitted(row)[1]


def fitting(rows: Sequence[R], report: Callable[[R, str], object]) -> list[R]:
    """Return those of *rows* whose values are all of the right kinds, and *report* the others."""
    good = []
    for row in rows:
        if wrong := misfits(row):
            report(row, wrong)
        else:
            good.append(row)
    return good


def _values(row: Any) -> list[tuple[str, tuple[type, ...], object, object]]:
    of: Any = type(row)
    return [(name, kinds, empty, getattr(row, name)) for name, kinds, empty in _kinds(of)]


def _with(row: R, values: Mapping[str, Any]) -> R:
    changed: R = (
        replace(row, **values) if is_dataclass(row) else row._replace(**values)  # type: ignore[attr-defined, type-var] # a named tuple
    )
    return changed


@cache
def _kinds(of: Any) -> Sequence[tuple[str, tuple[type, ...], object]]:
    hints = get_type_hints(of)
    names = [one.name for one in fields(of)] if is_dataclass(of) else of._fields
    return [(name, *_kind(hints[name])) for name in names]


def _kind(hint: Any) -> tuple[tuple[type, ...], object]:
    kinds = get_args(hint) or (hint,)
    if bool in kinds:
        return (bool, int), False  # SQLite has no truth values
    return kinds, _EMPTY[NoneType if NoneType in kinds else kinds[0]]
