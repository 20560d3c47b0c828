"""Refusals: what a caller is told, and how a step ends the line."""

from __future__ import annotations

from collections.abc import Sequence

from flask_jafsec.errors.operating import JafsecError


class Halt(JafsecError):
    """Ends the line of steps. Only its two kinds below are raised."""

    code = "halt"


class Answered(Halt):
    """A step has answered the request itself (a preflight, a redirect); nothing is wrong."""

    code = "answered"

    def __init__(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        self.status = status
        self.headers = tuple(headers)
        super().__init__(status)


class Refusal(Halt):
    """The request is refused.

    The class says what the caller may know: ``status``, ``code``, ``title`` and ``detail`` are
    the same for every cause that must not be told apart. ``reason`` and ``facts`` go to the
    operator's event only.
    """

    code = "refused"
    status = 403
    title = "Refused"
    detail = "This request is not allowed."

    def __init__(
        self,
        reason: str = "",
        *,
        detail: str | None = None,
        headers: Sequence[tuple[str, str]] = (),
        facts: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.reason = reason or self.code
        if detail is not None:
            self.detail = detail
        self.headers = tuple(headers)
        self.facts = tuple(facts)
        super().__init__(self.reason)


class CredentialMissing(Refusal):
    """Nobody said who they are, and the route wants to know."""

    code = "credential_missing"
    status = 401
    title = "Authentication needed"
    detail = "Send an access token or an API key."


class CredentialInvalid(Refusal):
    """The credential does not hold. Forged, expired and revoked look the same from outside."""

    code = "credential_invalid"
    status = 401
    title = "Credential not accepted"
    detail = "The credential is not valid, or not any more. Get a new one and try again."


class CredentialMalformed(Refusal):
    """The credential headers cannot be read as one credential (RFC 6750 section 3.1)."""

    code = "credential_malformed"
    status = 400
    title = "Credential not readable"
    detail = "Send exactly one credential, in one header, as plain ASCII."


class CredentialKindRefused(Refusal):
    """The caller is known, but this route wants another kind of credential."""

    code = "credential_kind_refused"
    title = "Other credential needed"
    detail = "This address does not accept this kind of credential."


class PermissionDenied(Refusal):
    """The caller is known and may not do this."""

    code = "permission_denied"
    title = "Permission needed"
    detail = "You are known, but may not do this."


class NotOwner(Refusal):
    """The caller may do this, but not to this object."""

    code = "not_owner"
    title = "Not yours"
    detail = "You may only do this to what belongs to you."


class RouteUndeclared(Refusal):
    """The view says nothing about who may call it, so nobody may."""

    code = "route_undeclared"
    title = "Not open"
    detail = "This address is not open to anybody."


class CrossSiteRefused(Refusal):
    """A browser session was about to be used from a foreign page."""

    code = "cross_site_refused"
    title = "Cross-site request refused"
    detail = "This request came from another site."


class OriginRefused(Refusal):
    """A preflight from an origin that is not on the list."""

    code = "origin_refused"
    title = "Origin not allowed"
    detail = "This origin may not call this application."


class RequestMalformed(Refusal):
    """The request line or headers hold what no honest client sends."""

    code = "request_malformed"
    status = 400
    title = "Request not readable"
    detail = "The request contains characters that are not allowed there."


class RateExceeded(Refusal):
    """The caller used up a rate. ``retry_after_s`` is whole seconds, rounded up."""

    code = "rate_exceeded"
    status = 429
    title = "Too many requests"
    detail = "Wait as long as Retry-After says, then try again."

    def __init__(self, reason: str, retry_after_s: int, exact_s: float | None = None) -> None:
        self.retry_after_s = retry_after_s
        self.retry_after_exact_s = float(retry_after_s) if exact_s is None else exact_s
        super().__init__(reason, headers=(("Retry-After", str(retry_after_s)),))


class SecurityUnavailable(Refusal):
    """What is needed to decide is down, so the answer is no, for now."""

    code = "security_unavailable"
    status = 503
    title = "Temporarily unavailable"
    detail = "The request could not be checked. Try again in a moment."

    def __init__(self, reason: str, retry_after_s: int = 5) -> None:
        super().__init__(reason, headers=(("Retry-After", str(retry_after_s)),))
