"""What the audit log keeps: one frozen value per table. How they are stored is not said here."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from flask_jafsec.events import Outcome

#: SHA-256 of nothing that exists: what the first envelope of a writer names as its predecessor.
NO_HASH: Final = bytes(32)

#: The end of the year 9999, in microseconds since 1970 UTC: no later time can be written down.
LAST_US: Final = 253_402_300_800_000_000 - 1

#: Outcomes as they stand in the search copies. A number once stored is never reused.
OUTCOME_NUMBER: Final = {Outcome.ALLOW: 1, Outcome.DENY: 2, Outcome.DONE: 3, Outcome.FAIL: 4}

#: Kinds of actors as they stand in the envelope, and their numbers in the search copies.
ACTOR_NUMBER: Final = {"anonymous": 0, "person": 1, "service": 2, "cli": 3, "system": 4}


class EventRow(NamedTuple):
    """One event as it is kept for ever. A tuple, because it goes to the driver as it is."""

    writer_id: str
    """16 hexadecimal digits."""
    n: int
    """1, 2, 3, ... of this writer."""
    envelope: bytes
    """The exact bytes that are hashed; never made anew from anything."""
    mac: bytes
    """HMAC-SHA-256 over the envelope."""
    mac_key: str
    """The id of the root key whose derived key made the MAC."""


class SealedRow(NamedTuple):
    """The personal part of one event, encrypted apart from its envelope. May be deleted."""

    writer_id: str
    n: int
    key_ref: str
    data: bytes
    """Nonce, ciphertext, tag. The envelope holds its SHA-256."""


class Subject(NamedTuple):
    """A person or service, under a random reference that says nothing about them."""

    ref: str
    lookup: bytes | None
    """Keyed index of who it is; None once erased. Two rows may share one, after a race."""
    lookup_key: str
    """The id of the root key the index was made under."""
    created_at: int
    """Microseconds since 1970 UTC, as all times of the log's tables."""


class DataKey(NamedTuple):
    """A wrapped key that seals personal parts: of one subject, or of one day's strangers."""

    ref: str
    kind: str
    """``subject`` or ``day``."""
    name: str
    """The subject's reference, or the day as ``2026-11-25``."""
    wrapped: bytes | None
    """None once destroyed."""
    kek_id: str
    """The id of the root key whose key-encryption key wraps it."""
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """One process that appends, from its start to its end. One chain of events each."""

    writer_id: str
    started_at: int
    host: str
    pid: int
    version: str
    sequenced_n: int = 0
    """The last of its numbers that is in the tree."""
    sequenced_hash: bytes = NO_HASH
    """SHA-256 of that envelope."""
    final_n: int | None = None
    """Its last number, when it said goodbye."""
    seen_at: int


@dataclass(frozen=True, slots=True)
class Head:
    """How far the tree has grown."""

    origin: str
    epoch: int
    size: int
    frontier: bytes
    """Hashes of the perfect subtrees, 32 bytes each, largest first."""


class Leaf(NamedTuple):
    """Which event stands where in the tree."""

    leaf_index: int
    writer_id: str
    n: int
    leaf_hash: bytes


class Node(NamedTuple):
    """A completed subtree of 2^height leaves; kept for heights 8, 16, 24, ... only."""

    height: int
    position: int
    hash: bytes


class Entry(NamedTuple):
    """The search copies of one event, derived from its envelope and checked against it."""

    leaf_index: int
    event_id: str
    ts: int
    type_id: int
    severity: int
    outcome: int
    actor_kind: int
    actor: str | None
    subject: str | None
    ip: str | None
    request: str | None
    key: str | None
    country: str | None
    words: str
    """Type, route rule, method, code and reason in lower case, for free text."""
    decisions: int
    """How many decisions this event stands for."""


class StoredLeaf(NamedTuple):
    """One leaf as stored, beside everything that must agree with it; parts may be missing.

    Flat, as the driver gives it: of millions of leaves that are verified, the parts of hardly any
    are looked at one by one.
    """

    leaf_index: int
    writer_id: str
    n: int
    leaf_hash: bytes
    envelope: bytes | None
    """None where the event is gone; so are its MAC and the MAC's key."""
    mac: bytes
    mac_key: str
    key_ref: str
    data: bytes | None
    """None where the sealed part is erased or was never there; so is its key."""
    is_readable: bool
    """Whether the key of the sealed part is there and not destroyed."""
    event_id: str | None
    """None where the search copies are gone, and all of them are."""
    ts: int
    actor: str | None
    subject: str | None
    ip: str | None
    request: str | None
    words: str
    type_id: int
    type_name: str | None
    """The name behind the search copies' type number."""
    severity: int
    outcome: int
    actor_kind: int
    key: str | None
    country: str | None
    decisions: int

    @property
    def leaf(self) -> Leaf:
        """The leaf itself."""
        return Leaf._make(self[:4])

    @property
    def row(self) -> EventRow | None:
        """The event it names; None if it is gone."""
        if self.envelope is None:
            return None
        return EventRow(self.writer_id, self.n, self.envelope, self.mac, self.mac_key)

    @property
    def entry(self) -> Entry | None:
        """Its search copies; None if they are gone."""
        if self.event_id is None:
            return None
        return Entry._make(getattr(self, name) for name in Entry._fields)

    @property
    def sealed(self) -> SealedRow | None:
        """Its sealed part; None if erased or never there."""
        if self.data is None:
            return None
        return SealedRow(self.writer_id, self.n, self.key_ref, self.data)


class Rollup(NamedTuple):
    """How many events and decisions fell into one bucket of time."""

    step: int
    """Seconds a bucket lasts: 300 or 3600."""
    bucket: int
    """Start of the bucket, in seconds since 1970 UTC."""
    type_id: int
    outcome: int
    severity: int
    events: int
    decisions: int


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A size of the tree, its root, and the signed note that says so."""

    size: int
    root: bytes
    created_at: int
    note: str


@dataclass(frozen=True, slots=True)
class ExportState:
    """How far one outward sink has come, and which process is at it."""

    sink: str
    next_leaf: int = 0
    ok_at: int | None = None
    """When the sink last took something."""
    error: str = ""
    """What went wrong since; empty when nothing did."""
    failures: int = 0
    """In a row."""
    owner: str = ""
    """The process that exports; others wait until its lease ends."""
    lease_until: int = 0


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event as read back, with its place and its sealed part, where there is one."""

    row: EventRow
    leaf_index: int | None
    """None while it waits to be sequenced."""
    sealed: SealedRow | None = field(repr=False, default=None)


def micros(at: datetime) -> int:
    """Return microseconds since 1970 UTC of an aware time; exact, unlike ``timestamp()``."""
    delta = at - _START
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


_START = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
