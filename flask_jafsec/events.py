"""What can happen: the closed lists of events, and the Event itself. Nothing is written here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Final

from flask_jafsec.ids import new_id

NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


class Severity(IntEnum):
    """How much an operator should care. Numbers as in the journal's envelope: 0 least."""

    DEBUG = 0
    INFO = 2
    NOTICE = 3
    WARNING = 5
    ERROR = 6
    CRITICAL = 7


class Outcome(StrEnum):
    """What became of it. Kept alphabetical; a stored value is never reused."""

    ALLOW = "allow"
    DENY = "deny"
    DONE = "done"
    FAIL = "fail"


class EventClass(StrEnum):
    """How an event must be kept.

    A **change** is written singly and, once the durable log exists, before the answer. A
    **refusal** is written singly up to twenty times per code, client and minute, then counted.
    A **routine** event is written the first time per caller and minute, then counted.
    """

    CHANGE = "change"
    REFUSAL = "refusal"
    ROUTINE = "routine"


class EventType(StrEnum):
    """Everything that is recorded. Kept alphabetical; a value once stored is never reused."""

    ANCHOR_LAG = "audit.anchor_lag"
    AUDIT_ABANDONED = "audit.writer_abandoned"
    AUDIT_CLOSED = "audit.writer_closed"
    AUDIT_DISK_FULL = "audit.disk_full"
    AUDIT_EXPORTED = "audit.exported"
    AUDIT_HEARTBEAT = "audit.heartbeat"
    AUDIT_INTEGRITY = "audit.integrity"
    AUDIT_PERSONAL_OPENED = "audit.personal_opened"
    AUDIT_LAG = "audit.sequencer_lag"
    AUDIT_VERIFIED = "audit.verified"
    CONFIG_IDENTITY_CHANGED = "config.identity.changed"
    CORS_REFUSED = "cors.refused"
    CREDENTIAL_MALFORMED = "auth.credential.malformed"
    CREDENTIAL_MISSING = "auth.credential.missing"
    CROSS_SITE_REFUSED = "auth.cross_site.refused"
    EXPORT_DEAD_LETTER = "export.dead_letter"
    EXPORT_LAG = "export.lag"
    EXPORT_RECOVERED = "export.recovered"
    EXPORT_TLS = "export.tls"
    KEY_MINTED = "key.minted"
    KEY_OVERLAP_ENDED = "key.overlap_ended"
    KEY_OVERLAP_EXTENDED = "key.overlap_extended"
    KEY_REJECTED = "auth.key.rejected"
    KEY_REVOKED = "key.revoked"
    KEY_ROTATED = "key.rotated"
    LIMITS_DEGRADED = "limits.degraded"
    LIMIT_EXCEEDED = "limit.exceeded"
    PERMISSION_DENIED = "authz.denied"
    REQUEST_ALLOWED = "request.allowed"
    REQUEST_CRASHED = "request.crashed"
    REQUEST_MALFORMED = "request.malformed"
    ROLE_DEFINED = "role.defined"
    ROLE_GRANTED = "role.granted"
    ROLE_REMOVED = "role.removed"
    ROLE_WITHDRAWN = "role.withdrawn"
    ROUTE_UNDECLARED = "authz.route_undeclared"
    SECURITY_FAILED = "security.failed"
    SESSION_REJECTED = "auth.session.rejected"
    SIGN_IN_FAILED = "auth.sign_in.failed"
    SIGN_IN_SUCCEEDED = "auth.sign_in.succeeded"
    SIGN_OUT = "auth.sign_out"
    SINK_DROPPED = "audit.sink_dropped"
    STORE_DOWN = "store.down"
    STORE_UP = "store.up"
    TOKENS_REVOKED_ALL = "token.revoked_all"
    TOKEN_ISSUED = "token.issued"
    TOKEN_REFRESHED = "token.refreshed"
    TOKEN_REJECTED = "auth.token.rejected"
    TOKEN_REUSED = "token.reused"
    TOKEN_REVOKED = "token.revoked"
    USER_CREATED = "user.created"
    USER_DISABLED = "user.disabled"
    USER_ENABLED = "user.enabled"
    USER_PASSWORD_CHANGED = "user.password_changed"

    @property
    def event_class(self) -> EventClass:
        """How events of this type must be kept."""
        return _CLASS_OF.get(self, EventClass.CHANGE)


# What is not listed is a change: forgetting an entry costs speed, never evidence.
_CLASS_OF: Final[Mapping[EventType, EventClass]] = {
    EventType.REQUEST_ALLOWED: EventClass.ROUTINE,
    **dict.fromkeys(
        (
            EventType.ANCHOR_LAG,
            EventType.AUDIT_HEARTBEAT,
            EventType.AUDIT_LAG,
            EventType.CORS_REFUSED,
            EventType.CREDENTIAL_MALFORMED,
            EventType.CREDENTIAL_MISSING,
            EventType.CROSS_SITE_REFUSED,
            EventType.EXPORT_DEAD_LETTER,
            EventType.EXPORT_LAG,
            EventType.EXPORT_RECOVERED,
            EventType.EXPORT_TLS,
            EventType.KEY_REJECTED,
            EventType.LIMITS_DEGRADED,
            EventType.LIMIT_EXCEEDED,
            EventType.PERMISSION_DENIED,
            EventType.REQUEST_CRASHED,
            EventType.REQUEST_MALFORMED,
            EventType.ROUTE_UNDECLARED,
            EventType.SECURITY_FAILED,
            EventType.SESSION_REJECTED,
            EventType.STORE_DOWN,
            EventType.STORE_UP,
            EventType.TOKEN_REJECTED,
        ),
        EventClass.REFUSAL,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, once or ``count`` times between ``at`` and ``until``.

    No field ever holds a secret, a password, a token, or the user name of a failed sign-in.
    """

    id: str
    type: EventType
    at: datetime
    """Aware UTC time; of the first one when counted."""
    severity: Severity = Severity.INFO
    outcome: Outcome = Outcome.DONE
    actor: str = "anonymous"
    """Who did it: a subject, ``cli:<login name>``, ``system`` or ``anonymous``."""
    code: str = ""
    """What the caller was told (the refusal's code)."""
    reason: str = ""
    """What was found, for the operator only."""
    status: int = 0
    method: str = ""
    route: str = ""
    """The route's rule, never the raw path or query; empty where no route is known yet."""
    client: str = ""
    """The caller's address as decided by the address rules."""
    credential: str = ""
    key_id: str = ""
    subject: str = ""
    """Who or what it was done to, where that differs from the actor."""
    tenant: str = ""
    request_id: str = ""
    personal: Mapping[str, object] = field(default_factory=lambda: NOTHING, repr=False)
    """About the person or the browser: user agent, path. Only the audit log keeps it, sealed."""
    count: int = 1
    until: datetime | None = None
    """Aware UTC time of the last one when counted, else None."""
    facts: Mapping[str, object] = field(default_factory=lambda: NOTHING)
    """Further non-personal details: names of roles, old and new permissions, windows."""


def system_event(
    event_type: EventType,
    at: datetime,
    severity: Severity = Severity.INFO,
    outcome: Outcome = Outcome.DONE,
    *,
    reason: str = "",
    count: int = 1,
    facts: Mapping[str, object] = NOTHING,
) -> Event:
    """Return an event that nobody but the system itself brought about."""
    return Event(
        id=new_id(),
        type=event_type,
        at=at,
        severity=severity,
        outcome=outcome,
        actor="system",
        reason=reason,
        count=count,
        facts=facts,
    )
