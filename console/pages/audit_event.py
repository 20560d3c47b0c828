"""One event of the log: everything it says, why it was decided so, and how well it is proven."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from flask import Blueprint, Response, url_for

from flask_jafsec.audit.explaining import changes, explain
from flask_jafsec.audit.opening import OpenedEvent
from flask_jafsec.audit.query import Field, Query, Term
from flask_jafsec.audit.ranges import Span
from flask_jafsec.audit.rows import micros
from flask_jafsec.pipeline.policy import require_policy
from flask_jafsec.web.declarations import attach
from flask_jafsec.web.log_reading import LogReading

from ..drawing import moment
from ..log_asking import log_reading
from ..log_rows import at_of, row_of, subject_of, user_names
from ..navigation import READ_AUDIT
from ..rendering import Pages, wants_fragment
from .audit import names_for

#: How far around an event others of the same actor or request are looked for, in microseconds.
AROUND_US: Final = 12 * 3_600_000_000


def add(blueprint: Blueprint, pages: Pages) -> None:
    """Add the page, which is also a part of the list, to *blueprint*."""

    @blueprint.get("/audit/<event_id>")
    @attach(require_policy([READ_AUDIT], credentials="session"))
    def audit_event(event_id: str) -> Response:
        values = _values(log_reading(), event_id)
        if wants_fragment():
            return pages.fragment("audit_event_part.html", values)
        return pages.show("audit_event.html", values)


def _values(reading: LogReading, event_id: str) -> Mapping[str, object]:
    event = reading.looks.one(event_id, names_for=names_for())
    names = user_names([event])
    row = row_of(event, names)
    cover = reading.integrity.cover(event.leaf_index)
    return {
        "row": row,
        "event": event,
        "said": explain(event.members),
        "changes": changes(event.members),
        "subject": subject_of(event, names),
        "extra": _extra(event),
        "only": _only(event, row.source),
        "raw": json.dumps(event.members, indent=2),
        "sha256": sha256(event.envelope).hexdigest(),
        "cover": cover,
        "covered_at": moment(cover.checkpoint.created_at) if cover.checkpoint else None,
        "link": url_for("jafsec.audit_event", event_id=row.id, _external=True),
        "moment": moment,
    }


def _extra(event: OpenedEvent) -> Mapping[str, str]:
    """Return the rest of the personal part: user agent, path, and what else was said."""
    found = event.personal.get("extra")
    if not isinstance(found, dict):
        return {}
    return {
        str(name): value if isinstance(value, str) else json.dumps(value)
        for name, value in found.items()
    }


def _only(event: OpenedEvent, source: str) -> Mapping[str, str]:
    """Return the addresses of lists of what agrees with the event in one thing, around its time."""
    members = event.members
    wanted = {
        "type": (Field.TYPE, members.get("type")),
        "actor": (Field.ACTOR, members.get("act")),
        "subject": (Field.SUBJECT, members.get("sub")),
        "key": (Field.KEY, members.get("key")),
        "request": (Field.REQUEST, members.get("req")),
        "ip": (Field.IP, source),
    }
    span = _around(event)
    return {
        name: url_for("jafsec.audit", q=str(Query.of([Term(field, (str(value),))])), **span)
        for name, (field, value) in wanted.items()
        if value
    }


def _around(event: OpenedEvent) -> dict[str, Any]:
    at = micros(at_of(event.members))
    return dict(Span(max(1, at - AROUND_US), at + AROUND_US).parameters)
