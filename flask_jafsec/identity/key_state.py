"""What may be said of a key in one word."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from flask_jafsec.records import ApiKey
from flask_jafsec.stored_keys import is_expiring, is_unused

#: Whoever revokes a key that somebody used in this time types its name.
#: Source: console specification, B5.
IN_USE: Final = timedelta(days=7)


class KeyState(StrEnum):
    """The first that is true, in this order: what has ended stays ended for its first reason."""

    REVOKED = "revoked"
    ROTATED = "rotated"
    """Its successor works, it does not any more."""
    EXPIRED = "expired"
    ROTATING = "rotating"
    """It still works beside its successor."""
    EXPIRING = "expiring"
    """It works, and expires within 14 days."""
    UNUSED = "unused"
    """It works, and nobody has used it for 90 days."""
    ACTIVE = "active"

    @property
    def has_ended(self) -> bool:
        """Whether the key does not work any more."""
        return self in (KeyState.REVOKED, KeyState.ROTATED, KeyState.EXPIRED)


def state_of(key: ApiKey, at: datetime) -> KeyState:
    """Return the state of *key* at this time."""
    if key.revoked_at is not None:
        return KeyState.REVOKED
    if key.ends_at is not None and at >= key.ends_at:
        return KeyState.ROTATED
    if key.expires_at is not None and at >= key.expires_at:
        return KeyState.EXPIRED
    if key.ends_at is not None:
        return KeyState.ROTATING
    if is_expiring(key, at):
        return KeyState.EXPIRING
    return KeyState.UNUSED if is_unused(key, at) else KeyState.ACTIVE


def ended_at(key: ApiKey, at: datetime) -> datetime | None:
    """Return when a key that does not work any more stopped working."""
    ends = [end for end in (key.revoked_at, key.ends_at, key.expires_at) if end and end <= at]
    return min(ends, default=None)


def is_in_use(key: ApiKey, at: datetime) -> bool:
    """Return whether somebody may miss the key: it was used within seven days."""
    return key.last_used_at is not None and key.last_used_at > at - IN_USE
