"""Verifies one access token after another; remembers none of them and knows no bans."""

from __future__ import annotations

from typing import Final

from flask_jafsec.errors import TokenInvalid
from flask_jafsec.identity.segments import MalformedSegment, decode_segment, read_object
from flask_jafsec.identity.token_claims import ClaimRules
from flask_jafsec.identity.token_keys import TokenKey, TokenKeys, is_kid
from flask_jafsec.identity.verified_tokens import VerifiedToken

#: Longest token, in characters; longer ones are refused before anything looks inside.
#: Source: threats row 4. Common servers refuse header lines of 8 KiB anyway.
MAX_TOKEN_CHARS: Final = 8 * 1024

#: Longest header, in characters. Ours have about 80. Source: joserfc's own ``max_header_length``.
MAX_HEADER_CHARS: Final = 512

#: What tells an access token from any other thing signed with the same key.
#: Source: RFC 9068 section 4; RFC 8725 section 3.11.
TOKEN_TYPES: Final = frozenset({"at+jwt", "application/at+jwt"})

#: The only members a header may have, and all of them must be there. Whatever else there is could
#: only bring a key along (jwk, jku, x5u, x5c), change what is signed (b64, crit) or unpack to
#: something large (zip). Source: RFC 8725 sections 3.1 and 3.10; threats row 2.
_HEADER_MEMBERS: Final = frozenset({"alg", "kid", "typ"})

#: How many headers are remembered. There are two per key, unless somebody who has a key plays.
_MAX_HEADERS: Final = 256


class TokenVerifier:
    """Verifies tokens by fixed keys and rules.

    The key is found by its name, and brings its algorithm; the token's own ``alg`` must be the
    same and chooses nothing. Nothing is parsed from the claims before the signature holds.
    """

    __slots__ = ("_headers", "_rules", "keys")

    def __init__(self, keys: TokenKeys, rules: ClaimRules) -> None:
        self.keys = keys
        self._rules = rules
        self._headers: dict[str, TokenKey] = {}

    def verify(self, text: str, now: float) -> tuple[VerifiedToken, TokenKey]:
        """Return what *text* says and the key that proves it.

        Raises:
            TokenExpired: It was genuine once.
            TokenInvalid: Anything else.

        Source: RFC 9068 section 4; RFC 8725 section 3.
        """
        if len(text) > MAX_TOKEN_CHARS:
            raise TokenInvalid("token_too_long")
        parts = text.split(".", 3)
        if len(parts) != 3:
            raise TokenInvalid("token_malformed")
        key = self._headers.get(parts[0]) or self._read_header(parts[0])
        try:
            signature = decode_segment(parts[2])
            payload = decode_segment(parts[1])
        except MalformedSegment as error:
            raise TokenInvalid("token_malformed", key_id=key.kid) from error
        if not key.verifies(f"{parts[0]}.{parts[1]}".encode(), signature):
            raise TokenInvalid("signature_wrong", key_id=key.kid)
        try:
            return self._rules.read(payload, key.kid, now), key
        except TokenInvalid as error:
            raise TokenInvalid(error.reason, key_id=key.kid) from error

    def is_ours(self, text: str) -> bool:
        """Return whether *text* claims to be a token of ours; never raises, proves nothing.

        It does when its header names a key of ours or its claims name our issuer.
        """
        parts = text.split(".", 3)
        if len(parts) != 3:
            return False
        if parts[0] in self._headers:
            return True
        kid = _peek(parts[0], "kid") if len(parts[0]) <= MAX_HEADER_CHARS else None
        if kid is not None and kid in self.keys.by_kid:
            return True
        return len(text) <= MAX_TOKEN_CHARS and _peek(parts[1], "iss") == self._rules.issuer

    def _read_header(self, segment: str) -> TokenKey:
        if len(segment) > MAX_HEADER_CHARS:
            raise TokenInvalid("header_too_long")
        try:
            members = read_object(decode_segment(segment))
        except MalformedSegment as error:
            raise TokenInvalid("header_malformed") from error
        key = self._key_of(members)
        if not key.accepts({name: str(value) for name, value in members.items()}):
            raise TokenInvalid("header_member_refused", key_id=key.kid)
        # Only headers that name a key and its algorithm are kept, so strangers cannot fill it.
        if len(self._headers) >= _MAX_HEADERS:
            self._headers = {}
        self._headers[segment] = key
        return key

    def _key_of(self, members: dict[str, object]) -> TokenKey:
        if members.keys() != _HEADER_MEMBERS:
            missing = _HEADER_MEMBERS - members.keys()
            raise TokenInvalid("header_member_missing" if missing else "header_member_refused")
        kid, algorithm, kind = members["kid"], members["alg"], members["typ"]
        if not isinstance(kid, str) or not is_kid(kid):
            raise TokenInvalid("kid_malformed")
        key = self.keys.by_kid.get(kid)
        if key is None:
            raise TokenInvalid("key_unknown")
        if algorithm != key.algorithm:
            raise TokenInvalid("algorithm_wrong", key_id=kid)
        if not isinstance(kind, str) or kind not in TOKEN_TYPES:
            raise TokenInvalid("type_wrong", key_id=kid)
        return key


def _peek(segment: str, name: str) -> str | None:
    """Return the text member *name* of an unproved part, or None."""
    try:
        value = read_object(decode_segment(segment)).get(name)
    except MalformedSegment:
        return None
    return value if isinstance(value, str) else None
