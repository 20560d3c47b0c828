"""Says which part of a query that finds nothing is to blame for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flask_jafsec.audit.query import Query, Term
from flask_jafsec.audit.search_results import Total
from flask_jafsec.audit.searching import LogSearch

#: Terms that are tried: each is one more total to be counted.
MAX_TRIED: Final = 6


@dataclass(frozen=True, slots=True)
class Blame:
    """A term, and what the query finds without it."""

    term: Term
    without: Total


def blame(
    search: LogSearch, query: Query, from_us: int, to_us: int, *, always: Query | None = None
) -> Blame | None:
    """Return the term without which the query finds most; None where none helps.

    Args:
        always: Terms that hold besides and are not looked at, such as those of a view.

    Raises:
        StoreUnavailable: The database did not answer.
    """
    fixed = always or Query()
    best: Blame | None = None
    for term in query.terms[:MAX_TRIED]:
        found = search.total(fixed & query.without(term), from_us, to_us)
        if found.events > (best.without.events if best else 0):
            best = Blame(term, found)
    return best
