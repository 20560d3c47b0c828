"""What the pages under test tell about: keys and events, the same in every run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask_jafsec.audit.sequencer import Sequencer
from flask_jafsec.events import Event, EventType, Outcome, Severity
from flask_jafsec.identity.permissions import Actor
from flask_jafsec.ids import new_id
from flask_jafsec.records import KeyUse
from flask_jafsec.web.state import State

OPERATOR = Actor.operator("cli:tests")

#: A page of the list and a second one, spread over a day.
EVENTS = 120

#: What people and machines write about themselves; none of it may do anything to a page.
AGENTS = (
    "research-assistant/2.1",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) " * 4,
    "<script>document.title='x'</script><img src=x onerror=alert(1)>",
    "\u202egnp.exe\u200b\x1b[31mred",
)
KINDS = (
    (EventType.REQUEST_ALLOWED, Outcome.ALLOW, Severity.INFO, "", 200),
    (EventType.CREDENTIAL_MISSING, Outcome.DENY, Severity.NOTICE, "credential_missing", 401),
    (EventType.PERMISSION_DENIED, Outcome.DENY, Severity.WARNING, "permission_denied", 403),
    (EventType.REQUEST_CRASHED, Outcome.FAIL, Severity.ERROR, "", 500),
    (EventType.ROLE_DEFINED, Outcome.DONE, Severity.CRITICAL, "", 0),
)


def fill(state: State) -> dict[str, str]:
    """Make what pages list; return the names that paths in pages.py have in braces."""
    # The log's times never go back: what happened first is recorded first.
    now = state.services.clock.now()
    ids = []
    for number in range(EVENTS):
        kind, outcome, severity, code, status = KINDS[number % len(KINDS)]
        event = Event(
            id=new_id(),
            type=kind,
            at=now - timedelta(minutes=12 * (EVENTS - number)),
            outcome=outcome,
            severity=severity,
            actor=("ann", "support-triage", "anonymous", "x" * 200)[number % 4],
            code=code,
            reason=code and "missing:agent:manage",
            status=status,
            method="POST",
            route="/conversations/<int:conversation_id>/messages/<int:message_id>",
            client="203.0.113.7",
            credential="token",
            key_id="01M8A2S7Q0WBJX5V4T6N9KDEGH" if number % 3 == 0 else "",
            request_id=new_id(),
            count=1 + number % 7 * 100,
            until=now if number % 7 else None,
            personal={"user_agent": AGENTS[number % len(AGENTS)]},
            facts={"role": "manager", "before": ["chat:basic"], "permissions": ["agent:*"]}
            if kind is EventType.ROLE_DEFINED
            else {},
        )
        state.services.trail.record(event)
        ids.append(event.id)
    keys = _keys(state)
    _sequence(state)
    return {**keys, "event": ids[-1], "denied": ids[-3]}


def _keys(state: State) -> dict[str, str]:
    """Make keys in every state; return the ids of some by what they are."""
    now = state.services.clock.now()

    def make(name: str, *scopes: str, **options: Any) -> str:
        return state.keys.mint(
            name, scopes=scopes or ("chat:basic",), by=OPERATOR, **options
        ).key.id

    key = make("nightly-report", "chat:basic", "agent:read", "agent:run", rate="60/minute")
    hours = [
        now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=n) for n in range(300)
    ]
    with state.store.writing() as tables:
        tables.keys.add_uses(KeyUse(key, hour, hour.hour * 40, hour.day % 3, now) for hour in hours)
    make("expiring", expires_at=now + timedelta(days=7), networks=["10.0.0.0/8", "2001:db8::/32"])
    make(AGENTS[2], "*", owner="x" * 200)
    make(
        "word" * 60,
        *(f"scope-{'long' * 20}{n}:read" for n in range(5)),
        expires_at=now + timedelta(days=400),
    )
    rotating, revoked = make("billing-sync", owner="support-triage"), make("legacy-webhook")
    state.keys.rotate(rotating, by=OPERATOR)
    state.keys.revoke(revoked, by=OPERATOR, why="nobody has used it since the move")
    return {"key": key, "rotating": rotating, "revoked": revoked}


def _sequence(state: State) -> None:
    """Put every event into the tree, as the keeper does once a second of real time.

    They are all written: the last one was a change, which is waited for.
    """
    log = state.audit_log
    assert log is not None
    Sequencer(
        log.store,
        origin=log.origin,
        signers=log.signers,
        mac_key=log.mac_key,
        clock=state.services.clock,
    ).run_once(force=True)
