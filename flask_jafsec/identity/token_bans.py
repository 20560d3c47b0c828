"""Writes bans on tokens, each in one transaction with its event. Who obeys them is elsewhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from flask_jafsec.errors import InvalidValue, TokenRevoked
from flask_jafsec.events import Event, EventType, Outcome, Severity
from flask_jafsec.identity.token_claims import MAX_ID_CHARS, MAX_NAME_CHARS, is_name
from flask_jafsec.ids import new_id
from flask_jafsec.protocols import Clock, Recorder, Tables
from flask_jafsec.records import RefreshToken, Revocation

#: Longest reason that can be given, in characters.
MAX_WHY_CHARS: Final = 200

_SECOND: Final = timedelta(seconds=1)


class Bans:
    """Bans tokens. Every ban raises the epoch, so that all processes hear of it.

    Args:
        access_s: Seconds the longest access token is accepted.
        refresh_s: Seconds the longest refresh token is accepted.
    """

    def __init__(
        self, recorder: Recorder, clock: Clock, *, access_s: float, refresh_s: float
    ) -> None:
        self._recorder = recorder
        self._clock = clock
        self._access = timedelta(seconds=access_s)
        self._longest = timedelta(seconds=access_s + refresh_s)

    def ban_token(self, token_id: str, *, by: str, why: str) -> None:
        """Ban one access token."""
        _check("token_id", token_id, MAX_ID_CHARS)
        now = self._clock.now()
        event = _event(EventType.TOKEN_REVOKED, now, by, why)
        self._recorder.commit_with(
            replace(event, facts={"token_id": token_id}),
            lambda tables: tables.tokens.revoke(
                Revocation(new_id(), tables.raise_epoch(), now + self._access, token_id=token_id)
            ),
        )

    def ban_family(self, family: str, *, by: str, why: str) -> None:
        """Ban every access and refresh token of one sign-in."""
        _check("family", family, MAX_ID_CHARS)
        now = self._clock.now()
        event = _event(EventType.TOKEN_REVOKED, now, by, why)
        self._recorder.commit_with(
            replace(event, facts={"family": family}),
            lambda tables: tables.tokens.revoke(
                Revocation(new_id(), tables.raise_epoch(), now + self._longest, family=family)
            ),
        )

    def ban_reused(self, token: RefreshToken, *, by: str) -> None:
        """Ban the family of *token*, which was used twice: one of its two bearers is a thief.

        Raises:
            TokenRevoked: It was banned already; nothing is written or recorded again.
        """
        now = self._clock.now()
        event = replace(
            _event(EventType.TOKEN_REUSED, now, by, "refresh_reused"),
            severity=Severity.CRITICAL,
            outcome=Outcome.DENY,
            subject=token.subject,
            tenant=token.tenant,
            facts={"family": token.family, "refresh_id": token.id},
        )

        def change(tables: Tables) -> None:
            # Raising the epoch first puts the callers that race here into one order.
            epoch = tables.raise_epoch()
            if tables.tokens.is_family_revoked(token.family):
                raise TokenRevoked("family_revoked")
            ends_at = now + self._longest
            tables.tokens.revoke(Revocation(new_id(), epoch, ends_at, family=token.family))

        self._recorder.commit_with(event, change)

    def ban_subject(self, subject: str, *, by: str, why: str) -> None:
        """Ban every token *subject* holds now; those issued afterwards work."""
        _check("subject", subject, MAX_NAME_CHARS)
        now = self._clock.now()
        event = replace(_event(EventType.TOKENS_REVOKED_ALL, now, by, why), subject=subject)
        self._recorder.commit_with(event, lambda tables: self.ban_subject_in(tables, subject))

    def ban_subject_in(self, tables: Tables, subject: str) -> None:
        """Ban every token *subject* holds now, in the caller's transaction and event."""
        epoch = tables.raise_epoch()
        # Tokens made in this second carry it, or a later one after an earlier ban: the
        # first second nobody carries yet is the one a new token would get.
        not_before = first_second(tables, subject, self._clock.now())
        ends_at = not_before + self._longest
        tables.tokens.revoke(
            Revocation(new_id(), epoch, ends_at, subject=subject, not_before=not_before)
        )


def first_second(tables: Tables, subject: str, now: datetime) -> datetime:
    """Return the second a new token of *subject* carries: this one, or the first not banned.

    Tokens count whole seconds, and a ban reaches everything issued in or before its second. So
    a token made later in that second carries the next one.
    """
    this_second = now.astimezone(UTC).replace(microsecond=0)
    not_before = tables.tokens.subject_not_before(subject)
    if not_before is None or not_before < this_second:
        return this_second
    return not_before.replace(microsecond=0) + _SECOND


def _event(event_type: EventType, at: datetime, by: str, why: str) -> Event:
    _check("by", by, MAX_NAME_CHARS)
    if len(why) > MAX_WHY_CHARS or not why.isprintable():
        raise InvalidValue("why", f"must be at most {MAX_WHY_CHARS} visible characters")
    return Event(
        id=new_id(),
        type=event_type,
        at=at,
        severity=Severity.NOTICE,
        actor=by,
        credential="token",
        reason=why,
    )


def _check(field: str, value: str, max_chars: int) -> None:
    if not is_name(value, max_chars):
        raise InvalidValue(field, f"must be 1 to {max_chars} visible characters")
