"""The audit log: the list, its counts, what has just come in, suggestions for the query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from flask import Blueprint, Response, request

from flask_jafsec.audit.cursors import CursorInvalid
from flask_jafsec.audit.query import Term
from flask_jafsec.audit.search_results import Page
from flask_jafsec.pipeline.policy import require_policy
from flask_jafsec.web.caller import current_exchange, current_identity
from flask_jafsec.web.declarations import attach

from .. import access, audit_asking, audit_rows, suggesting
from ..audit_asking import Asked, asked
from ..drawing import drawing, events_of, moment
from ..going import see_other
from ..navigation import READ_AUDIT, READ_PERSONAL, may
from ..rendering import Pages

if TYPE_CHECKING:
    from flask_jafsec.web.audit_log import AuditLog

#: Terms that are tried one by one when nothing matches, each a count.
MAX_TRIED: Final = 4

#: Values of a facet that are shown at once.
TOP: Final = 7

_LOOK: Final = require_policy([READ_AUDIT], credentials="session")


def add(blueprint: Blueprint, pages: Pages) -> None:
    """Add the pages to *blueprint*."""

    @blueprint.get("/audit")
    @attach(_LOOK)
    def audit() -> Response:
        if "" in request.args.values():
            return see_other(_without_empty())
        log = access.state().audit_log
        ask = _asked()
        if log is None:
            return pages.show("audit/none.html", {"ask": ask})
        values = {**_page(log, ask), **_frame(log, ask)}
        if "counts" in request.args:
            values.update(_counts(log, ask))
        return pages.show("audit/list.html", values)

    @blueprint.get("/audit/counts")
    @attach(_LOOK)
    def audit_counts() -> Response:
        log, ask = access.state().audit_log, _asked()
        values = _counts(log, ask) if log else {"facets": None, "chart": None}
        return pages.fragment("audit/counts.html", {"ask": ask, **values})

    @blueprint.get("/audit/newer")
    @attach(_LOOK)
    def audit_newer() -> Response:
        log, ask = access.state().audit_log, _asked()
        leaf = request.args.get("leaf", "", str)
        after = int(leaf) if leaf.isdecimal() and leaf.isascii() and len(leaf) < 16 else -1
        values: dict[str, object] = {"lines": (), "leaf": after}
        if log is not None and after >= 0:
            tail = log.search.tail(after, ask.query)
            page = Page(entries=tuple(reversed(tail.entries)), type_names=tail.type_names)
            values = {"lines": _lines(log, ask, page), "leaf": tail.last_leaf}
        return pages.fragment("audit/newer.html", {"ask": ask, **values})

    @blueprint.get("/audit/suggest")
    @attach(_LOOK)
    def audit_suggest() -> Response:
        found = suggesting.suggestions(request.args.get("q", ""))
        return pages.fragment("audit/suggest.html", {"suggestions": found})


def _asked() -> Asked:
    return asked(request.args, access.state().services.clock.now())


def _without_empty() -> str:
    kept = {name: value for name, value in request.args.items() if value}
    return f"{request.path}?{urlencode(kept)}" if kept else request.path


def _page(log: AuditLog, ask: Asked) -> Mapping[str, object]:
    """Return the list, and what to try where it is empty."""
    notice = ""
    search, range_us = log.search, (ask.from_us, ask.to_us)
    # Two places at once are none: then the newer one counts.
    after, before = (None if ask.before else ask.after or None), ask.before or None
    try:
        page = search.page(ask.query, *range_us, after=after, before=before, size=ask.size)
    except CursorInvalid:
        notice = "cursor"
        page = search.page(ask.query, *range_us, size=ask.size)
    lines = _lines(log, ask, page)
    return {
        "notice": notice,
        "page": page,
        "days": audit_rows.by_day(lines),
        "shown": len(lines),
        "older": ask.link(after=page.older) if page.older else "",
        "newer": ask.link(before=page.newer) if page.newer else "",
        "reached": moment(page.reached_us) if page.reached_us is not None else None,
        "instead": [] if lines or page.is_limited else _instead(log, ask),
    }


def _instead(log: AuditLog, ask: Asked) -> Sequence[tuple[Term, int, bool, str]]:
    """Return which filters to drop where nothing matches: each with what would be found."""
    found = []
    for term in ask.query.terms[:MAX_TRIED]:
        total = log.search.total(ask.query.without(term), ask.from_us, ask.to_us)
        if total.events:
            found.append((term, total.events, total.is_exact, ask.without(term)))
    return sorted(found, key=lambda one: -one[1])


def _lines(log: AuditLog, ask: Asked, page: Page) -> Sequence[audit_rows.EventLine]:
    shows_persons = may(READ_PERSONAL)
    if shows_persons and page.entries:
        access.state().looks.note(
            current_identity.subject,
            f"audit: {ask.query}",
            events=len(page.entries),
            request_id=current_exchange().facts.request_id,
        )
    leaves = [entry.leaf_index for entry in page.entries]
    opened = log.opener.at(leaves, open_personal=shows_persons)
    ids = audit_rows.users_in(opened.values())
    people = access.state().users.names(ids) if ids else {}
    return audit_rows.lines(page.entries, page.type_names, opened, people)


def _frame(log: AuditLog, ask: Asked) -> Mapping[str, object]:
    standing = log.standing()
    return {
        "ask": ask,
        "ranges": tuple(audit_asking.RANGES),
        "views": audit_asking.VIEWS,
        "view": next((name for name, _, q in audit_asking.VIEWS if q == str(ask.query)), ""),
        "from": moment(ask.from_us),
        "to": moment(ask.to_us),
        "standing": standing,
        "verified_at": moment(standing.verified.at_us) if standing.verified else None,
        "broken_at": moment(standing.broken_at_us) if standing.broken_at_us else None,
        "newest_leaf": log.search.newest_leaf(),
        "shows_persons": may(READ_PERSONAL),
        "personal_permission": READ_PERSONAL,
    }


def _counts(log: AuditLog, ask: Asked) -> Mapping[str, object]:
    """Return chart and facets of what was asked for."""
    facets = log.search.facets(ask.query, ask.from_us, ask.to_us)
    histogram = log.search.histogram(ask.query, ask.from_us, ask.to_us)
    named = (
        ("outcome", facets.outcome),
        ("severity", facets.severity),
        ("type", facets.type),
        ("kind", facets.kind),
    )
    counted = dict(facets.outcome.values)
    return {
        "facets": named,
        "top": TOP,
        "looked_at": facets.looked_at,
        "total": sum(counted.values()),
        "denied": counted.get("deny", 0),
        "failed": counted.get("fail", 0),
        "is_exact": facets.outcome.is_exact,
        "chart": drawing(histogram.bars, access.state().services.clock.now(), events_of),
        "is_sampled": histogram.is_sampled,
        "sampled_from": moment(histogram.reached_us) if histogram.reached_us else None,
    }
