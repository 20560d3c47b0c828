"""What stands in an event for persons and addresses, and the part that is sealed apart from it.

A person is a random reference that says nothing about them; an address is a keyed one that is good
for one day. Destroying a key makes both meaningless and leaves hashes and proofs as they were.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import ip_address
from secrets import randbits
from typing import Final, NamedTuple, Protocol

from flask_jafsec.audit.envelope import (
    MAX_TEXT_CHARS,
    OPEN_FACTS,
    References,
    has_open_reason,
    time_text,
)
from flask_jafsec.audit.plain import canonical, clean_text, fitting, plain
from flask_jafsec.audit.rows import DataKey, SealedRow, Subject
from flask_jafsec.audit.store import AuditBatch
from flask_jafsec.events import Event
from flask_jafsec.ids import encode, new_id

#: Persons and keys that one process remembers. Above that all are looked up again.
MAX_REMEMBERED: Final = 10_000

#: Bytes of a sealed part at most.
MAX_SEALED_BYTES: Final = 6_000

#: How long a key is used before the database is asked whether it still exists, in microseconds of
#: the events' own time. Source: keys-and-privacy specification, 6.2.
KEY_LASTS_US: Final = 60_000_000

DAY_US: Final = 86_400_000_000

SUBJECT: Final = "subject"
DAY: Final = "day"

#: Actors that are nobody in particular.
NOBODY: Final = frozenset({"anonymous", "system"})


class SealKey(Protocol):
    """One data key (encryption/vault.py)."""

    def seal(self, text: bytes, place: bytes) -> bytes:
        """Return *text* sealed for this *place*."""

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """Return what was sealed at this *place*. Raises SealBroken."""

    def index(self, text: str) -> bytes:
        """Return a keyed reference of 16 bytes."""


class Vault(Protocol):
    """Makes and unwraps data keys (encryption/vault.py)."""

    def make(self, ref: str) -> tuple[bytes, str, SealKey]:
        """Return a new key wrapped, the id of the root key that wraps it, and the key."""

    def unwrap(self, ref: str, wrapped: bytes, root_id: str) -> SealKey:
        """Return a stored key. Raises KeyUnavailable, SealBroken."""

    def lookups(self, text: str) -> Sequence[tuple[str, bytes]]:
        """Return the blind indexes of a person with their root keys' ids, newest first."""


class _Known(NamedTuple):
    ref: str
    key: SealKey
    until: int


