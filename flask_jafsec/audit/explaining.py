"""Says in words what was decided, by which step, and what would allow it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Explanation:
    """One decision in words."""

    decided: str
    step: str
    """The step of the line that decided (pipeline/order.py), or the service."""
    rule: str
    """What the step went by, in one line."""
    advice: Sequence[str]
    """What to do so that the next such request is let through; empty where nothing is wrong."""


#: Code of a refusal -> the step that gives it, what it went by, and how to allow it.
_REFUSALS: Final[Mapping[str, tuple[str, str, tuple[str, ...]]]] = MappingProxyType(
    {
        "credential_invalid": (
            "authenticate",
            "the token or key is not one that works here; 'reason' says why",
            (
                "key_*: `flask jafsec keys show ID` tells whether it ended; mint or rotate it.",
                "token_*: have the client sign in again, or refresh its token.",
                "A clock that is wrong by more than JAFSEC_TOKEN_LEEWAY_S looks like this too.",
            ),
        ),
        "credential_kind_refused": (
            "authorise",
            "the route takes another kind of credential",
            ("Add the kind to `credentials=` of the route, or use one it takes.",),
        ),
        "credential_malformed": (
            "authenticate",
            "what was sent as a credential is not one, or two were sent at once",
            ("Send exactly one of Authorization: Bearer and X-API-Key, unchanged.",),
        ),
        "credential_missing": (
            "authorise",
            "the route wants to know who calls, and nobody said",
            ("Send a token or an API key, or declare the route with @jafsec.public().",),
        ),
        "cross_site_refused": (
            "authenticate_session",
            "a page of another site sent the browser's session along",
            ("Call from the application's own pages, or with a token or an API key.",),
        ),
        "not_owner": (
            "authorise",
            "the route's `owner=` rule says that this belongs to somebody else",
            ("Give the caller a permission that needs no ownership, or change the rule.",),
        ),
        "origin_refused": (
            "answer_preflight",
            "the page's origin is not on the list",
            ("Add the exact origin to JAFSEC_CORS_ORIGINS.",),
        ),
        "permission_denied": (
            "authorise",
            "the caller lacks a permission that the route declares",
            (
                "`flask jafsec routes` shows what the route wants.",
                "`flask jafsec roles grant WHO ROLE` gives a role that has it; an API key needs "
                "it among its scopes as well.",
            ),
        ),
        "rate_exceeded": (
            "limit_client or limit_identity",
            "a rate is used up",
            (
                "Wait as long as Retry-After says; raise `limit=` of the route, "
                "JAFSEC_LIMITS or JAFSEC_ADDRESS_RATE.",
            ),
        ),
        "request_malformed": (
            "refuse_unreadable",
            "the request itself cannot be read",
            ("The client sends bytes that HTTP does not allow there; mend the client.",),
        ),
        "route_undeclared": (
            "authorise",
            "the route says nothing about who may call it, so nobody may",
            ("Add @jafsec.require(...) or @jafsec.public() above the view.",),
        ),
        "security_unavailable": (
            "whichever step needed what was down",
            "a database or store did not answer, or a step failed; nobody is let in on a guess",
            ("Look at the log around this time, and at `flask jafsec db check`.",),
        ),
    }
)

_WORDS: Final = {"allow": "allowed", "deny": "refused", "done": "done", "fail": "failed"}


def explain(members: Mapping[str, Any]) -> Explanation:
    """Return what an event's envelope says, in words."""
    details = members.get("d") or {}
    code, reason = str(details.get("code", "")), str(details.get("reason", ""))
    outcome = _WORDS.get(str(members.get("out")), str(members.get("out")))
    decided = _sentence(members, outcome)
    if code in _REFUSALS:
        step, rule, advice = _REFUSALS[code]
        return Explanation(decided, step, f"{rule} ({reason})" if reason else rule, advice)
    if members.get("type") == "request.allowed":
        rule = "the caller has what the route declares, or the route is public"
        return Explanation(decided, "authorise", rule, ())
    return Explanation(decided, str(members.get("type", "")), reason or code or "a change", ())


def _sentence(members: Mapping[str, Any], outcome: str) -> str:
    what = " ".join(str(members[name]) for name in ("m", "p") if members.get(name))
    status = f" with {members['st']}" if members.get("st") else ""
    count = (members.get("d") or {}).get("count", 1)
    times = f", {count} times until {members['d'].get('until')}" if count != 1 else ""
    return f"{what or members.get('type')} was {outcome}{status} at {members.get('ts')}{times}"
