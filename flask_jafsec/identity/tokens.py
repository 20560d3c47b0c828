"""The service of signed tokens: issue, verify, refresh, revoke. Keys and stores are handed in."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from flask_jafsec.errors import CredentialRejected, InvalidValue, RefreshReused, TokenRevoked
from flask_jafsec.events import Event, EventType, Outcome, Severity
from flask_jafsec.identity.new_pair import NewPair
from flask_jafsec.identity.refresh import RefreshTokens, RefreshUsed
from flask_jafsec.identity.token_bans import Bans
from flask_jafsec.identity.token_claims import ClaimRules, is_name, is_scope
from flask_jafsec.identity.token_keys import TokenKeys
from flask_jafsec.identity.token_verifying import MAX_TOKEN_CHARS, TokenVerifier
from flask_jafsec.identity.verified_tokens import MAX_REMEMBERED, VerifiedToken, VerifiedTokens
from flask_jafsec.ids import new_id
from flask_jafsec.protocols import Clock, Recorder, Store, Tables
from flask_jafsec.records import Kind, RefreshToken, TokenPair

#: An access token is a JWT of this type. Source: RFC 9068 section 2.1.
_HEADER: Final = {"typ": "at+jwt"}


class Tokens:
    """Issues, verifies, refreshes and revokes tokens.

    Args:
        refresh_keys: Keys of the hash under which refresh tokens are stored, newest first.
        lifetime_s: Seconds an access token lives, if its issuer does not say less or more.
        refresh_lifetime_s: Seconds from sign-in until a person must sign in again.
        leeway_s: Seconds our clocks may differ, at most 120.
        max_age_s: Seconds no access token may outlive, whatever it says.

    Raises:
        InvalidValue: One of them cannot be used.
    """

    def __init__(
        self,
        keys: TokenKeys,
        store: Store,
        recorder: Recorder,
        clock: Clock,
        *,
        issuer: str,
        audience: str,
        refresh_keys: Sequence[bytes],
        lifetime_s: int = 900,
        refresh_lifetime_s: int = 30 * 24 * 3600,
        leeway_s: int = 30,
        max_age_s: int = 24 * 3600,
        max_remembered: int = MAX_REMEMBERED,
    ) -> None:
        self._rules = ClaimRules(issuer, audience, leeway_s, max_age_s)
        self._lifetime_s = self._checked_lifetime(lifetime_s)
        self._recorder = recorder
        self._clock = clock
        self._refreshing = RefreshTokens(store, refresh_keys, lifetime_s=refresh_lifetime_s)
        self._bans = Bans(
            recorder, clock, access_s=max_age_s + leeway_s, refresh_s=refresh_lifetime_s
        )
        self._seen = VerifiedTokens(max_remembered)
        self._verifier = TokenVerifier(keys, self._rules)

    @property
    def keys(self) -> TokenKeys:
        """The keys in use, newest first."""
        return self._verifier.keys

    @property
    def longest_s(self) -> int:
        """Seconds after which every access token issued by now is refused anyway."""
        return self._rules.max_age_s + self._rules.leeway_s

    def use_keys(self, keys: TokenKeys) -> None:
        """Sign with the first of *keys* and verify with all of them from now on.

        Tokens of keys that are not among them are refused at once, remembered or not.
        """
        self._verifier = TokenVerifier(keys, self._rules)

    # -- Verifying --

    def verify(self, token: str, *, now: float) -> VerifiedToken:
        """Return what *token* says if it is genuine, current and for us; bans are not known here.

        Args:
            now: Seconds since 1970 UTC.

        Raises:
            TokenExpired: It was genuine once.
            TokenInvalid: Anything else; the reason is for the operator only.
        """
        verifier = self._verifier
        known = self._seen.find(token, verifier.keys, now)
        if known is not None:
            return known
        verified, key = verifier.verify(token, now)
        until = float(verified.expires_at + self._rules.leeway_s)
        self._seen.remember(token, verified, key, until)
        return verified

    def is_ours(self, token: str) -> bool:
        """Return whether *token* claims to be one of ours; never raises, proves nothing."""
        return token in self._seen or self._verifier.is_ours(token)

    # -- Issuing --

    def issue(
        self,
        subject: str,
        *,
        scopes: Iterable[str] | None = None,
        tenant: str = "",
        lifetime_s: int | None = None,
        kind: Kind = Kind.PERSON,
        by: str = "system",
    ) -> TokenPair:
        """Return an access token and the first refresh token of a new sign-in.

        Args:
            scopes: Upper bound of what the tokens may do, also after refreshing; None for all
                the subject may, empty for nothing.
            lifetime_s: Seconds the access token lives; those made by refreshing live as long as
                the settings say.
            by: Who issues it, for the log.

        Raises:
            InvalidValue: A value cannot stand in a token, or the token would be too long.
            StoreUnavailable: Nothing was issued.
            UserDisabled: The subject is a built-in user who was disabled.
        """
        _check_party(subject, tenant, kind)
        lifetime = self._lifetime_s if lifetime_s is None else self._checked_lifetime(lifetime_s)
        now = self._clock.now()
        token, text = self._refreshing.first(
            subject, kind=kind, scopes=_checked_scopes(scopes), tenant=tenant, now=now
        )
        new = NewPair(token, text, new_id(), lifetime)
        access = self._sign(new)
        event = new.event(EventType.TOKEN_ISSUED, now, by)
        stored = self._recorder.commit_with(
            event, lambda tables: self._refreshing.add(tables, token, now)
        )
        return self._paired(new, access, stored)

    def refresh(self, refresh_token: str, *, by: str = "") -> TokenPair:
        """Use *refresh_token* up and return a new pair of the same family and scopes.

        Args:
            by: Who asks, for the log; empty for the token's own subject.

        Raises:
            RefreshReused: It was used before. Its whole family is revoked, as one of the two who
                had it is a thief and nobody can tell which (RFC 9700 section 4.14.2).
            TokenExpired: Its family has come to its end.
            TokenInvalid: It is not one of ours.
            TokenRevoked: Its family, or everything its subject had, was revoked.
            StoreUnavailable: Nothing was changed; the same token can be tried again.
            UserDisabled: Its subject is a built-in user who was disabled.
        """
        try:
            return self._refresh(refresh_token, by)
        except CredentialRejected as rejected:
            self._recorder.record(
                Event(
                    id=new_id(),
                    type=EventType.TOKEN_REJECTED,
                    at=self._clock.now(),
                    severity=Severity.WARNING,
                    outcome=Outcome.DENY,
                    actor=by or "anonymous",
                    reason=f"refresh:{rejected.reason}",
                    credential="token",
                )
            )
            raise

    def _refresh(self, refresh_token: str, by: str) -> TokenPair:
        used = self._refreshing.find(refresh_token)
        now = self._clock.now()
        token, text = self._refreshing.successor(used, now)
        new = NewPair(token, text, new_id(), self._lifetime_s)
        access = self._sign(new)
        event = new.event(EventType.TOKEN_REFRESHED, now, by or used.subject)
        try:
            stored = self._recorder.commit_with(
                event, lambda tables: self._refreshing.rotate(tables, used, token, now)
            )
        except RefreshUsed:
            # Banned already: said and recorded the first time.
            with contextlib.suppress(TokenRevoked):
                self._bans.ban_reused(used, by=by or "anonymous")
            raise RefreshReused(used.family) from None
        return self._paired(new, access, stored)

    # -- Revoking --

    def revoke(self, token_id: str, *, by: str, why: str = "") -> None:
        """Revoke one access token; its refresh token goes on (see ``revoke_family``)."""
        self._bans.ban_token(token_id, by=by, why=why)

    def revoke_family(self, family: str, *, by: str, why: str = "") -> None:
        """Revoke every access and refresh token of one sign-in: sign out."""
        self._bans.ban_family(family, by=by, why=why)

    def revoke_all(self, subject: str, *, by: str, why: str = "") -> None:
        """Revoke every token *subject* has. Tokens issued afterwards work at once.

        Tokens tell whole seconds, so everything of the present second is revoked with the past;
        a token issued later in the same second carries the next one.
        """
        self._bans.ban_subject(subject, by=by, why=why)

    def end_all(self, tables: Tables, subject: str) -> None:
        """Revoke every token *subject* has, in the caller's transaction, which tells why."""
        self._bans.ban_subject_in(tables, subject)

    # -- Inside --

    def _sign(self, new: NewPair) -> str:
        claims = new.claims(self._rules.issuer, self._rules.audience)
        payload = json.dumps(claims, separators=(",", ":"), ensure_ascii=False).encode()
        access = self.keys.signer.sign(_HEADER, payload)
        if len(access) > MAX_TOKEN_CHARS:
            raise InvalidValue("scopes", f"make the token longer than {MAX_TOKEN_CHARS} characters")
        return access

    def _paired(self, new: NewPair, access: str, stored: RefreshToken) -> TokenPair:
        """Return the pair; signs again where a ban of this very second moved the token's time."""
        if stored is not new.token:
            access = self._sign(replace(new, token=stored))
        return TokenPair(access, new.text, new.lifetime_s, new.token_id, stored.family)

    def _checked_lifetime(self, lifetime_s: int) -> int:
        if not 0 < lifetime_s <= self._rules.max_age_s:
            raise InvalidValue("lifetime_s", f"must be 1 to {self._rules.max_age_s} seconds")
        return lifetime_s


def _check_party(subject: str, tenant: str, kind: Kind) -> None:
    if not is_name(subject):
        raise InvalidValue("subject", "must be 1 to 255 visible characters")
    if tenant and not is_name(tenant):
        raise InvalidValue("tenant", "must be at most 255 visible characters")
    if kind is Kind.ANONYMOUS:
        raise InvalidValue("kind", "nobody cannot be given a token")


def _checked_scopes(scopes: Iterable[str] | None) -> frozenset[str] | None:
    if scopes is None:
        return None
    # A text is an iterable of letters, each of which would be a scope.
    checked = frozenset([scopes] if isinstance(scopes, str) else scopes)
    if not all(map(is_scope, checked)):
        raise InvalidValue("scopes", 'a scope is made of visible ASCII without space, " and \\')
    return checked
