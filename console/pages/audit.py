"""The audit log: find out who did what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import Blueprint, Response, request

from flask_jafsec.audit.cursors import CursorInvalid
from flask_jafsec.audit.narrowing import blame
from flask_jafsec.audit.query import MAX_CHARS, Query, Term
from flask_jafsec.audit.ranges import SPANS
from flask_jafsec.audit.search_results import Page
from flask_jafsec.audit.suggesting import suggestions
from flask_jafsec.pipeline.policy import require_policy
from flask_jafsec.web.declarations import attach
from flask_jafsec.web.log_reading import LogReading

from .. import access
from ..going import see_other, to
from ..log_asking import SIZES, Asked, NoLog, asked, log_reading, tidy_address, views
from ..log_counts import counts_of
from ..log_rows import Row, rows_of
from ..navigation import READ_AUDIT, READ_PERSONAL, may
from ..rendering import Pages, wants_fragment

_READERS = require_policy([READ_AUDIT], credentials="session")


def add(blueprint: Blueprint, pages: Pages) -> None:
    """Add the list and its parts to *blueprint*."""

    @blueprint.errorhandler(NoLog)
    def no_log(error: NoLog) -> Response:  # noqa: ARG001 - Flask's shape
        return pages.show("audit_absent.html", {})

    @blueprint.get("/audit")
    @attach(_READERS)
    def audit() -> Response:
        tidy = tidy_address()
        if tidy:
            return see_other(tidy)
        return pages.show("audit.html", _list(log_reading(), asked()))

    @blueprint.get("/audit/counts")
    @attach(_READERS)
    def audit_counts() -> Response:
        reading, question = log_reading(), asked()
        if not wants_fragment():
            return to("jafsec.audit", **question.parameters(), counts=1)
        return pages.fragment("audit_counts.html", _counts(reading, question))

    @blueprint.get("/audit/newer")
    @attach(_READERS)
    def audit_newer() -> Response:
        reading, question = log_reading(), asked()
        if not wants_fragment():
            return to("jafsec.audit", **question.parameters())
        return pages.fragment("audit_newer.html", _newer(reading, question))

    @blueprint.get("/audit/suggest")
    @attach(_READERS)
    def audit_suggest() -> Response:
        text = request.args.get("q", "")[: MAX_CHARS + 1]
        return pages.fragment("audit_suggest.html", {"suggestions": suggestions(text)})


def names_for() -> str:
    """Return whom names and addresses are opened for; nobody without the permission."""
    return access.actor().name if may(READ_PERSONAL) else ""


def _list(reading: LogReading, question: Asked) -> Mapping[str, object]:
    newest = reading.search.newest_leaf()
    page, stale_cursor = _page(reading, question)
    rows = _rows(reading, question, page)
    found: dict[str, object] = {
        "asked": question,
        "chips": _chips(question),
        "counts": None,
        "is_empty_log": newest < 0,
        "leaf": max([newest, *(row.leaf for row in rows if row.leaf is not None)]),
        "page": page,
        "rows": rows,
        "sees_names": may(READ_PERSONAL),
        "sizes": SIZES,
        "spans": tuple(SPANS),
        "stale_cursor": stale_cursor,
        "standing": reading.integrity.standing(),
        "total": None,
        "blame": None,
        "views": views(),
    }
    if not question.is_right:
        return found
    span, query = question.span, question.whole
    found["total"] = reading.search.total(query, span.from_us, span.to_us)
    if not rows and not page.is_limited and newest >= 0:
        found["blame"] = blame(
            reading.search, question.query, span.from_us, span.to_us, always=question.view.query
        )
    if request.args.get("counts"):
        found["counts"] = counts_of(reading.search, question, access.state().services.clock.now())
    return found


def _page(reading: LogReading, question: Asked) -> tuple[Page, bool]:
    """Return the page that was asked for, and whether it is the first one for want of another."""
    if not question.is_right:
        return Page(), False
    span, query = question.span, question.whole
    try:
        page = reading.search.page(
            query,
            span.from_us,
            span.to_us,
            after=question.after or None,
            before=question.before or None,
            size=question.size,
        )
    except CursorInvalid:
        first = reading.search.page(query, span.from_us, span.to_us, size=question.size)
        return first, True
    return page, False


def _rows(reading: LogReading, question: Asked, page: Page) -> Sequence[Row]:
    leaves = [entry.leaf_index for entry in page.entries]
    opened = reading.looks.listed(leaves, names_for=names_for(), asked=str(question.whole))
    return rows_of(page.entries, opened)


def _chips(question: Asked) -> Sequence[tuple[Term, str, str]]:
    """Return the terms, each with the address without it, and with its opposite."""
    query: Query = question.query
    return [
        (term, question.address(query.without(term)), question.address(query.turned(term)))
        for term in query.terms
    ]


def _counts(reading: LogReading, question: Asked) -> Mapping[str, object]:
    if not question.is_right:
        return {"asked": question, "counts": None}
    now = access.state().services.clock.now()
    return {"asked": question, "counts": counts_of(reading.search, question, now)}


def _newer(reading: LogReading, question: Asked) -> Mapping[str, object]:
    leaf = request.args.get("leaf", "")
    # Whoever does not say from where gets nothing old.
    after = int(leaf) if leaf.isascii() and leaf.isdigit() and len(leaf) < 19 else None
    if after is None or not question.is_right:
        return {"rows": (), "leaf": reading.search.newest_leaf()}
    tail = reading.search.tail(after, question.whole, from_us=question.span.from_us)
    page = Page(entries=tuple(reversed(tail.entries)), type_names=tail.type_names)
    return {"rows": _rows(reading, question, page), "leaf": tail.last_leaf}
