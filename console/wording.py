"""What events are called in sentences."""

from __future__ import annotations

from typing import Final

from flask_jafsec.events import EventType, Outcome, Severity

#: A sentence for every type; the machine name stands beside it.
SENTENCES: Final = {
    EventType.ANCHOR_LAG: "Anchors lag behind",
    EventType.AUDIT_ABANDONED: "A process left its journal",
    EventType.AUDIT_CLOSED: "A process closed its part of the log",
    EventType.AUDIT_DISK_FULL: "The disk of the journals is full",
    EventType.AUDIT_EXPORTED: "Exported events",
    EventType.AUDIT_HEARTBEAT: "The log is alive",
    EventType.AUDIT_INTEGRITY: "The log was found damaged",
    EventType.AUDIT_LAG: "The log's tree lags behind",
    EventType.AUDIT_PERSONAL_OPENED: "Looked at persons in the log",
    EventType.AUDIT_VERIFIED: "Verified the log",
    EventType.CONFIG_IDENTITY_CHANGED: "The application's identity changed",
    EventType.CORS_REFUSED: "Another origin was refused",
    EventType.CREDENTIAL_MALFORMED: "Malformed credential",
    EventType.CREDENTIAL_MISSING: "No credential",
    EventType.CROSS_SITE_REFUSED: "A foreign page was refused",
    EventType.EXPORT_DEAD_LETTER: "An event could not be delivered",
    EventType.EXPORT_LAG: "An export lags behind",
    EventType.EXPORT_RECOVERED: "An export works again",
    EventType.EXPORT_TLS: "An export's connection is not trusted",
    EventType.KEY_MINTED: "Created an API key",
    EventType.KEY_OVERLAP_ENDED: "Ended an old API key early",
    EventType.KEY_OVERLAP_EXTENDED: "Let an old API key work longer",
    EventType.KEY_REJECTED: "API key rejected",
    EventType.KEY_REVOKED: "Revoked an API key",
    EventType.KEY_ROTATED: "Rotated an API key",
    EventType.LIMITS_DEGRADED: "Limits could not be kept exactly",
    EventType.LIMIT_EXCEEDED: "Rate limit exceeded",
    EventType.PERMISSION_DENIED: "Permission denied",
    EventType.REQUEST_ALLOWED: "Request allowed",
    EventType.REQUEST_CRASHED: "Request crashed",
    EventType.REQUEST_MALFORMED: "Malformed request",
    EventType.ROLE_DEFINED: "Defined a role",
    EventType.ROLE_GRANTED: "Granted a role",
    EventType.ROLE_REMOVED: "Removed a role",
    EventType.ROLE_WITHDRAWN: "Withdrew a role",
    EventType.ROUTE_UNDECLARED: "Route is not declared",
    EventType.SECURITY_FAILED: "A security check failed",
    EventType.SESSION_REJECTED: "Session rejected",
    EventType.SIGN_IN_FAILED: "Sign-in failed",
    EventType.SIGN_IN_SUCCEEDED: "Signed in",
    EventType.SIGN_OUT: "Signed out",
    EventType.SINK_DROPPED: "Log lines were dropped",
    EventType.STORE_DOWN: "The database went away",
    EventType.STORE_UP: "The database is back",
    EventType.TOKENS_REVOKED_ALL: "Revoked all tokens of a person",
    EventType.TOKEN_ISSUED: "Issued a token",
    EventType.TOKEN_REFRESHED: "Refreshed a token",
    EventType.TOKEN_REJECTED: "Token rejected",
    EventType.TOKEN_REUSED: "A refresh token was used twice",
    EventType.TOKEN_REVOKED: "Revoked a token",
    EventType.USER_CREATED: "Created a user",
    EventType.USER_DISABLED: "Disabled a user",
    EventType.USER_ENABLED: "Enabled a user",
    EventType.USER_PASSWORD_CHANGED: "Changed a password",
}

#: Word and tone of an outcome: colour only where somebody should look.
OUTCOMES: Final = {
    Outcome.ALLOW: ("Allowed", "plain"),
    Outcome.DENY: ("Denied", "bad"),
    Outcome.DONE: ("Done", "plain"),
    Outcome.FAIL: ("Failed", "warn"),
}

_SEVERITIES: Final = {level.value: level.name.lower() for level in Severity}


def sentence(type_name: str) -> str:
    """Return what an event of this type says; its name where a newer release made it."""
    try:
        return SENTENCES[EventType(type_name)]
    except (KeyError, ValueError):
        return type_name


def severity(number: int) -> str:
    """Return the name of a severity, the nearest below for a number between two."""
    return _SEVERITIES[max((n for n in _SEVERITIES if n <= number), default=0)]


def outcome(text: str) -> tuple[str, str]:
    """Return word and tone of an outcome as it stands in an envelope."""
    try:
        return OUTCOMES[Outcome(text)]
    except ValueError:
        return text, "plain"
