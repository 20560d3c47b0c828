"""Roles, keys and users on dictionaries, with a clock that stands still; no tests live here."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NoReturn, TypeVar

from argon2 import PasswordHasher

from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.events import Event, EventType
from flask_jafsec.identity.access import Access
from flask_jafsec.identity.api_keys import ApiKeys
from flask_jafsec.identity.passwords import Passwords
from flask_jafsec.identity.permissions import Actor
from flask_jafsec.identity.roles import Roles
from flask_jafsec.identity.users import Users
from flask_jafsec.protocols import Store, Tables
from flask_jafsec.stores.memory import MemoryStore

T = TypeVar("T")

OPERATOR = Actor.operator("cli:tests")
GOOD = "correct horse battery staple"
HOME = "192.0.2.7"

BUILT_IN = {
    "administrator": frozenset({"jafsec:*", "*"}),
    "reader": frozenset({"agent:read"}),
    "manager": frozenset({"agent:*"}),
}


def actor(*permissions: str, name: str = "ann") -> Actor:
    return Actor(name, frozenset(permissions))


class StillClock:
    """Time passes only when ``advance`` is called. (flask_jafsec.testing's would bring Flask.)"""

    def __init__(self, at: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC)) -> None:
        self._at = at
        self._monotonic = 1_000.0

    def now(self) -> datetime:
        return self._at

    def time(self) -> float:
        return self._at.timestamp()

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        self._at += timedelta(seconds=seconds)
        self._monotonic += seconds


class Roots:
    """Derives keys from named roots, newest first, and counts how often."""

    def __init__(self, *root_ids: str) -> None:
        self.root_ids = root_ids or ("r1",)
        self.derived: list[tuple[str, str]] = []

    @property
    def active(self) -> str:
        return self.root_ids[0]

    def derive(self, purpose: str, root_id: str, context: str = "") -> bytes:
        if root_id not in self.root_ids:
            raise KeyError(root_id)
        self.derived.append((purpose, root_id))
        return hashlib.sha256(f"{purpose}\0{root_id}\0{context}".encode()).digest()


class CountingHasher(PasswordHasher):
    """argon2id as cheap as it gets; counts, with the parameters that were asked for."""

    def __init__(self, time_cost: int = 1) -> None:
        super().__init__(time_cost=time_cost, memory_cost=8, parallelism=1)
        self.hashed = 0
        self.verified: list[str] = []

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.hashed += 1
        return super().hash(password, salt=salt)

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]  # the real one returns True or raises
        self.verified.append(str(hash).rsplit("$", 2)[0])
        return super().verify(hash, password)


@dataclass
class Notebook:
    """Carries changes out and keeps events, like the trail without its thread."""

    store: Store
    events: list[Event] = field(default_factory=list)

    def record(self, event: Event) -> None:
        self.events.append(event)

    def commit_with(self, event: Event, change: Callable[[Tables], T]) -> T:
        with self.store.writing() as tables:
            result = change(tables)
        self.events.append(event)
        return result

    def of(self, event_type: EventType) -> list[Event]:
        return [event for event in self.events if event.type is event_type]


class WatchedStore:
    """A store in memory that counts how often it is opened, and can be down."""

    def __init__(self) -> None:
        self.inner = MemoryStore()
        self.reads = 0
        self.writes = 0
        self.is_down = False
        self.cannot_write = False
        self._lock = threading.Lock()

    def reading(self) -> AbstractContextManager[Tables]:
        with self._lock:
            self.reads += 1
        if self.is_down:
            raise StoreUnavailable("down")
        return self.inner.reading()

    def writing(self) -> AbstractContextManager[Tables]:
        with self._lock:
            self.writes += 1
        if self.is_down or self.cannot_write:
            raise StoreUnavailable("down")
        return self.inner.writing()

    def epoch(self) -> int:
        return self.inner.epoch()

    def close(self) -> None:
        self.inner.close()


class UntouchableStore:
    """A store nobody may open."""

    def reading(self) -> NoReturn:
        raise AssertionError("the store was read")

    def writing(self) -> NoReturn:
        raise AssertionError("the store was written")

    def epoch(self) -> NoReturn:
        raise AssertionError("the epoch was read")

    def close(self) -> None:
        pass


@dataclass
class House:
    """Everything, put together."""

    store: WatchedStore
    notebook: Notebook
    clock: StillClock
    roots: Roots
    hasher: CountingHasher
    roles: Roles
    access: Access
    keys: ApiKeys
    users: Users

    @property
    def generation(self) -> int:
        return self.store.epoch()

    def may(self, subject: str) -> frozenset[str]:
        return self.access.permissions_of(subject, self.generation)

    def another(self, **changed: object) -> House:
        """Return another process on the same store and clock."""
        return make_house(store=self.store, clock=self.clock, notebook=self.notebook, **changed)  # type: ignore[arg-type]  # handed on


def make_house(
    *,
    store: WatchedStore | None = None,
    clock: StillClock | None = None,
    notebook: Notebook | None = None,
    roots: Roots | None = None,
    built_in: Mapping[str, frozenset[str]] = BUILT_IN,
    load_roles: Callable[[str], Iterable[str]] | None = None,
    hasher: CountingHasher | None = None,
    environment: str = "live",
    max_remembered: int = 10_000,
) -> House:
    store = store or WatchedStore()
    clock = clock or StillClock()
    notebook = notebook or Notebook(store)
    roots = roots or Roots()
    hasher = hasher or CountingHasher()
    roles = Roles(store, notebook, clock, built_in)
    access = Access(store, built_in, clock, load_roles=load_roles, max_remembered=max_remembered)
    keys = ApiKeys(
        store,
        notebook,
        roots,
        clock,
        access,
        environment=environment,
        check_rate=_check_rate,
        max_remembered=max_remembered,
    )
    users = Users(store, notebook, Passwords(hasher=hasher), clock, roots, roles, access)
    return House(store, notebook, clock, roots, hasher, roles, access, keys, users)


def _check_rate(text: str) -> str:
    if text != "100/minute":
        raise ValueError("is no rate")
    return text
