"""How a query is answered: what it says about columns, which index is walked, and how far."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from flask_jafsec.audit.query import Field, Query, Term
from flask_jafsec.audit.rows import ACTOR_NUMBER, OUTCOME_NUMBER, Entry
from flask_jafsec.audit.search_store import INDEXED, AuditSearch, Column, Condition, Scan
from flask_jafsec.events import Severity

#: Rows of each index that are walked to find out which one leads to the fewest.
PROBED: Final = 1_000
LEAST_PROBED: Final = 30

_COLUMNS: Final = {
    Field.TYPE: Column.TYPE_ID,
    Field.OUTCOME: Column.OUTCOME,
    Field.SEVERITY: Column.SEVERITY,
    Field.KIND: Column.ACTOR_KIND,
    Field.ACTOR: Column.ACTOR,
    Field.SUBJECT: Column.SUBJECT,
    Field.IP: Column.IP,
    Field.REQUEST: Column.REQUEST,
    Field.KEY: Column.KEY,
}

#: Names and numbers of the fields whose values are a closed list.
OUTCOMES: Final = {outcome.value: number for outcome, number in OUTCOME_NUMBER.items()}
SEVERITIES: Final = {level.name.lower(): level.value for level in Severity}
_NUMBERS: Final[Mapping[Field, Mapping[str, int]]] = {
    Field.OUTCOME: OUTCOMES,
    Field.SEVERITY: SEVERITIES,
    Field.KIND: ACTOR_NUMBER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How many rows one answer may look at, so that no query of anybody keeps the database busy."""

    page: int = 50_000
    """For a page when no index answers the whole query. Source: answers.md."""
    text: int = 20_000
    """The same with free text, whose comparison costs more. Source: console specification, B5."""
    first: int = 2_000
    """Looked at first: most pages are full by then, and the way to the rest is spared."""
    chart: int = 20_000
    """For charts and facets, which are waited for less patiently than the list."""
    total: int = 10_000
    """Counted one by one; above that a total says that there are more."""


