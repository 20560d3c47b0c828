"""Who appears in the story, under the ids that the services gave them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_jafsec.records import ApiKey

from .key_plans import KeyPlan


@dataclass(frozen=True, slots=True)
class Held:
    """One key of a plan, from its making to its end."""

    plan: KeyPlan
    key: ApiKey
    """As it stands at the end of the story."""

    @property
    def subject(self) -> str:
        """Whom its bearer acts for."""
        return self.key.owner or f"key:{self.key.id}"

    @property
    def until(self) -> datetime | None:
        """When it stopped working, or will."""
        ends = (self.key.revoked_at, self.key.ends_at, self.key.expires_at)
        return min((at for at in ends if at is not None), default=None)

    def works_at(self, at: datetime) -> bool:
        """Return whether it was good then."""
        return self.key.created_at <= at and (self.until is None or at < self.until)

    @property
    def ended_as(self) -> str:
        """The reason with which it is refused after its end."""
        if self.key.revoked_at is not None:
            return "key_revoked"
        return "key_expired" if self.key.ends_at is None else "key_rotated"


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody of the story."""

    people: Mapping[str, str]
    """Subjects by name."""
    keys: Mapping[str, Sequence[Held]]
    """Keys by the name they share, oldest first."""
    token_kid: str
    """The name of the key that signs access tokens."""

    def labels(self) -> dict[str, str]:
        """Return a name for every id of the cast: the ids differ from one telling to the next."""
        named = {subject: name for name, subject in self.people.items()}
        for name, keys in self.keys.items():
            named |= {held.key.id: f"{name}/{number}" for number, held in enumerate(keys)}
        return named
