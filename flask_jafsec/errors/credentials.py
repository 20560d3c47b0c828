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


class SessionEnded(CredentialRejected):
    """A session's cookie that belongs to no session, or to one that has ended."""


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


class KeyElsewhere(KeyInvalid):
    """The API key is genuine, and came from outside the networks it may be used from."""

    code = "key_elsewhere"

    def __init__(self, key_id: str) -> None:
        super().__init__("key_network", key_id=key_id)


class KeyEnded(CredentialRejected):
    """The API key was good once.

    ``reason`` is key_expired, key_rotated, key_revoked, or user_disabled (its owner is).
    """

    code = "key_ended"

    def __init__(self, reason: str, key_id: str) -> None:
        super().__init__(reason, was_genuine=True, key_id=key_id)


class UserDisabled(CredentialRejected):
    """The subject is a built-in user who was disabled: nothing of theirs holds."""

    code = "user_disabled"

    def __init__(self) -> None:
        super().__init__("user_disabled", was_genuine=True)


class PasswordWrong(CredentialRejected):
    """User name and password do not belong together; the same for unknown users."""

    code = "password_wrong"

    def __init__(self) -> None:
        super().__init__("password_wrong")
