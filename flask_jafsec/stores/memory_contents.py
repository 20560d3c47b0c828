"""What the memory store keeps, as one value that transactions copy."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.records import (
    ApiKey,
    Grant,
    KeyUse,
    RefreshToken,
    Revocation,
    Role,
    Session,
    User,
)


@dataclass(slots=True)
class Contents:
    """Everything that is kept, at one moment."""

    is_open: bool = False
    """Whether a transaction may change it."""
    epoch: int = 0
    keys: dict[str, ApiKey] = field(default_factory=dict)
    uses: dict[tuple[str, datetime], KeyUse] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    grants: dict[tuple[str, str], Grant] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    refreshes: dict[str, RefreshToken] = field(default_factory=dict)
    revocations: dict[str, Revocation] = field(default_factory=dict)
    sessions: dict[bytes, Session] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)

    def copy(self) -> Contents:
        """Return a copy that may be changed; records are frozen, so they are shared."""
        return Contents(
            is_open=True,
            epoch=self.epoch,
            keys=dict(self.keys),
            uses=dict(self.uses),
            roles=dict(self.roles),
            grants=dict(self.grants),
            users=dict(self.users),
            refreshes=dict(self.refreshes),
            revocations=dict(self.revocations),
            sessions=dict(self.sessions),
            facts=dict(self.facts),
        )

    def change(self) -> Contents:
        """Return itself, if it may be changed. Raises StoreUnavailable."""
        if not self.is_open:
            raise StoreUnavailable("these tables were opened for reading, or have been closed")
        return self
