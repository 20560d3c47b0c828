"""What the claims of an access token must be. Signatures are checked elsewhere, before."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from flask_jafsec.errors import InvalidValue, TokenExpired, TokenInvalid
from flask_jafsec.identity.segments import MalformedSegment, read_object
from flask_jafsec.identity.verified_tokens import VerifiedToken
from flask_jafsec.records import Kind

#: Every one must be there. Source: RFC 9068 section 2.2, without ``client_id``: we issue to
#: people and services of one application.
REQUIRED: Final = frozenset({"iss", "sub", "aud", "exp", "iat", "jti"})

#: Longest subject and tenant, in characters. Source: OpenID Connect Core section 2, ``sub``.
MAX_NAME_CHARS: Final = 255

#: Longest token id and family. Ours are 26; other issuers with our key use UUIDs of 36.
MAX_ID_CHARS: Final = 64

#: Largest leeway that can be set, in seconds. More would only lengthen the life of stolen tokens.
MAX_LEEWAY_S: Final = 120

#: ``iat`` may always be this far ahead, in seconds, even without leeway: a token made in the same
#: second as a ban on its subject carries the next second (see ``Tokens.revoke_all``).
MIN_AHEAD_S: Final = 1

#: The end of the year 9999, the last second a ``datetime`` can tell.
_MAX_TIME: Final = 253_402_300_799

#: One scope. Source: RFC 6749 section 3.3, ``scope-token``.
_SCOPE: Final = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+")

#: Whom a token can be for; nobody's kind is not among them.
_KINDS: Final = {kind.value: kind for kind in (Kind.PERSON, Kind.SERVICE)}


def is_name(value: str, max_chars: int = MAX_NAME_CHARS) -> bool:
    """Return whether *value* may stand in a claim: not empty, not long, nothing invisible."""
    return 0 < len(value) <= max_chars and value.isprintable()


def is_scope(value: str) -> bool:
    """Return whether *value* is one scope as RFC 6749 writes them."""
    return _SCOPE.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class ClaimRules:
    """For whom tokens are, and how old they may be.

    Raises:
        InvalidValue: Without an issuer or audience nothing could be told apart from tokens that
            others made for others; the leeway is beyond ``MAX_LEEWAY_S``; no age is allowed.
    """

    issuer: str
    audience: str
    leeway_s: int = 30
    max_age_s: int = 24 * 3600

    def __post_init__(self) -> None:
        if not is_name(self.issuer):
            raise InvalidValue("issuer", "must be 1 to 255 visible characters")
        if not is_name(self.audience):
            raise InvalidValue("audience", "must be 1 to 255 visible characters")
        if not 0 <= self.leeway_s <= MAX_LEEWAY_S:
            raise InvalidValue("leeway_s", f"must be 0 to {MAX_LEEWAY_S} seconds")
        if self.max_age_s < 1:
            raise InvalidValue("max_age_s", "must be at least one second")

    def read(self, payload: bytes, kid: str, now: float) -> VerifiedToken:
        """Return what *payload* says, if it is complete, for us and current at *now*.

        Raises:
            TokenExpired: Everything else is right.
            TokenInvalid: Anything else.

        Source: RFC 7519 section 4.1; RFC 9068 section 4.
        """
        try:
            claims = read_object(payload)
        except MalformedSegment as error:
            raise TokenInvalid("claims_malformed") from error
        if not claims.keys() >= REQUIRED:
            raise TokenInvalid("claim_missing")
        self._check_parties(claims)
        issued_at, expires_at = self._check_times(claims, now)
        token = VerifiedToken(
            subject=_name(claims, "sub"),
            kind=_kind(claims),
            scopes=_scopes(claims),
            tenant=_name(claims, "tenant") if "tenant" in claims else "",
            token_id=_name(claims, "jti", MAX_ID_CHARS),
            family=_name(claims, "fam", MAX_ID_CHARS) if "fam" in claims else "",
            issued_at=int(issued_at),
            expires_at=int(expires_at),
            kid=kid,
        )
        if expires_at <= now - self.leeway_s:
            raise TokenExpired(token.expires_at)
        return token

    def _check_parties(self, claims: dict[str, object]) -> None:
        if claims["iss"] != self.issuer:
            raise TokenInvalid("issuer_wrong")
        audience = claims["aud"]
        if isinstance(audience, list) and all(isinstance(one, str) for one in audience):
            if self.audience not in audience:
                raise TokenInvalid("audience_wrong")
        elif audience != self.audience:
            raise TokenInvalid("audience_wrong")

    def _check_times(self, claims: dict[str, object], now: float) -> tuple[float, float]:
        issued_at, expires_at = _time(claims, "iat"), _time(claims, "exp")
        ahead_s = max(self.leeway_s, MIN_AHEAD_S)
        if issued_at > now + ahead_s:
            raise TokenInvalid("issued_in_the_future")
        if "nbf" in claims and _time(claims, "nbf") > now + ahead_s:
            raise TokenInvalid("not_valid_yet")
        if not 0 < expires_at - issued_at <= self.max_age_s:
            raise TokenInvalid("lifetime_wrong")
        return issued_at, expires_at


def _time(claims: dict[str, object], name: str) -> float:
    """Return a NumericDate: a JSON number, whole or not, between 1970 and 9999."""
    value = claims[name]
    # A bool is an int in Python; NaN and infinity fail every comparison that lets values in.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenInvalid("claim_type")
    if not 0 <= value <= _MAX_TIME:
        raise TokenInvalid("claim_type")
    return value


def _name(claims: dict[str, object], name: str, max_chars: int = MAX_NAME_CHARS) -> str:
    value = claims[name]
    if not isinstance(value, str) or not is_name(value, max_chars):
        raise TokenInvalid("claim_type")
    return value


def _kind(claims: dict[str, object]) -> Kind:
    value = claims.get("knd", "person")
    kind = _KINDS.get(value) if isinstance(value, str) else None
    if kind is None:
        raise TokenInvalid("claim_type")
    return kind


def _scopes(claims: dict[str, object]) -> frozenset[str] | None:
    """Return the scopes; an empty text grants nothing, a missing claim does not narrow."""
    if "scope" not in claims:
        return None
    value = claims["scope"]
    if value == "":
        return frozenset()
    if not isinstance(value, str):
        raise TokenInvalid("claim_type")
    scopes = value.split(" ")
    if not all(map(is_scope, scopes)):
        raise TokenInvalid("claim_type")
    return frozenset(scopes)
