"""Refresh tokens: opaque, stored as a keyed hash, each good for one use."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from flask_jafsec.errors import (
    InvalidValue,
    TokenExpired,
    TokenInvalid,
    TokenRevoked,
    UserDisabled,
)
from flask_jafsec.identity.access import is_disabled
from flask_jafsec.identity.token_bans import first_second
from flask_jafsec.ids import new_id
from flask_jafsec.protocols import Store, Tables
from flask_jafsec.records import Kind, RefreshToken

#: What every refresh token starts with, so that people and secret scanners know it.
PREFIX: Final = "jfr_"

#: Random bytes in a refresh token. Source: RFC 6749 section 10.10 asks for 128 bits; 256 as for
#: every secret here.
SECRET_BYTES: Final = 32

#: Shortest key of the hash, in bytes: as long as the hash. Source: RFC 2104 section 3.
MIN_KEY_BYTES: Final = 32

_FORM: Final = re.compile(r"jfr_([0-7][0-9A-HJKMNP-TV-Z]{25})_[A-Za-z0-9_-]{43}")


class RefreshUsed(Exception):
    """The refresh token was used before. Never leaves the service of tokens."""


class RefreshTokens:
    """Makes, finds and uses up refresh tokens.

    A family lives as long as its first token said; using one never lengthens that. There is no
    grace: who loses the answer to a refresh signs in again (RFC 9700 section 4.14.2).

    Args:
        index_keys: Keys of the hash, newest first. The first is used for new tokens, the others
            still find old ones.
        lifetime_s: Seconds from sign-in to the end of the family.
    """

    def __init__(self, store: Store, index_keys: Sequence[bytes], *, lifetime_s: int) -> None:
        if not index_keys or any(len(key) < MIN_KEY_BYTES for key in index_keys):
            raise InvalidValue("index_keys", f"needs keys of at least {MIN_KEY_BYTES} bytes")
        if lifetime_s < 1:
            raise InvalidValue("refresh_lifetime_s", "must be at least one second")
        self._store = store
        self._index_keys = tuple(index_keys)
        self._lifetime = timedelta(seconds=lifetime_s)

    def first(
        self, subject: str, *, kind: Kind, scopes: frozenset[str] | None, tenant: str, now: datetime
    ) -> tuple[RefreshToken, str]:
        """Return the first token of a new family, and its text, which is kept nowhere."""
        token_id = new_id()
        text = _new_text(token_id)
        token = RefreshToken(
            id=token_id,
            digest=self._digest(text),
            family=new_id(),
            subject=subject,
            kind=kind,
            scopes=scopes,
            tenant=tenant,
            issued_at=now.replace(microsecond=0),
            expires_at=now + self._lifetime,
        )
        return token, text

    def successor(self, used: RefreshToken, now: datetime) -> tuple[RefreshToken, str]:
        """Return the token that takes the place of *used*, and its text."""
        token_id = new_id()
        text = _new_text(token_id)
        token = replace(
            used,
            id=token_id,
            digest=self._digest(text),
            issued_at=now.replace(microsecond=0),
            used_at=None,
        )
        return token, text

    def find(self, text: object) -> RefreshToken:
        """Return the stored token of *text*, which may be anything, whatever has become of it.

        Raises:
            TokenInvalid: There is none; a right id with a wrong secret looks the same.
        """
        form = _FORM.fullmatch(text) if isinstance(text, str) else None
        if form is None:
            raise TokenInvalid("refresh_malformed")
        with self._store.reading() as tables:
            token = tables.tokens.find_refresh(form[1])
        # Every key is tried whatever is found, so that time tells neither ids nor keys apart.
        stored = token.digest if token is not None else b""
        raw = form[0].encode()
        fits = [
            hmac.compare_digest(hmac.digest(k, raw, "sha256"), stored) for k in self._index_keys
        ]
        if token is None or not any(fits):
            raise TokenInvalid("refresh_unknown")
        return token

    def add(self, tables: Tables, token: RefreshToken, now: datetime) -> RefreshToken:
        """Store *token* and return it with the second it was really issued in.

        Raises:
            UserDisabled: Its subject is a built-in user who was disabled.
        """
        if is_disabled(tables, token.subject):
            raise UserDisabled
        return self._add(tables, token, now)

    def _add(self, tables: Tables, token: RefreshToken, now: datetime) -> RefreshToken:
        issued_at = first_second(tables, token.subject, now)
        if issued_at != token.issued_at:
            token = replace(token, issued_at=issued_at)
        tables.tokens.add_refresh(token)
        return token

    def rotate(
        self, tables: Tables, used: RefreshToken, successor: RefreshToken, now: datetime
    ) -> RefreshToken:
        """Use *used* up and store *successor*; all in the caller's transaction.

        Raises:
            RefreshUsed: Somebody used it before.
            TokenExpired: Its family has come to its end.
            TokenRevoked: Its family, or everything its subject had, was revoked.
            UserDisabled: Its subject is a built-in user who was disabled.
        """
        # Counted from birth too, for a lifetime that was shortened since: bans are kept as long
        # as today's lifetime says, and must outlive what they ban.
        ends_at = min(used.expires_at, used.issued_at + self._lifetime)
        if ends_at <= now:
            raise TokenExpired(int(ends_at.timestamp()))
        if not tables.tokens.use_refresh(used.id, now):
            raise RefreshUsed
        if is_disabled(tables, used.subject):
            raise UserDisabled
        if tables.tokens.is_family_revoked(used.family):
            raise TokenRevoked("family_revoked")
        not_before = tables.tokens.subject_not_before(used.subject)
        if not_before is not None and used.issued_at <= not_before:
            raise TokenRevoked("subject_revoked")
        return self._add(tables, successor, now)

    def _digest(self, text: str) -> bytes:
        return hmac.digest(self._index_keys[0], text.encode(), "sha256")


def _new_text(token_id: str) -> str:
    return f"{PREFIX}{token_id}_{secrets.token_urlsafe(SECRET_BYTES)}"
