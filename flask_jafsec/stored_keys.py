"""What is asked of stored API keys: by id, as a sorted and filtered list, in figures, in uses."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from flask_jafsec.records import ApiKey, KeyUse

#: What ends within this time is worth a look now. Source: console specification, B5.
SOON: Final = timedelta(days=14)

#: Whoever has not used a key for this long hardly needs it. Source: console specification, B5.
IDLE: Final = timedelta(days=90)

#: How long a key that has ended stays on the list. Source: console specification, B5.
LISTED: Final = timedelta(days=90)


class KeyStatus(StrEnum):
    """Which keys a list shows."""

    ACTIVE = "active"
    """They work now."""
    ALL = "all"
    """Every key there ever was."""
    ENDED = "ended"
    """Revoked, replaced or expired, but still listed."""
    EXPIRING = "expiring"
    LISTED = "listed"
    """All but those that ended long ago."""
    ROTATING = "rotating"
    """They work beside their successor."""
    UNUSED = "unused"
    WILDCARD = "wildcard"


class KeyOrder(StrEnum):
    """By what a list is sorted.

    A key that was never used comes before all others, one that never expires behind them.
    """

    CREATED = "created"
    EXPIRES = "expires"
    NAME = "name"
    USED = "used"


@dataclass(frozen=True, slots=True)
class KeySelection:
    """Which keys are meant, at one moment."""

    at: datetime
    status: KeyStatus = KeyStatus.LISTED
    text: str = ""
    """Part of a name, an owner or a scope, or how an id or a user's name begins; in lower case."""

    @property
    def soon(self) -> datetime:
        """Until when a key must end to be expiring."""
        return self.at + SOON

    @property
    def idle_since(self) -> datetime:
        """Since when a key must not have been used to be unused."""
        return self.at - IDLE

    @property
    def listed_since(self) -> datetime:
        """Keys that ended at or before this time are not listed any more."""
        return self.at - LISTED


class KeyPlace(NamedTuple):
    """A place in a sorted list: the value it is sorted by, and the id."""

    value: datetime | str | None
    id: str


@dataclass(frozen=True, slots=True)
class KeyWalk:
    """A way along the list."""

    order: KeyOrder = KeyOrder.USED
    ascending: bool = False
    beyond: KeyPlace | None = None
    """Where it goes on from, itself left out; None for the beginning."""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class KeyFigures:
    """How many keys there are of each kind."""

    listed: int = 0
    active: int = 0
    expiring: int = 0
    rotating: int = 0
    unused: int = 0
    wildcard: int = 0


class DayUse(NamedTuple):
    """How often a key was used in one of several times of 24 hours."""

    key_id: str
    day: int
    """0 for the first."""
    allowed: int
    refused: int


class KeyStore(Protocol):
    """Keeps API keys and how much they are used."""

    def find(self, key_id: str) -> ApiKey | None:
        """Return the key with this id, whatever its state."""

    def add(self, key: ApiKey) -> None:
        """Raises Conflict when the id is taken."""

    def replace(self, key: ApiKey) -> None:
        """Write all fields but ``last_used_at``. Raises NotFound."""

    def page(
        self, *, owner: str | None = None, after: str = "", limit: int = 100
    ) -> Sequence[ApiKey]:
        """Return keys in the order of their ids (oldest first), those after id *after*."""

    def walk(self, selection: KeySelection, walk: KeyWalk) -> Sequence[ApiKey]:
        """Return the selected keys along a walk."""

    def count(self, selection: KeySelection) -> int:
        """Return how many keys are selected."""

    def figures(self, at: datetime) -> KeyFigures:
        """Return how many keys there are of each kind."""

    def add_uses(self, uses: Iterable[KeyUse]) -> None:
        """Add the amounts to the hours, and move ``last_used_at`` forward, never back."""

    def uses(self, key_id: str, since: datetime) -> Sequence[KeyUse]:
        """Return the hours from *since* on, oldest first."""

    def day_uses(self, key_ids: Collection[str], since: datetime) -> Sequence[DayUse]:
        """Return the sums of every 24 hours from *since* on, where there are any."""


def works(key: ApiKey, at: datetime) -> bool:
    """Return whether the key can be used at this time."""
    ends = (key.ends_at, key.expires_at)
    return key.revoked_at is None and all(end is None or end > at for end in ends)


def is_expiring(key: ApiKey, at: datetime) -> bool:
    """Return whether a key that works expires soon."""
    return key.expires_at is not None and key.expires_at <= at + SOON


def is_unused(key: ApiKey, at: datetime) -> bool:
    """Return whether the key was not used for long, or, if ever, not since it was made."""
    return (key.last_used_at or key.created_at) <= at - IDLE


def has_wildcard(key: ApiKey) -> bool:
    """Return whether the key may do more than what its scopes name singly."""
    return any("*" in scope for scope in key.scopes)


def is_listed(key: ApiKey, at: datetime) -> bool:
    """Return whether the key has not ended long ago."""
    ends = (key.revoked_at, key.ends_at, key.expires_at)
    return all(end is None or end > at - LISTED for end in ends)
