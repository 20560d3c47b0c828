"""Turns what became of an exchange into an event: written singly, or counted."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from flask_jafsec.audit.counting import SINGLE_REFUSALS, SINGLE_ROUTINES
from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.events import Event, EventType, Outcome, Severity
from flask_jafsec.ids import new_id
from flask_jafsec.records import Credential

if TYPE_CHECKING:
    from flask_jafsec.errors import Refusal
    from flask_jafsec.pipeline.exchange import Exchange
    from flask_jafsec.pipeline.services import Services

_log = logging.getLogger("flask_jafsec")

#: The event of each refusal, by its code. What is missing here is a failure of ours.
EVENT_OF: Final = {
    "credential_kind_refused": EventType.PERMISSION_DENIED,
    "credential_malformed": EventType.CREDENTIAL_MALFORMED,
    "credential_missing": EventType.CREDENTIAL_MISSING,
    "cross_site_refused": EventType.CROSS_SITE_REFUSED,
    "not_owner": EventType.PERMISSION_DENIED,
    "origin_refused": EventType.CORS_REFUSED,
    "permission_denied": EventType.PERMISSION_DENIED,
    "request_malformed": EventType.REQUEST_MALFORMED,
    "rate_exceeded": EventType.LIMIT_EXCEEDED,
    "route_undeclared": EventType.ROUTE_UNDECLARED,
    "security_unavailable": EventType.SECURITY_FAILED,
}

#: Looked up once: on Python 3.11 reaching a member through its class costs as much as a call.
_KEY: Final = Credential.KEY

_REJECTED: Final = {
    Credential.KEY: EventType.KEY_REJECTED,
    Credential.SESSION: EventType.SESSION_REJECTED,
}

_SEVERITY: Final = {
    EventType.SECURITY_FAILED: Severity.CRITICAL,
    EventType.REQUEST_CRASHED: Severity.ERROR,
    EventType.CREDENTIAL_MISSING: Severity.NOTICE,
    EventType.LIMIT_EXCEEDED: Severity.NOTICE,
    EventType.REQUEST_ALLOWED: Severity.INFO,
}


def record_refusal(exchange: Exchange, services: Services, refusal: Refusal) -> str:
    """Record *refusal* and return the decision id the caller is told.

    The first of a code and client in a minute are events of their own; the rest share the id of
    the event that will carry their number, so a flood costs one counter a request.
    """
    exchange.recorded = True
    now = exchange.facts.opened_at
    if exchange.identity.credential is _KEY:
        services.key_use.count(exchange.identity.key_id, now, allowed=False)
    counts = services.trail.counts
    window = counts.window(("refusal", refusal.code, exchange.facts.client), now)
    number = window.tick()
    if number > SINGLE_REFUSALS:
        window.last_at = now
        if window.event is None:
            window.event = _refused(exchange, refusal, window.id)
        return window.id
    event = _refused(exchange, refusal, new_id())
    services.trail.record(event)
    return event.id


def record_answer(exchange: Exchange, services: Services) -> None:
    """Record that the request was let through, and whether the view crashed.

    The answer is on its way by now: where answers wait for their events and the log fails, all
    that is left is to say so.
    """
    try:
        _record_answer(exchange, services)
    except StoreUnavailable:
        _log.exception("the event of an answered request was not kept")


def _record_answer(exchange: Exchange, services: Services) -> None:
    if exchange.recorded:
        return
    exchange.recorded = True
    identity = exchange.identity
    if identity.credential is _KEY:
        services.key_use.count(identity.key_id, exchange.facts.opened_at, allowed=True)
    if exchange.crashed:
        _record_crash(exchange, services)
        return
    facts = exchange.facts
    now = facts.opened_at
    counts = services.trail.counts
    caller = identity.subject or facts.client
    rejected = exchange.rejected
    # Apart from callers without a credential, whose event could not tell what has ended.
    shown = identity.credential if rejected is None else rejected.reason
    window = counts.window(("routine", caller, exchange.route, shown), now)
    if window.tick() > SINGLE_ROUTINES:
        window.last_at = now
        if window.event is None:
            window.event = _event(exchange, EventType.REQUEST_ALLOWED, Outcome.ALLOW, window.id)
        return
    services.trail.record(_event(exchange, EventType.REQUEST_ALLOWED, Outcome.ALLOW, new_id()))


def record_degraded(exchange: Exchange, services: Services, reason: str) -> None:
    """Record, once a minute, that limits are not applied because their store is down."""
    now = exchange.facts.opened_at
    window = services.trail.counts.window(("routine", "limits degraded"), now)
    single = window.tick() <= SINGLE_ROUTINES
    if not single and window.event is not None:
        window.last_at = now
        return
    event = Event(
        id=new_id() if single else window.id,
        type=EventType.LIMITS_DEGRADED,
        at=datetime.fromtimestamp(now, UTC),
        severity=Severity.ERROR,
        outcome=Outcome.FAIL,
        actor="system",
        reason=reason,
    )
    if single:
        services.trail.record(event)
    else:
        window.event, window.last_at = event, now


def _record_crash(exchange: Exchange, services: Services) -> None:
    now = exchange.facts.opened_at
    key = ("refusal", "crashed", exchange.route or exchange.facts.client)
    window = services.trail.counts.window(key, now)
    single = window.tick() <= SINGLE_REFUSALS
    if single or window.event is None:
        event_id = new_id() if single else window.id
        event = _event(exchange, EventType.REQUEST_CRASHED, Outcome.FAIL, event_id)
    if single:
        services.trail.record(event)
        return
    window.last_at = now
    if window.event is None:
        window.event = event


def _refused(exchange: Exchange, refusal: Refusal, event_id: str) -> Event:
    kind = EVENT_OF.get(refusal.code)
    if kind is None:
        kind = _REJECTED.get(exchange.presented, EventType.TOKEN_REJECTED)
    return _event(exchange, kind, Outcome.DENY, event_id, refusal)


def _event(
    exchange: Exchange,
    kind: EventType,
    outcome: Outcome,
    event_id: str,
    refusal: Refusal | None = None,
) -> Event:
    facts = exchange.facts
    identity = exchange.identity
    rejected = exchange.rejected
    return Event(
        id=event_id,
        type=kind,
        at=datetime.fromtimestamp(facts.opened_at, UTC),
        severity=_SEVERITY.get(kind, Severity.WARNING),
        outcome=outcome,
        actor=identity.subject or "anonymous",
        code=refusal.code if refusal else "",
        reason=_reason(exchange, refusal),
        status=refusal.status if refusal else exchange.status,
        method=facts.method if len(facts.method) <= MAX_METHOD_CHARS else "",
        route=exchange.route,
        client=facts.client,
        credential=str(identity.credential if identity.subject else exchange.presented),
        key_id=identity.key_id or (rejected.key_id if rejected else ""),
        tenant=identity.tenant,
        request_id=facts.request_id,
        facts=dict(refusal.facts) if refusal and refusal.facts else {},
        personal={"path": facts.path[:MAX_PATH_CHARS], "user_agent": facts.agent[:MAX_AGENT_CHARS]},
    )


def _reason(exchange: Exchange, refusal: Refusal | None) -> str:
    if refusal is not None:
        return refusal.reason
    return "" if exchange.rejected is None else exchange.rejected.reason


#: The longest method an honest client sends has 17 (UPDATEREDIRECTREF, RFC 4437).
MAX_METHOD_CHARS: Final = 20

#: What is sealed of a path and of a browser's name; the rest tells nobody more.
MAX_PATH_CHARS: Final = 512
MAX_AGENT_CHARS: Final = 256
