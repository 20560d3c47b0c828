"""What can be plugged in, each shape small enough to write by hand in a test."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

from flask_jafsec.events import Event
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

T = TypeVar("T")


class Clock(Protocol):
    """Tells the time. Handed in everywhere, so that tests never wait."""

    def now(self) -> datetime:
        """Return the aware UTC time."""

    def time(self) -> float:
        """Return seconds since 1970 UTC; the same instant as ``now()``, cheaper."""

    def monotonic(self) -> float:
        """Return seconds on a clock that never jumps; for durations."""


class Derive(Protocol):
    """Derives keys from the root keys (encryption/keyring.py)."""

    @property
    def active(self) -> str:
        """The id of the root key that new things are made with."""

    @property
    def root_ids(self) -> tuple[str, ...]:
        """The ids of all root keys, newest first; all but the first only verify."""

    def derive(self, purpose: str, root_id: str, context: str = "") -> bytes:
        """Return 32 bytes for one purpose; the same for the same arguments.

        Raises:
            KeyError: No such root key.
        """


class Sink(Protocol):
    """Somewhere events go: a log, a file, a collector."""

    def write(self, events: Sequence[Event]) -> None:
        """Write *events*, in order. Called off the request's own time, from one thread."""


class Recorder(Protocol):
    """Takes events. The one door to the audit log for every service."""

    def record(self, event: Event) -> None:
        """Take *event*. One of class change is durable when this returns; others never wait.

        Raises:
            AuditUnavailable: It could not be made durable, so nothing may be answered as done.
        """

    def commit_with(self, event: Event, change: Callable[[Tables], T]) -> T:
        """Run *change* in one transaction and record *event* with it; both or neither.

        *change* writes through the tables it is given and waits for nothing else.

        Raises:
            StoreUnavailable: Nothing was changed.
        """


class Allowance(NamedTuple):
    """What a rate says about one request. A tuple, because one is made for every request."""

    name: str
    allowed: bool
    limit: int
    """How many fit into the window."""
    window_s: int
    remaining: int
    retry_after_s: float
    """Seconds until the refused request would be allowed; 0.0 when allowed."""
    reset_after_s: float
    """Seconds until the whole limit is available again."""


class RateStore(Protocol):
    """Keeps the state of rates."""

    def take(
        self, key: str, limit: int, window_s: int, cost: int = 1
    ) -> tuple[bool, int, float, float]:
        """Take *cost* from the rate kept under *key*.

        Returns:
            allowed, remaining, retry_after_s, reset_after_s (see ``Allowance``).

        Raises:
            StoreUnavailable: The store did not answer in time.
        """


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

    def add_uses(self, uses: Iterable[KeyUse]) -> None:
        """Add the amounts to the hours, and move ``last_used_at`` forward, never back."""

    def uses(self, key_id: str, since: datetime) -> Sequence[KeyUse]:
        """Return the hours from *since* on, oldest first."""


class RoleStore(Protocol):
    """Keeps roles that were defined while running, and who holds which role."""

    def find(self, name: str) -> Role | None:
        """Return the stored role of this name."""

    def all(self) -> Sequence[Role]:
        """Return every stored role, by name."""

    def put(self, role: Role) -> None:
        """Add the role, or replace what it grants."""

    def remove(self, name: str) -> None:
        """Remove the role and every grant of it. Raises NotFound."""

    def grant(self, grant: Grant) -> bool:
        """Return whether it was new; granting twice changes nothing."""

    def withdraw(self, subject: str, role: str) -> bool:
        """Return whether there was such a grant."""

    def roles_of(self, subject: str) -> frozenset[str]:
        """Return the names of the roles the subject holds."""

    def holders_of(self, role: str) -> Sequence[str]:
        """Return the subjects holding *role*, sorted."""


class UserStore(Protocol):
    """Keeps the built-in users."""

    def find(self, user_id: str) -> User | None:
        """Return the user with this id."""

    def find_named(self, name_key: str) -> User | None:
        """Return the user whose name has this one form."""

    def find_all(self, user_ids: Iterable[str]) -> Sequence[User]:
        """Return those of these users that there are, in any order."""

    def add(self, user: User) -> None:
        """Raises Conflict when the id or the name is taken."""

    def replace(self, user: User) -> None:
        """Raises NotFound."""

    def page(self, *, after: str = "", limit: int = 100) -> Sequence[User]:
        """Return users in the order of their ids, those after *after*."""


class TokenStore(Protocol):
    """Keeps refresh tokens and bans on tokens."""

    def add_refresh(self, token: RefreshToken) -> None:
        """Keep a new refresh token."""

    def find_refresh(self, token_id: str) -> RefreshToken | None:
        """Return the refresh token with this id, used or not."""

    def use_refresh(self, token_id: str, used_at: datetime) -> bool:
        """Mark it used; return whether this call was the first to do so (atomic)."""

    def revoke(self, revocation: Revocation) -> None:
        """Keep a ban."""

    def revocations(self, *, newer_than: int, at: datetime) -> Sequence[Revocation]:
        """Return bans of epochs above *newer_than* that still matter at *at*."""

    def is_family_revoked(self, family: str) -> bool:
        """Return whether there is a ban on the family."""

    def subject_not_before(self, subject: str) -> datetime | None:
        """Return the newest ``not_before`` of the subject's bans, if any."""

    def prune(self, before: datetime) -> int:
        """Forget refresh tokens and bans that ended before; return how many."""


class SessionStore(Protocol):
    """Keeps browser sessions of the built-in users."""

    def find(self, digest: bytes) -> Session | None:
        """Return the session of this cookie's digest, ended or not."""

    def add(self, session: Session) -> None:
        """Keep a new session."""

    def replace(self, session: Session) -> None:
        """Raises NotFound."""

    def end_all(self, user_id: str, at: datetime) -> int:
        """End every live session of the user; return how many there were."""

    def prune(self, before: datetime) -> int:
        """Forget sessions that expired before; return how many."""


class FactStore(Protocol):
    """Keeps single small facts about the installation (its fingerprint, its schema)."""

    def get(self, name: str) -> str | None:
        """Return the fact, or None."""

    def put(self, name: str, value: str) -> None:
        """Keep the fact in the place of an older one."""


class Tables(Protocol):
    """All stores, bound to one transaction."""

    @property
    def keys(self) -> KeyStore:
        """API keys."""

    @property
    def roles(self) -> RoleStore:
        """Roles and grants."""

    @property
    def users(self) -> UserStore:
        """Built-in users."""

    @property
    def tokens(self) -> TokenStore:
        """Refresh tokens and bans."""

    @property
    def sessions(self) -> SessionStore:
        """Browser sessions."""

    @property
    def facts(self) -> FactStore:
        """Facts about the installation."""

    def raise_epoch(self) -> int:
        """Raise the number that tells every process to forget what it remembers; return it.

        Transactions that raise it are in one order, so a higher number is a later commit.
        """


class Store(Protocol):
    """One database for everything that must last."""

    def reading(self) -> AbstractContextManager[Tables]:
        """Open the tables for reading. Raises StoreUnavailable."""

    def writing(self) -> AbstractContextManager[Tables]:
        """Open one transaction: committed at the end, undone by any exception.

        Raises:
            StoreUnavailable: The database did not answer, or refuses to write.
        """

    def epoch(self) -> int:
        """Return the present epoch. Raises StoreUnavailable."""

    def close(self) -> None:
        """Let go of every connection; the store opens new ones when used again."""