class Referrer:
    """Gives references and seals personal parts, for one writer thread.

    What it makes anew is handed out by ``unsaved`` until ``saved`` says that it is kept.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._subjects: dict[str, str] = {}
        self._keys: dict[tuple[str, str], _Known] = {}
        self._addresses: dict[tuple[str, str], str] = {}
        self._new_subjects: dict[str, Subject] = {}
        self._new_keys: dict[str, DataKey] = {}

    def prepare(self, events: Iterable[tuple[Event, int]], batch: AuditBatch | None) -> None:
        """Look up or make everything that *events*, each with its time, refer to.

        Args:
            batch: Where to look; None while the database does not answer, and then whoever is not
                remembered gets a second reference, which is found beside the first one later.
        """
        people, days, now = set[str](), set[str](), 0
        for event, ts in events:
            people.update(text for text in (event.actor, event.subject) if _is_somebody(text))
            days.add(_day(ts))
            now = max(now, ts)
        self._forget_surplus()
        self._find_subjects([text for text in people if text not in self._subjects], batch, now)
        self._find_keys(DAY, sorted(days), batch, now)
        self._find_keys(SUBJECT, sorted({self._subjects[text] for text in people}), batch, now)

    def seal(
        self, event: Event, ts: int, *, writer_id: str, n: int, origin: str
    ) -> tuple[References, SealedRow | None]:
        """Return what stands in the envelope, and the sealed part, if there is anything in it."""
        actor, subject = event.actor, event.subject
        day = self._keys[DAY, _day(ts)]
        ref = actor if actor in NOBODY else self._subjects[actor]
        whom = self._subjects[subject] if _is_somebody(subject) else None
        ip = self._address(day, event.client) if event.client else None
        kind = _kind_of(event)
        personal = _personal(event)
        if not personal:
            return References(ref, kind, whom, ip), None
        known = day if ref is actor else self._keys[SUBJECT, ref]
        data = known.key.seal(personal.encode(), place_of(origin, writer_id, n, known.ref))
        digest = hashlib.sha256(data).hexdigest()
        sealed = SealedRow(writer_id, n, known.ref, data)
        return References(ref, kind, whom, ip, digest, known.ref), sealed

    def unsaved(self) -> tuple[Sequence[Subject], Sequence[DataKey]]:
        """Return the subjects and keys that must be kept together with the next events."""
        return tuple(self._new_subjects.values()), tuple(self._new_keys.values())

    def saved(self, subjects: Iterable[Subject], keys: Iterable[DataKey]) -> None:
        """Take note that these are kept."""
        for subject in subjects:
            self._new_subjects.pop(subject.ref, None)
        for key in keys:
            self._new_keys.pop(key.ref, None)

    def _find_subjects(self, texts: Sequence[str], batch: AuditBatch | None, now: int) -> None:
        lookups = {text: self._vault.lookups(text) for text in texts}
        wanted = [digest for indexes in lookups.values() for _, digest in indexes]
        rows = batch.subjects(wanted) if batch and wanted else ()
        found = {row.lookup: row.ref for row in rows}
        for text, indexes in lookups.items():
            known = next((found[digest] for _, digest in indexes if digest in found), None)
            if known is None:
                root_id, digest = indexes[0]
                subject = Subject(random_ref(), digest, root_id, now)
                self._new_subjects[subject.ref] = subject
                known = subject.ref
            self._subjects[text] = known

    def _find_keys(
        self, kind: str, names: Sequence[str], batch: AuditBatch | None, now: int
    ) -> None:
        stale = [name for name in names if self._is_stale(kind, name, now)]
        if batch and stale:
            # The oldest of a name wins, so that all processes come to use the same one.
            rows = {row.name: row for row in reversed(batch.data_keys(kind, stale))}
            for row in rows.values():
                if row.wrapped is not None:
                    key = self._vault.unwrap(row.ref, row.wrapped, row.kek_id)
                    self._keys[kind, row.name] = _Known(row.ref, key, now + KEY_LASTS_US)
            stale = [name for name in stale if name not in rows]
        for name in stale:
            known = self._keys.get((kind, name))
            if batch is None and known is not None:
                continue  # better an old key than a second one, while nobody can be asked
            if known is not None and known.ref in self._new_keys:
                continue
            self._make_key(kind, name, now)

    def _make_key(self, kind: str, name: str, now: int) -> None:
        ref = new_id(now // 1000)
        wrapped, kek_id, key = self._vault.make(ref)
        self._new_keys[ref] = DataKey(ref, kind, name, wrapped, kek_id, now)
        self._keys[kind, name] = _Known(ref, key, now + KEY_LASTS_US)

    def _is_stale(self, kind: str, name: str, now: int) -> bool:
        known = self._keys.get((kind, name))
        return known is None or now >= known.until

    def _address(self, day: _Known, address: str) -> str:
        known = self._addresses.get((day.ref, address))
        if known is None:
            known = self._addresses[day.ref, address] = address_ref(day.key, address)
        return known

    def _forget_surplus(self) -> None:
        for known in (self._subjects, self._keys, self._addresses):
            if len(known) > MAX_REMEMBERED:
                known.clear()


def address_ref(key: SealKey, address: str) -> str:
    """Return the reference of an address under the key of one day."""
    return encode(int.from_bytes(key.index(normal_address(address)), "big"))


@lru_cache(MAX_REMEMBERED)
def normal_address(address: str) -> str:
    """Return an address in its one form; what is none stays as it is."""
    try:
        return ip_address(address).compressed
    except ValueError:
        return address


def place_of(origin: str, writer_id: str, n: int, key_ref: str) -> bytes:
    """Return what a sealed part is bound to, so that it opens beside its own event only."""
    return f"pd1\0{origin}\0{writer_id}\0{n}\0{key_ref}".encode()


def random_ref() -> str:
    """Return a reference of 128 random bits: it tells neither who nor when."""
    return encode(randbits(128))


def _is_somebody(text: str) -> bool:
    return bool(text) and text not in NOBODY


def _kind_of(event: Event) -> str:
    if event.actor in NOBODY:
        return event.actor
    if event.actor.startswith("cli:"):
        return "cli"
    return "service" if event.credential == "key" and event.actor.startswith("key:") else "person"


def _personal(event: Event) -> str:
    """Return the personal part as canonical JSON, everything the envelope may not hold; or "".

    The names stand in sorted order; ``_quoted`` bounds each, so that the whole fits.
    """
    extra = _extra(event) if event.facts or event.reason or event.personal else ""
    user = "" if event.actor in NOBODY else event.actor
    parts = (
        f'"extra":{extra}' if extra else "",
        f'"ip":{_quoted(event.client)}' if event.client else "",
        f'"subject_id":{_quoted(event.subject)}' if event.subject else "",
        f'"user_id":{_quoted(user)}' if user else "",
    )
    text = ",".join([part for part in parts if part])
    return f"{{{text}}}" if text else ""


def _extra(event: Event) -> str:
    extra = {name: value for name, value in event.facts.items() if name not in OPEN_FACTS}
    extra.update(event.personal)
    if event.reason and not has_open_reason(event):
        extra["reason"] = event.reason
    return fitting(plain(extra), MAX_SEALED_BYTES) if extra else ""


@lru_cache(MAX_REMEMBERED)
def _quoted(text: str) -> str:
    return canonical(clean_text(text, MAX_TEXT_CHARS))


def _day(ts: int) -> str:
    return _day_text(ts // DAY_US)


@lru_cache(64)
def _day_text(days: int) -> str:
    return time_text(days * DAY_US)[:10]
