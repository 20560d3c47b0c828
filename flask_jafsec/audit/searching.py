"""Searching the log: pages, totals, histograms, facets and what has just come in. Changes nothing.

Only search copies are read here: what they say is proven by verifying the log, not by this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final, NamedTuple

from flask_jafsec.audit import search_counts
from flask_jafsec.audit.cursors import Cursor, Cursors, scope_of
from flask_jafsec.audit.query import Field, Query, Term
from flask_jafsec.audit.references import NOBODY
from flask_jafsec.audit.rows import Entry
from flask_jafsec.audit.search_plan import (
    Bounds,
    Plan,
    Question,
    conditions_of,
    plan_of,
    satisfies,
    steps,
)
from flask_jafsec.audit.search_results import Facets, Histogram, Page, Tail, Total
from flask_jafsec.audit.search_store import SearchStore, Spot
from flask_jafsec.errors import InvalidValue

#: Rows of a page, and the most there may be. Source: console specification, B4.
PAGE_SIZE: Final = 50
MAX_PAGE_SIZE: Final = 200

#: A range that is not aligned to anything touches two bars, however wide they are.
MIN_BARS: Final = 2

#: Leaves looked at for one answer of the live list.
MAX_TAIL: Final = 1_000

#: The end of the year 9999, the last that Python's dates know, in microseconds.
MAX_US: Final = 253_402_300_800_000_000

SubjectRefs = Callable[[str], Sequence[str]]
"""Return the stored references of a person's id, or of what already is a reference."""

AddressRefs = Callable[[str, int, int], Sequence[str]]
"""Return the stored references of an address, one for each day between two times."""

EVERYTHING: Final = Query()
BOUNDS: Final = Bounds()


#: Fields that the log keeps as references only.
_HIDDEN: Final = frozenset((Field.ACTOR, Field.IP, Field.SUBJECT))


class _Found(NamedTuple):
    entries: list[Entry]
    looked_at: int
    edge_us: int | None
    """How far was looked, if there is more to look at and not enough was found."""


class LogSearch:
    """Answers queries from the search copies.

    Args:
        subject_refs: An empty answer matches nothing.
        address_refs: The same for addresses.
        bounds: How many rows one answer may look at.
    """

    def __init__(
        self,
        store: SearchStore,
        cursors: Cursors,
        *,
        subject_refs: SubjectRefs,
        address_refs: AddressRefs,
        bounds: Bounds = BOUNDS,
    ) -> None:
        self._store = store
        self._cursors = cursors
        self._subject_refs = subject_refs
        self._address_refs = address_refs
        self._bounds = bounds

    def page(
        self,
        query: Query,
        from_us: int,
        to_us: int,
        *,
        after: str | None = None,
        before: str | None = None,
        size: int = PAGE_SIZE,
    ) -> Page:
        """Return a page of the list, newest first.

        Args:
            from_us: First microsecond since 1970 UTC; with the same range only is a cursor good.
            to_us: First microsecond that is not part of the range.
            after: Cursor of an older page.
            before: Cursor of a newer page.

        Raises:
            CursorInvalid: We did not make the cursor for this query and range.
            InvalidValue: The range is empty, the size is not 1 to 200, or both cursors are given.
            StoreUnavailable: The database did not answer.
        """
        if not 1 <= size <= MAX_PAGE_SIZE:
            raise InvalidValue("size", f"is not 1 to {MAX_PAGE_SIZE}")
        if after and before:
            raise InvalidValue("before", "cannot be given together with 'after'")
        scope = scope_of(query, from_us, to_us)
        text = after or before
        cursor = self._cursors.verify(text, scope, to_older=bool(after)) if text else None
        with self._asked(query, from_us, to_us) as (question, can_match):
            if not can_match:
                return Page(type_names=question.type_names)
            plan = plan_of(question)
            found = _walk(question, plan, cursor, size + 1)
            amount = None
            if found.edge_us is not None:
                amount = search_counts.about(question.view, plan.scan)
        made = _page_of(found, cursor, size, lambda place: self._cursors.sign(place, scope))
        return replace(made, type_names=question.type_names, about=amount)

    def total(self, query: Query, from_us: int, to_us: int) -> Total:
        """Return how many events a query finds. Raises InvalidValue, StoreUnavailable."""
        with self._asked(query, from_us, to_us) as (question, can_match):
            return search_counts.total(question) if can_match else search_counts.NOTHING

    def histogram(
        self, query: Query, from_us: int, to_us: int, bars: int = search_counts.MAX_BARS
    ) -> Histogram:
        """Return the query over time in at most *bars* bars, none if nothing can match.

        Raises:
            InvalidValue: The range is empty, or *bars* is not 2 or more.
            StoreUnavailable: The database did not answer.
        """
        if bars < MIN_BARS:
            raise InvalidValue("bars", "is less than two")
        with self._asked(query, from_us, to_us) as (question, can_match):
            if not can_match:
                return Histogram((), is_sampled=False)
            return search_counts.histogram(question, bars)

    def facets(self, query: Query, from_us: int, to_us: int) -> Facets:
        """Return counts of values in the scope of the query. Raises as ``total``."""
        with self._asked(query, from_us, to_us) as (question, can_match):
            return search_counts.facets(question) if can_match else search_counts.NO_FACETS

    def tail(
        self,
        after_leaf: int,
        query: Query = EVERYTHING,
        *,
        from_us: int = 0,
        to_us: int = MAX_US,
    ) -> Tail:
        """Return entries behind a leaf that satisfy *query*, at most 1,000 leaves further.

        The range is for the days of addresses; every entry behind the leaf is looked at.

        Raises:
            StoreUnavailable: The database did not answer.
        """
        with self._asked(query, from_us, to_us) as (question, can_match):
            entries = question.view.after_leaf(min(max(after_leaf, -1), MAX_US), MAX_TAIL)
        last = entries[-1].leaf_index if entries else after_leaf
        matching = (entry for entry in entries if satisfies(entry, question.conditions))
        return Tail(tuple(matching) if can_match else (), last, question.type_names)

    def newest_leaf(self) -> int:
        """Return where ``tail`` begins: the last leaf there is, -1 without any."""
        with self._store.searching() as view:
            return view.newest_leaf()

    @contextmanager
    def _asked(self, query: Query, from_us: int, to_us: int) -> Iterator[tuple[Question, bool]]:
        """Open a view; yield what is asked of it, and whether anything can match."""
        if not 0 <= from_us < to_us <= MAX_US:
            raise InvalidValue("range", "is empty, or outside of what can be stored")
        # Before the search opens its connection: these may need one of their own.
        hidden = [term for term in query.terms if term.field in _HIDDEN]
        refs = {term: self._refs(term, from_us, to_us) for term in hidden}
        with self._store.searching() as view:
            type_ids = view.type_ids()
            conditions = conditions_of(query, type_ids, refs)
            names = {number: name for name, number in type_ids.items()}
            question = Question(view, names, conditions or (), from_us, to_us, self._bounds)
            yield question, conditions is not None

    def _refs(self, term: Term, from_us: int, to_us: int) -> Sequence[str]:
        refs: list[str] = []
        for value in term.values:
            if term.field is Field.IP:
                refs += self._address_refs(value, from_us, to_us)
            elif term.field is Field.ACTOR and value in NOBODY:
                refs.append(value)
            else:
                refs += self._subject_refs(value)
        return refs


