"""What must hold before a key is made, rotated or ended, and what is recorded of it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from flask_jafsec.errors import Conflict, InvalidValue, NotFound
from flask_jafsec.events import Event, EventType
from flask_jafsec.identity.names import check_line
from flask_jafsec.identity.permissions import Actor, require_held
from flask_jafsec.ids import new_id
from flask_jafsec.protocols import Tables
from flask_jafsec.records import ApiKey

#: Who holds it may mint and rotate keys that act for others.
WRITE_KEYS: Final = "jafsec:keys:write"

#: What a person writes who ends a key for good. Source: console specification, B4 (level 3).
MIN_REASON_CHARS: Final = 10
MAX_REASON_CHARS: Final = 500


class RevokedAlready(Conflict):
    """Somebody else was quicker; ``key`` is as they left it."""

    code = "key_revoked_already"

    def __init__(self, key: ApiKey) -> None:
        self.key = key
        super().__init__("the key is revoked")


def stored(tables: Tables, key_id: str) -> ApiKey:
    """Return the key, whatever its state. Raises NotFound."""
    key = tables.keys.find(key_id)
    if key is None:
        raise NotFound("key", key_id)
    return key


def check_reason(text: str) -> str:
    """Return *text* if it can be the reason that a person gives. Raises InvalidValue."""
    if len(text.strip()) < MIN_REASON_CHARS:
        raise InvalidValue("why", f"must be at least {MIN_REASON_CHARS} characters")
    return check_line("why", text.strip(), max_chars=MAX_REASON_CHARS)


def require_may_hold(actor: Actor, key: ApiKey) -> None:
    """Refuse to hand *actor* the secret of a key that is, or may do, more than they.

    Whoever has a key with an owner is that subject, and passes every ``owner=`` rule as they do.

    Raises:
        GrantExceeded: They lack something.
    """
    is_for_another = bool(key.owner) and key.owner != actor.name
    require_held(actor, {*key.scopes, WRITE_KEYS} if is_for_another else key.scopes)


def require_rotatable(key: ApiKey, now: datetime) -> None:
    """Refuse to rotate a key that has ended, or has a successor. Raises Conflict."""
    if key.revoked_at is not None:
        raise Conflict("the key is revoked; mint a new one")
    if key.rotated_at is not None:
        raise Conflict(f"the key was rotated already; its successor is {key.successor}")
    if key.expires_at is not None and now >= key.expires_at:
        raise Conflict("the key has expired; mint a new one")


def require_overlapping(key: ApiKey, now: datetime, seen: datetime | None) -> None:
    """Refuse to move the end of a key that does not work beside its successor.

    Args:
        seen: The end that whoever asks has seen; None for any.

    Raises:
        Conflict: It does not; or somebody has moved the end meanwhile.
    """
    if key.revoked_at is not None:
        raise Conflict("the key is revoked already")
    if key.ends_at is None:
        raise Conflict("the key was not rotated, so there is no old key to end; revoke it")
    if now >= key.ends_at or (key.expires_at is not None and now >= key.expires_at):
        raise Conflict("the old key has ended already")
    if seen is not None and seen != key.ends_at:
        moved = f"{key.ends_at:%Y-%m-%d %H:%M} UTC"
        raise Conflict(f"somebody has moved the end of the old key to {moved} meanwhile")


def end_of_overlap(key: ApiKey, until: datetime, now: datetime) -> datetime:
    """Return *until* if the old key can end then. Raises InvalidValue."""
    if until.utcoffset() is None or until <= now:
        raise InvalidValue("until", "must be an aware time in the future")
    if key.expires_at is not None and until > key.expires_at:
        raise InvalidValue("until", f"the key expires on {key.expires_at:%Y-%m-%d %H:%M} UTC")
    return until


def event_of(event_type: EventType, at: datetime, by: Actor, key: ApiKey, **facts: object) -> Event:
    """Return what is recorded of a change; nothing of the secret or its digest is in it."""
    return Event(
        id=new_id(),
        type=event_type,
        at=at,
        actor=by.name,
        key_id=key.id,
        subject=key.owner,
        tenant=key.tenant,
        facts={
            "name": key.name,
            "scopes": sorted(key.scopes),
            "environment": str(key.environment),
            "owner": key.owner,
            **facts,
        },
    )
