"""What the pages under test tell about: keys and events, the same in every run."""

from __future__ import annotations

from flask_jafsec.events import Event, EventClass, EventType, Outcome, Severity
from flask_jafsec.identity.permissions import Actor
from flask_jafsec.ids import new_id
from flask_jafsec.web.state import State

OPERATOR = Actor.operator("cli:tests")


def fill(state: State) -> dict[str, str]:
    """Make what pages list; return the names that paths in pages.py have in braces."""
    minted = state.keys.mint("nightly-report", scopes=frozenset({"chat:basic"}), by=OPERATOR)
    return {"key": minted.key.id, "event": _events(state)}


def _events(state: State) -> str:
    """Have the log keep some of everything; return the id of a refusal."""
    trail, at = state.services.trail, state.services.clock.now()
    refused = ""
    for event_type in EventType:
        is_refused = event_type.event_class is EventClass.REFUSAL
        event = Event(
            id=new_id(),
            type=event_type,
            at=at,
            severity=Severity.WARNING if is_refused else Severity.INFO,
            outcome=Outcome.DENY if is_refused else Outcome.DONE,
            actor="mei.tanaka@example.org",
            client="203.0.113.7" if is_refused else "",
            code="permission_denied" if is_refused else "",
            method="GET" if is_refused else "",
            route="/agents/<int:id>" if is_refused else "",
            request_id=new_id(),
        )
        # An alarm would stand on every page; test_audit_integrity.py looks at it.
        if event_type is not EventType.AUDIT_INTEGRITY:
            trail.record(event)
        if event_type is EventType.PERMISSION_DENIED:
            refused = event.id
    trail.close()
    return refused
