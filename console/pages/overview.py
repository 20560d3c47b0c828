"""The first page: is everything fine, and what waits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response, current_app, request

from flask_jafsec.audit.trends import CHANGES, DENIED, SIGN_INS_FAILED, Span, trends
from flask_jafsec.pipeline.policy import require_policy
from flask_jafsec.web.caller import current_exchange, current_identity
from flask_jafsec.web.declarations import attach
from flask_jafsec.web.route_table import rows

from .. import access, audit_rows
from ..drawing import drawing
from ..navigation import READ_AUDIT, READ_KEYS, READ_PERSONAL, READ_ROUTES, VIEW, may
from ..rendering import Pages

if TYPE_CHECKING:
    from flask_jafsec.web.audit_log import AuditLog

#: Queries behind the figures, in the words of the query bar.
_QUERIES: Final = {
    "allowed": "outcome:allow",
    "denied": str(DENIED),
    "sign_ins_failed": str(SIGN_INS_FAILED),
    "changes": str(CHANGES),
}


def add(blueprint: Blueprint, pages: Pages) -> None:
    """Add the page to *blueprint*."""

    @blueprint.get("/")
    @attach(require_policy([VIEW], credentials="session"))
    def overview() -> Response:
        span = next((s for s in Span if s.label == request.args.get("range")), Span.DAY)
        now = access.state().services.clock.now()
        values: dict[str, object] = {
            "spans": [s.label for s in Span],
            "span": span.label,
            "checked_at": now,
            "undeclared": _undeclared(),
            **_traffic(span),
            **_start(),
        }
        return pages.show("overview.html", values)


def _undeclared() -> int:
    """Return how many routes are refused for everybody because nobody said who may call them."""
    if not may(READ_ROUTES):
        return 0
    return sum(1 for row in rows(current_app) if row.access in ("undeclared", "wrong"))


def _traffic(span: Span) -> Mapping[str, object]:
    log = access.state().audit_log
    if log is None or not may(READ_AUDIT):
        return {"trends": None}
    now = access.state().services.clock.now()
    found = trends(log.search, span, int(now.timestamp() * 1_000_000))
    return {
        "trends": found,
        "chart": drawing(found.bars, now),
        "queries": _QUERIES,
        "names": _names(log, found.actors.leaves),
    }


def _names(log: AuditLog, leaves: Mapping[str, int]) -> Mapping[str, str]:
    """Return what actors are called, as far as the person may see, by their references."""
    shows_persons = may(READ_PERSONAL) and bool(leaves)
    if shows_persons:
        access.state().looks.note(
            current_identity.subject,
            "overview",
            events=len(leaves),
            request_id=current_exchange().facts.request_id,
        )
    opened = log.opener.at(list(leaves.values()), open_personal=shows_persons)
    ids = audit_rows.users_in(opened.values())
    people = access.state().users.names(ids) if ids else {}
    return {
        ref: audit_rows.person(ref, opened.get(leaf), "user_id", people).name
        for ref, leaf in leaves.items()
    }


def _start() -> Mapping[str, object]:
    """Return the first steps and which are done, from facts; nothing once all are."""
    state = access.state()
    steps = {}
    if state.audit_log is not None and may(READ_AUDIT):
        steps["event"] = state.audit_log.search.newest_leaf() >= 0
    if may(READ_KEYS):
        steps["key"] = bool(state.keys.list(limit=1))
    if may(READ_ROUTES):
        steps["routes"] = _undeclared() == 0
    return {"steps": {} if all(steps.values()) else steps}
