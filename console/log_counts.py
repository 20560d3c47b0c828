"""What stands around the list: the chart, the figures, and the values one can filter by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flask_jafsec.audit.query import Field, Term
from flask_jafsec.audit.ranges import Span
from flask_jafsec.audit.search_results import Facet, Facets, Total
from flask_jafsec.audit.searching import LogSearch
from flask_jafsec.events import Outcome

from .drawing import Drawing, drawing, events_of, moment
from .log_asking import Asked

#: Values of a group that are shown before "more". Source: console.md B4.
TOP: Final = 7

_GROUPS: Final = (
    ("Outcome", Field.OUTCOME),
    ("Severity", Field.SEVERITY),
    ("Action", Field.TYPE),
    ("Actor", Field.KIND),
)
_DENIED: Final = Outcome.DENY.value
_FAILED: Final = Outcome.FAIL.value


@dataclass(frozen=True, slots=True)
class Value:
    """One value that can be filtered by."""

    name: str
    events: int
    is_set: bool
    href: str
    """Sets it; takes it away again where it is set."""
    exclude: str
    """Leaves it out; empty where it is set."""


@dataclass(frozen=True, slots=True)
class Group:
    """The values of one field."""

    title: str
    field: str
    values: Sequence[Value]
    is_exact: bool

    @property
    def top(self) -> Sequence[Value]:
        """The values that are shown first."""
        return self.values[:TOP]

    @property
    def more(self) -> Sequence[Value]:
        """Those behind "more"."""
        return self.values[TOP:]


@dataclass(frozen=True, slots=True)
class Counts:
    """Everything around the list."""

    total: Total
    denied: int
    failed: int
    looked_at: int
    """Events that the counts of outcomes are of."""
    are_exact: bool
    """Whether those are all there are."""
    chart: Drawing
    is_sampled: bool
    reached: datetime | None
    """How far back the chart goes, where it does not go all the way."""
    hrefs: Sequence[str]
    """One address for each bar."""
    groups: Sequence[Group]
    ends: tuple[datetime, datetime]


def counts_of(search: LogSearch, asked: Asked, now: datetime) -> Counts:
    """Return what stands around the list of *asked*. Raises StoreUnavailable."""
    span, query = asked.span, asked.whole
    histogram = search.histogram(query, span.from_us, span.to_us)
    facets = search.facets(query, span.from_us, span.to_us)
    outcomes = dict(facets.outcome.values)
    bars = histogram.bars
    return Counts(
        total=search.total(query, span.from_us, span.to_us),
        denied=outcomes.get(_DENIED, 0),
        failed=outcomes.get(_FAILED, 0),
        looked_at=facets.looked_at,
        are_exact=facets.outcome.is_exact,
        chart=drawing(bars, now, events_of),
        is_sampled=histogram.is_sampled,
        reached=None if histogram.reached_us is None else moment(histogram.reached_us),
        hrefs=[asked.address(span=Span(max(1, bar.start_us), bar.end_us)) for bar in bars],
        groups=list(_groups(facets, asked)),
        ends=(moment(span.from_us), moment(span.to_us)),
    )


def _groups(facets: Facets, asked: Asked) -> Iterator[Group]:
    pick: dict[Field, Callable[[Facets], Facet]] = {
        Field.OUTCOME: lambda found: found.outcome,
        Field.SEVERITY: lambda found: found.severity,
        Field.TYPE: lambda found: found.type,
        Field.KIND: lambda found: found.kind,
    }
    for title, field in _GROUPS:
        facet = pick[field](facets)
        values = [_value(asked, field, name, events) for name, events in facet.values]
        yield Group(title, field.value, values, facet.is_exact)


def _value(asked: Asked, field: Field, name: str, events: int) -> Value:
    term = Term(field, (name,))
    is_set = term in asked.query.terms
    query = asked.query.without(term) if is_set else asked.query.only(field, name)
    left_out = asked.query.with_term(Term(field, (name,), excluded=True))
    exclude = "" if is_set else asked.address(left_out)
    return Value(name, events, is_set, asked.address(query), exclude)
