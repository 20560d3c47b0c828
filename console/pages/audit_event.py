"""One event: what happened, why it was decided so, and how far it is proven."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response

from flask_jafsec.audit.explaining import explain
from flask_jafsec.audit.opening import OpenedEvent, Personal
from flask_jafsec.audit.query import Field, Query, Term
from flask_jafsec.errors import NotFound
from flask_jafsec.pipeline.policy import require_policy
from flask_jafsec.web.caller import current_exchange, current_identity
from flask_jafsec.web.declarations import attach

from .. import access, audit_rows, wording
from ..drawing import moment
from ..navigation import READ_AUDIT, READ_PERSONAL, may
from ..rendering import Pages, wants_fragment

if TYPE_CHECKING:
    from flask_jafsec.web.audit_log import AuditLog


def add(blueprint: Blueprint, pages: Pages) -> None:
    """Add the page to *blueprint*."""

    @blueprint.get("/audit/<event_id>")
    @attach(require_policy([READ_AUDIT], credentials="session"))
    def audit_event(event_id: str) -> Response:
        log = access.state().audit_log
        if log is None:
            raise NotFound("event", event_id)
        values = _values(log, event_id)
        if wants_fragment():
            return pages.fragment("audit/detail.html", values)
        return pages.show("audit/event.html", values)


def _values(log: AuditLog, event_id: str) -> Mapping[str, object]:
    event = log.opener.find(event_id)
    if event.state is Personal.SEALED and may(READ_PERSONAL):
        access.state().looks.note(
            current_identity.subject,
            f"event: {event.members.get('id')}",
            events=1,
            request_id=current_exchange().facts.request_id,
        )
        event = log.opener.find(event_id, open_personal=True)
    members = event.members
    ids = audit_rows.users_in([event])
    people = access.state().users.names(ids) if ids else {}
    type_name = str(members.get("type", ""))
    word, tone = wording.outcome(str(members.get("out", "")))
    at = _time(members.get("ts"))
    return {
        "event": event,
        "members": members,
        "at": at,
        "type_name": type_name,
        "sentence": wording.sentence(type_name),
        "severity": wording.severity(int(members.get("sev") or 0)),
        "outcome": word,
        "tone": tone,
        "actor": audit_rows.person(members.get("act"), event, "user_id", people),
        "kind": str(members.get("ak") or "person"),
        "subject": audit_rows.person(members.get("sub"), event, "subject_id", people),
        "source": audit_rows.address(members.get("ip"), event),
        "target": audit_rows.target_of(members),
        "details": _details(members.get("d") or {}),
        "extra": _details((event.personal.get("extra") or {}) if event.personal else {}),
        "change": _change(members.get("d") or {}),
        "explanation": explain(members),
        "raw": _raw(event),
        "may_see_persons": may(READ_PERSONAL),
        "personal_permission": READ_PERSONAL,
        "queries": _queries(members),
        **_proof(log, event),
    }


def _proof(log: AuditLog, event: OpenedEvent) -> Mapping[str, object]:
    """Return how far the event is proven, and nothing beyond."""
    standing = log.standing()
    leaf, checkpoint = event.leaf_index, standing.checkpoint
    is_signed = leaf is not None and checkpoint is not None and leaf < checkpoint.size
    verified = standing.verified
    is_verified = leaf is not None and verified is not None and verified.covers(leaf)
    return {
        "checkpoint": checkpoint if is_signed else None,
        "verified_at": moment(verified.at_us) if is_verified and verified else None,
        "broken_at": moment(standing.broken_at_us) if standing.broken_at_us else None,
    }


def _queries(members: Mapping[str, Any]) -> Mapping[str, str]:
    """Return queries that find what belongs to the event, as the query bar writes them."""
    wanted = {
        "type": (Field.TYPE, members.get("type")),
        "actor": (Field.ACTOR, members.get("act")),
        "subject": (Field.SUBJECT, members.get("sub")),
        "request": (Field.REQUEST, members.get("req")),
        "key": (Field.KEY, members.get("key")),
    }
    return {
        name: str(Query.of([Term(field, (str(value),))]))
        for name, (field, value) in wanted.items()
        if value
    }


def _details(found: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    return [(str(name), _text(value)) for name, value in found.items() if name != "before"]


def _change(details: Mapping[str, Any]) -> Sequence[tuple[str, str, str]]:
    """Return field, before and after, where the event says what something was before."""
    before, after = details.get("before"), details.get("permissions")
    if not isinstance(before, list) or not isinstance(after, list):
        return []
    names = sorted({*map(str, before), *map(str, after)})
    return [
        (name, name if name in before else "", name if name in after else "")
        for name in names
        if (name in before) != (name in after)
    ]


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return json.dumps(value, ensure_ascii=False)


def _raw(event: OpenedEvent) -> str:
    # Escapes instead of characters: what is copied from here is what stands in the log.
    shown = dict(event.members)
    if event.personal:
        shown["personal"] = event.personal
    return json.dumps(shown, indent=2, sort_keys=True)


def _time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None
