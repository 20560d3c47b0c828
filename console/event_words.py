"""What each type of event is called on a page: a few words in the past tense."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from flask_jafsec.events import EventType

#: English; templates pass them through gettext. A test holds the table complete.
WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        EventType.ANCHOR_LAG: "An anchor lags behind",
        EventType.AUDIT_ABANDONED: "Took over the events of a process that died",
        EventType.AUDIT_CLOSED: "A process ended its log in order",
        EventType.AUDIT_EXPORTED: "Took a copy of the log",
        EventType.AUDIT_HEARTBEAT: "The log is alive",
        EventType.AUDIT_INTEGRITY: "The log does not agree with itself",
        EventType.AUDIT_PERSONAL_OPENED: "Opened names and addresses",
        EventType.AUDIT_LAG: "Events wait for the log's tree",
        EventType.AUDIT_VERIFIED: "Verified the log",
        EventType.CONFIG_IDENTITY_CHANGED: "The root keys changed",
        EventType.CORS_REFUSED: "Refused a foreign page",
        EventType.CREDENTIAL_MALFORMED: "Refused a malformed credential",
        EventType.CREDENTIAL_MISSING: "Refused a caller without credential",
        EventType.CROSS_SITE_REFUSED: "Refused a cross-site request",
        EventType.EXPORT_DEAD_LETTER: "A collector refused an event",
        EventType.EXPORT_LAG: "An export lags behind",
        EventType.EXPORT_RECOVERED: "An export works again",
        EventType.EXPORT_TLS: "An export found no secure connection",
        EventType.KEY_MINTED: "Made an API key",
        EventType.KEY_REJECTED: "Refused an API key",
        EventType.KEY_REVOKED: "Revoked an API key",
        EventType.KEY_ROTATED: "Rotated an API key",
        EventType.LIMITS_DEGRADED: "Rates are kept by each process alone",
        EventType.LIMIT_EXCEEDED: "Rate limit exceeded",
        EventType.PERMISSION_DENIED: "Permission denied",
        EventType.REQUEST_ALLOWED: "Let a request through",
        EventType.REQUEST_CRASHED: "A request crashed",
        EventType.REQUEST_MALFORMED: "Refused a malformed request",
        EventType.ROLE_DEFINED: "Changed a role",
        EventType.ROLE_GRANTED: "Granted a role",
        EventType.ROLE_REMOVED: "Removed a role",
        EventType.ROLE_WITHDRAWN: "Withdrew a role",
        EventType.ROUTE_UNDECLARED: "Refused: the route is undeclared",
        EventType.SECURITY_FAILED: "A security step failed",
        EventType.SESSION_REJECTED: "Refused a session",
        EventType.SIGN_IN_FAILED: "Sign-in failed",
        EventType.SIGN_IN_SUCCEEDED: "Signed in",
        EventType.SIGN_OUT: "Signed out",
        EventType.SINK_DROPPED: "Events were dropped",
        EventType.STORE_DOWN: "The database went away",
        EventType.STORE_UP: "The database is back",
        EventType.TOKENS_REVOKED_ALL: "Revoked all tokens of somebody",
        EventType.TOKEN_ISSUED: "Issued a token",
        EventType.TOKEN_REFRESHED: "Refreshed a token",
        EventType.TOKEN_REJECTED: "Refused a token",
        EventType.TOKEN_REUSED: "A refresh token was used twice",
        EventType.TOKEN_REVOKED: "Revoked a token",
        EventType.USER_CREATED: "Made a user",
        EventType.USER_DISABLED: "Disabled a user",
        EventType.USER_ENABLED: "Enabled a user",
        EventType.USER_PASSWORD_CHANGED: "A password was changed",
    }
)

#: Outcomes as pills: word and tone.
OUTCOMES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "allow": ("Allowed", "plain"),
        "deny": ("Denied", "bad"),
        "done": ("Done", "plain"),
        "fail": ("Failed", "warn"),
    }
)


def words_for(type_name: str) -> str:
    """Return the words for a type; for one of another release its own name."""
    return WORDS.get(type_name, type_name)