def _walk(question: Question, plan: Plan, cursor: Cursor | None, wanted: int) -> _Found:
    """Return the first entries of a plan from a cursor on, in the direction of the walk."""
    scan, view = plan.scan, question.view
    if cursor is not None:
        spot = Spot(cursor.ts, cursor.leaf_index)
        scan = replace(scan, beyond=spot, ascending=not cursor.to_older)
    if plan.bound is None:
        entries = list(view.entries(scan, wanted))
        return _Found(entries, len(entries), None)
    found: list[Entry] = []
    looked_at, edge_us = 0, None
    for step in steps(view, scan, plan.bound, question.bounds.first):
        found += view.entries(step.scan, wanted - len(found))
        looked_at, edge_us = step.rows, step.edge_us
        if len(found) >= wanted:
            return _Found(found, looked_at, None)
    return _Found(found, looked_at, edge_us)


def _page_of(
    found: _Found, cursor: Cursor | None, size: int, sign: Callable[[Cursor], str]
) -> Page:
    to_older = cursor is None or cursor.to_older
    shown = found.entries[:size]
    onward = _onward(found, size, to_older=to_older)
    back = None
    if cursor is not None:
        back = _cursor(shown[0], to_older=not to_older) if shown else _turned(cursor)
    older, newer = (onward, back) if to_older else (back, onward)
    return Page(
        entries=tuple(shown if to_older else reversed(shown)),
        older=None if older is None else sign(older),
        newer=None if newer is None else sign(newer),
        looked_at=found.looked_at,
        is_limited=found.edge_us is not None,
        reached_us=found.edge_us,
    )


def _onward(found: _Found, size: int, *, to_older: bool) -> Cursor | None:
    """Return where the walk goes on: behind the page, or behind what was looked at."""
    if len(found.entries) > size:
        return _cursor(found.entries[size - 1], to_older=to_older)
    if found.edge_us is None:
        return None
    # Everything at that time was looked at: go on from before its first leaf, or behind its last.
    return Cursor(found.edge_us, -1 if to_older else MAX_US, to_older)


def _cursor(entry: Entry, *, to_older: bool) -> Cursor:
    return Cursor(entry.ts, entry.leaf_index, to_older)


def _turned(cursor: Cursor) -> Cursor:
    """Return the way back from a page without entries; the one the cursor was made at included."""
    leaf = cursor.leaf_index + (-1 if cursor.to_older else 1)
    return Cursor(cursor.ts, max(-1, leaf), not cursor.to_older)
