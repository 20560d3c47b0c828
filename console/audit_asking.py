"""What the address of an audit page asks: a query, a range of time, a place in the list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from flask import url_for

from flask_jafsec.audit.query import Field, Query, QueryInvalid, Term, parse

#: Names of ranges up to now, and their lengths in seconds. Source: console specification, B3.
RANGES: Final = {
    "15m": 900,
    "1h": 3_600,
    "24h": 86_400,
    "7d": 7 * 86_400,
    "30d": 30 * 86_400,
}
DEFAULT_RANGE: Final = "24h"
SIZES: Final = (25, 50, 100)
DEFAULT_SIZE: Final = 50

#: Ready-made views: a name and the query behind it.
VIEWS: Final = (
    ("all", "All events", ""),
    ("denied", "Denied", "outcome:deny"),
    ("sign-ins", "Sign-ins", "type:auth.sign_in.*,auth.sign_out"),
    ("keys", "API keys", "type:auth.key.*,key.*"),
    ("changes", "Admin changes", "type:key.*,role.*,user.*,token.revoked*"),
    ("log", "The log itself", "type:audit.*,export.*"),
)

_US: Final = 1_000_000

#: The last year whose dates every part can hold.
_MAX_YEAR: Final = 9998


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page of the audit log was asked for."""

    text: str
    """The query as it was typed."""
    query: Query
    """What is searched: what was typed, or the last that could be read."""
    problem: QueryInvalid | None
    range_name: str
    """One of ``RANGES``; empty for a range with two ends."""
    from_us: int
    to_us: int
    size: int
    after: str = ""
    before: str = ""
    time_problem: str = ""

    def parameters(self, **more: object) -> Mapping[str, str]:
        """Return the parameters of this page's address; empty ones are left out.

        The range stands with its two ends: what the link shows does not move with the clock.
        """
        said: dict[str, object] = {
            "q": str(self.query),
            "from": iso(self.from_us),
            "to": iso(self.to_us),
            "size": "" if self.size == DEFAULT_SIZE else self.size,
            **more,
        }
        return {name: str(value) for name, value in said.items() if value not in ("", None)}

    def link(self, endpoint: str = "jafsec.audit", **more: object) -> str:
        """Return an address for the same question."""
        return url_for(endpoint, **self.parameters(**more))  # type: ignore[arg-type]

    def with_query(self, query: Query) -> str:
        """Return the address of another query in the same range, as a range that moves."""
        if self.range_name:
            return url_for("jafsec.audit", q=str(query) or None, range=self.range_name)
        return replace(self, query=query).link()

    def only(self, field: str, value: str) -> str:
        """Return the address of this query with one value of a field."""
        return self.with_query(self.query.with_term(Term(Field(field), (value,))))

    def excluding(self, field: str, value: str) -> str:
        """Return the address of this query without one value of a field."""
        return self.with_query(self.query.with_term(Term(Field(field), (value,), excluded=True)))

    def without(self, term: Term) -> str:
        """Return the address of this query without one of its terms."""
        return self.with_query(self.query.without(term))

    def turned(self, term: Term) -> str:
        """Return the address where *term* is excluded instead of wanted, or the other way."""
        other = replace(term, excluded=not term.excluded)
        return self.with_query(self.query.without(term).with_term(other))


def asked(arguments: Mapping[str, str], now: datetime) -> Asked:
    """Return what the arguments of an address ask for; wrong ones are told, never raised."""
    text = arguments.get("q", "")
    query, problem = Query(), None
    try:
        query = parse(text)
    except QueryInvalid as error:
        problem = error
        query = _or_nothing(arguments.get("was", ""))
    name, from_us, to_us, time_problem = _range(arguments, now)
    size = arguments.get("size", "")
    return Asked(
        text=text,
        query=query,
        problem=problem,
        range_name=name,
        from_us=from_us,
        to_us=to_us,
        size=int(size) if size in {str(one) for one in SIZES} else DEFAULT_SIZE,
        after=arguments.get("after", ""),
        before=arguments.get("before", ""),
        time_problem=time_problem,
    )


def iso(us: int) -> str:
    """Return a time as it stands in addresses: ``2026-11-25T09:41:07Z``, whole seconds."""
    return f"{datetime.fromtimestamp(us // _US, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _or_nothing(text: str) -> Query:
    try:
        return parse(text)
    except QueryInvalid:
        return Query()


def _range(arguments: Mapping[str, str], now: datetime) -> tuple[str, int, int, str]:
    # The present second is over at its end: an event of just now is in the list.
    end = (int(now.timestamp()) + 1) * _US
    said = arguments.get("from"), arguments.get("to")
    if said[0] or said[1]:
        try:
            first = _us_of(said[0]) if said[0] else 0
            last = _us_of(said[1]) if said[1] else end
        except ValueError:
            first = last = 0
        if first < last:
            return "", first, last, ""
        problem = "The two times are no range. Write them like 2026-11-25T09:41:07Z."
        return DEFAULT_RANGE, end - RANGES[DEFAULT_RANGE] * _US, end, problem
    name = arguments.get("range", "")
    name = name if name in RANGES else DEFAULT_RANGE
    return name, max(0, end - RANGES[name] * _US), end, ""


def _us_of(text: str) -> int:
    at = datetime.fromisoformat(text)
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    if at.year > _MAX_YEAR:
        raise ValueError(text)
    return int(at.timestamp()) * _US