Refs = Mapping[Term, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of an open view."""

    view: AuditSearch
    type_names: Mapping[int, str]
    conditions: tuple[Condition, ...]
    from_us: int
    to_us: int
    bounds: Bounds


@dataclass(frozen=True, slots=True)
class Plan:
    """The walk that answers a query."""

    scan: Scan
    bound: int | None
    """Rows looked at, at most; None where every row of the walk is a match."""


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a walk with a known number of rows."""

    scan: Scan
    rows: int
    edge_us: int | None
    """The time of its last row; None where the walk ends with it."""


def conditions_of(
    query: Query, type_ids: Mapping[str, int], refs: Refs
) -> tuple[Condition, ...] | None:
    """Return what *query* says about columns; None if nothing can satisfy it.

    Args:
        refs: The stored references of every term about persons or addresses.
    """
    found: list[Condition] = []
    for field, column in _COLUMNS.items():
        terms = [term for term in query.terms if term.field is field]
        if not terms:
            continue
        condition = _combined(column, terms, _Values(type_ids, refs), _NUMBERS.get(field))
        if condition is None:
            return None
        if condition.values:
            found.append(condition)
    texts = [term for term in query.terms if term.field is Field.TEXT]
    found += [Condition(Column.WORDS, term.values, term.excluded) for term in texts]
    return tuple(found)


def plan_of(question: Question) -> Plan:
    """Return the walk along the index that leads to the fewest rows."""
    view, conditions = question.view, question.conditions
    scan = Scan(by=None, from_us=question.from_us, to_us=question.to_us)
    able = [c for c in conditions if c.column in INDEXED and not c.excluded]
    if len(able) > 1:
        able.sort(key=lambda c: _density(view, replace(scan, by=c)))
    by = able[0] if able else None
    where = tuple(condition for condition in conditions if condition is not by)
    return Plan(replace(scan, by=by, where=where), _bound(where, question.bounds))


def steps(view: AuditSearch, scan: Scan, bound: int, first: int) -> Iterator[Step]:
    """Yield the walk in two parts, a short one first; ``rows`` counts from the start."""
    looked_at = 0
    for rows in (min(first, bound), bound - first):
        if rows <= 0:
            return
        step = cut(view, scan, rows)
        looked_at += step.rows
        yield replace(step, rows=looked_at)
        if step.edge_us is None:
            return
        scan = _rest(scan, step.edge_us)


def cut(view: AuditSearch, scan: Scan, rows: int) -> Step:
    """Return the first part of a walk, with about *rows* rows at most.

    Of several values each is walked to its share, and the part ends where the first share does.
    """
    share = max(1, rows // (len(scan.by.values) if scan.by else 1))
    depths = view.depths(scan, share)
    edges = [d.edge_us for d in depths if d.rows >= share and d.edge_us is not None]
    edge = (min(edges) if scan.ascending else max(edges)) if edges else None
    if edge is None or edge == (scan.to_us - 1 if scan.ascending else scan.from_us):
        return Step(scan, sum(depth.rows for depth in depths), None)
    part = replace(scan, to_us=edge + 1) if scan.ascending else replace(scan, from_us=edge)
    if len(depths) > 1:
        depths = view.depths(part, share)
    return Step(part, sum(depth.rows for depth in depths), edge)


def satisfies(entry: Entry, conditions: Sequence[Condition]) -> bool:
    """Return whether an entry that was read already satisfies all *conditions*."""
    return all(_satisfies(entry, condition) for condition in conditions)


def _satisfies(entry: Entry, condition: Condition) -> bool:
    value = getattr(entry, condition.column)
    if condition.column is Column.WORDS:
        return (str(condition.values[0]) in value) is not condition.excluded
    return (value in condition.values) is not condition.excluded


@dataclass(frozen=True, slots=True)
class _Values:
    type_ids: Mapping[str, int]
    refs: Refs

    def of(self, term: Term, numbers: Mapping[str, int] | None) -> Collection[int | str]:
        """Return the stored values of a term."""
        if term.field is Field.TYPE:
            return {n for name, n in self.type_ids.items() if _is_meant(name, term.values)}
        if numbers is not None:
            return {numbers[value] for value in term.values}
        return set(self.refs.get(term, term.values))


def _is_meant(name: str, values: Sequence[str]) -> bool:
    return any(name.startswith(v[:-1]) if v.endswith("*") else name == v for v in values)


def _combined(
    column: Column, terms: Sequence[Term], values: _Values, numbers: Mapping[str, int] | None
) -> Condition | None:
    """Return all terms about one column as one condition; without values it says nothing."""
    wanted = [set(values.of(term, numbers)) for term in terms if not term.excluded]
    refused = {v for term in terms if term.excluded for v in values.of(term, numbers)}
    if not wanted and numbers is not None:
        # What is left of a closed list can be walked along its index; what is not, cannot.
        wanted = [set(numbers.values())]
    if wanted:
        left = set.intersection(*wanted) - refused
        return Condition(column, _sorted(left)) if left else None
    return Condition(column, _sorted(refused), excluded=True)


def _sorted(values: Collection[int | str]) -> tuple[int, ...] | tuple[str, ...]:
    return tuple(sorted(values))  # type: ignore[return-value] # of one kind in one column


def _density(view: AuditSearch, scan: Scan) -> float:
    """Return rows per microsecond on the walk, as far as a short look can tell."""
    assert scan.by is not None  # noqa: S101 - asked of conditions only
    share = max(LEAST_PROBED, PROBED // len(scan.by.values))
    density = 0.0
    for rows, edge_us in view.depths(scan, share):
        reaches_end = rows < share or edge_us is None
        span = scan.to_us - (scan.from_us if reaches_end or edge_us is None else edge_us)
        density += rows / max(1, span)
    return density


def _bound(where: Sequence[Condition], bounds: Bounds) -> int | None:
    if not where:
        return None
    has_text = any(condition.column is Column.WORDS for condition in where)
    return bounds.text if has_text else bounds.page


def _rest(scan: Scan, edge_us: int) -> Scan:
    if scan.ascending:
        return replace(scan, from_us=edge_us + 1, beyond=None)
    return replace(scan, to_us=edge_us, beyond=None)
