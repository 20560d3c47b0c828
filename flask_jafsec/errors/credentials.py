"""Credentials that do not hold: the reason is for the operator, never for the caller."""

from __future__ import annotations

from flask_jafsec.errors.operating import JafsecError


class CredentialRejected(JafsecError):
    """A token, key or password does not hold.

    ``reason`` is a short stable word for the operator's event. It is never shown to the caller,
    who must not learn which part to mend.

    ``was_genuine`` is true when we made it once and it has ended since (expired, revoked,
    rotated): a public route then treats the caller as anonymous. Otherwise it is forged or
    malformed and every route refuses it.
    """

    code = "credential_rejected"

    def __init__(self, reason: str, *, was_genuine: bool = False, key_id: str = "") -> None:
        self.reason = reason
        self.was_genuine = was_genuine
        self.key_id = key_id
        super().__init__(reason)


class TokenInvalid(CredentialRejected):
    """The token is not one of ours, or not for us, or broken."""

    code = "token_invalid"


class TokenExpired(CredentialRejected):
    """The token was genuine until ``expired_at`` (seconds since 1970 UTC)."""

    code = "token_expired"

    def __init__(self, expired_at: int) -> None:
        self.expired_at = expired_at
        super().__init__("token_expired", was_genuine=True)


class TokenRevoked(CredentialRejected):
    """The token, its family or every token of its subject was revoked."""

    code = "token_revoked"

    def __init__(self, reason: str = "token_revoked") -> None:
        super().__init__(reason, was_genuine=True)


class RefreshReused(TokenRevoked):
    """A refresh token was used twice: its whole family is revoked. ``family`` names it."""

    code = "refresh_reused"

    def __init__(self, family: str) -> None:
        self.family = family
        super().__init__("refresh_reused")


class KeyInvalid(CredentialRejected):
    """The API key is unknown, malformed, or used where it may not be."""

    code = "key_invalid"


class KeyEnded(CredentialRejected):
    """The API key was good once; ``reason`` is key_expired, key_rotated or key_revoked."""

    code = "key_ended"

    def __init__(self, reason: str, key_id: str) -> None:
        super().__init__(reason, was_genuine=True, key_id=key_id)


class PasswordWrong(CredentialRejected):
    """User name and password do not belong together; the same for unknown users."""

    code = "password_wrong"

    def __init__(self) -> None:
        super().__init__("password_wrong")
