"""What stands in an event for persons and addresses, and the part that is sealed apart from it.

A person is a random reference that says nothing about them; an address is a keyed one that is good
for one day. Destroying a key makes both meaningless and leaves hashes and proofs as they were.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from secrets import randbits
from typing import Final, NamedTuple, Protocol

from flask_jafsec.audit.envelope import References, time_text
from flask_jafsec.audit.personal import ANONYMOUS, is_somebody, kind_of, personal_part
from flask_jafsec.audit.personal import NOBODY as NOBODY
from flask_jafsec.audit.rows import DataKey, SealedRow, Subject
from flask_jafsec.audit.store import AuditBatch
from flask_jafsec.errors import KeyUnavailable, SealBroken
from flask_jafsec.events import Event
from flask_jafsec.ids import encode, new_id

_log = logging.getLogger("flask_jafsec.audit")

#: Persons and keys that one process remembers. Above that all are looked up again.
MAX_REMEMBERED: Final = 10_000

#: How long a key is used before the database is asked whether it still exists, in microseconds of
#: the events' own time. Source: keys-and-privacy specification, 6.2.
KEY_LASTS_US: Final = 60_000_000

DAY_US: Final = 86_400_000_000

SUBJECT: Final = "subject"
DAY: Final = "day"


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


class _Caller(NamedTuple):
    """What an event's persons and address become, and the key that seals who they are."""

    ref: str
    kind: str
    whom: str | None
    ip: str | None
    known: _Known


class Referrer:
    """Gives references and seals personal parts, for one writer thread.

    What it makes anew is handed out by ``unsaved`` until ``saved`` says that it is kept.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._subjects: dict[str, str] = {}
        self._keys: dict[tuple[str, str], _Known] = {}
        self._addresses: dict[tuple[str, str], str] = {}
        # Whoever calls, calls again. Good until anybody is looked up anew, or a key is too old.
        self._callers: dict[tuple[object, ...], _Caller] = {}
        self._callers_until = 0
        self._new_subjects: dict[str, Subject] = {}
        self._new_keys: dict[str, DataKey] = {}

    def prepare(self, events: Sequence[tuple[Event, int]], batch: AuditBatch | None) -> None:
        """Look up or make everything that *events*, each with its time, refer to.

        Args:
            batch: Where to look; None while the database does not answer, and then whoever is not
                remembered gets a second reference, which is found beside the first one later.
        """
        now = max((ts for _, ts in events), default=0)
        self._forget_surplus()
        callers = self._callers
        if now < self._callers_until and all(_caller_of(*one) in callers for one in events):
            return
        people, days = set[str](), set[str]()
        for event, ts in events:
            people.update(text for text in (event.actor, event.subject) if is_somebody(text))
            days.add(_day(ts))
        callers.clear()
        self._callers_until = now + KEY_LASTS_US
        self._find_subjects([text for text in people if self._must_ask(text, now)], batch, now)
        self._find_keys(DAY, sorted(days), batch, now)
        self._find_keys(SUBJECT, sorted({self._subjects[text] for text in people}), batch, now)

    def seal(
        self, event: Event, ts: int, *, writer_id: str, n: int, origin: str
    ) -> tuple[References, SealedRow | None]:
        """Return what stands in the envelope, and the sealed part, if there is anything in it."""
        caller = _caller_of(event, ts)
        ref, kind, whom, ip, known = self._callers.get(caller) or self._meet(caller, event, ts)
        personal = personal_part(event)
        if not personal:
            return References(ref, kind, whom, ip), None
        data = known.key.seal(personal.encode(), place_of(origin, writer_id, n, known.ref))
        digest = hashlib.sha256(data).hexdigest()
        sealed = SealedRow(writer_id, n, known.ref, data)
        return References(ref, kind, whom, ip, digest, known.ref), sealed

    def _meet(self, caller: tuple[object, ...], event: Event, ts: int) -> _Caller:
        actor, subject = event.actor, event.subject
        day = self._keys[DAY, _day(ts)]
        ref = self._subjects[actor] if is_somebody(actor) else actor or ANONYMOUS
        whom = self._subjects[subject] if is_somebody(subject) else None
        ip = self._address(day, event.client) if event.client else None
        known = self._keys[SUBJECT, ref] if is_somebody(actor) else day
        met = _Caller(ref, kind_of(event), whom, ip, known)
        self._callers[caller] = met
        self._callers_until = min(self._callers_until, known.until, day.until)
        return met

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
        if batch is None:
            texts = [text for text in texts if text not in self._subjects]
        lookups = {text: self._vault.lookups(text) for text in texts}
        wanted = [digest for indexes in lookups.values() for _, digest in indexes]
        rows = batch.subjects(wanted) if batch and wanted else ()
        found = {row.lookup: row.ref for row in rows}
        for text, indexes in lookups.items():
            known = next((found[digest] for _, digest in indexes if digest in found), None)
            if known is None:
                known = self._unsaved_or_new(text, indexes[0], now)
            self._subjects[text] = known

    def _unsaved_or_new(self, text: str, index: tuple[str, bytes], now: int) -> str:
        known = self._subjects.get(text)
        if known is not None and known in self._new_subjects:
            return known
        # Nobody of that name, or not any more: whoever was erased is somebody new from then on.
        root_id, digest = index
        subject = Subject(random_ref(), digest, root_id, now)
        self._new_subjects[subject.ref] = subject
        return subject.ref

    def _find_keys(
        self, kind: str, names: Sequence[str], batch: AuditBatch | None, now: int
    ) -> None:
        stale = [name for name in names if self._is_stale(kind, name, now)]
        found = self._unwrapped(batch.data_keys(kind, stale), now) if batch and stale else {}
        for name in stale:
            known = found.get(name) or self._still_good(kind, name, batch)
            if known is None:
                self._make_key(kind, name, now)
            else:
                self._keys[kind, name] = known

    def _unwrapped(self, rows: Iterable[DataKey], now: int) -> dict[str, _Known]:
        """Return the oldest key of each name that can be used: all processes come to one.

        A key whose root key is gone, or that was damaged, must not stop the log: what it sealed
        stays unreadable, and what comes now is sealed under another one.
        """
        found: dict[str, _Known] = {}
        for row in rows:
            if row.wrapped is None or row.name in found:
                continue
            try:
                key = self._vault.unwrap(row.ref, row.wrapped, row.kek_id)
            except (KeyUnavailable, SealBroken) as error:
                _log.error("the data key %s cannot be used: %s", row.ref, error)
                continue
            found[row.name] = _Known(row.ref, key, now + KEY_LASTS_US)
        return found

    def _still_good(self, kind: str, name: str, batch: AuditBatch | None) -> _Known | None:
        """Return the remembered key where it need not be in the database.

        Better an old key than a second one, while nobody can be asked.
        """
        known = self._keys.get((kind, name))
        if known is not None and (batch is None or known.ref in self._new_keys):
            return known
        return None

    def _make_key(self, kind: str, name: str, now: int) -> None:
        ref = new_id(now // 1000)
        wrapped, kek_id, key = self._vault.make(ref)
        self._new_keys[ref] = DataKey(ref, kind, name, wrapped, kek_id, now)
        self._keys[kind, name] = _Known(ref, key, now + KEY_LASTS_US)

    def _must_ask(self, text: str, now: int) -> bool:
        ref = self._subjects.get(text)
        return ref is None or self._is_stale(SUBJECT, ref, now)

    def _is_stale(self, kind: str, name: str, now: int) -> bool:
        known = self._keys.get((kind, name))
        return known is None or now >= known.until

    def _address(self, day: _Known, address: str) -> str:
        known = self._addresses.get((day.ref, address))
        if known is None:
            known = self._addresses[day.ref, address] = address_ref(day.key, address)
        return known

    def _forget_surplus(self) -> None:
        if len(self._addresses) > MAX_REMEMBERED:
            self._addresses.clear()
        if len(self._callers) > MAX_REMEMBERED:
            self._callers.clear()
        if max(len(self._subjects), len(self._keys), len(self._new_keys)) > MAX_REMEMBERED:
            # What is not kept yet goes with the rest: no event that is kept refers to it.
            for known in (self._subjects, self._keys, self._new_subjects, self._new_keys):
                known.clear()
            self._callers.clear()


def address_ref(key: SealKey, address: str) -> str:
    """Return the reference of an address under the key of one day."""
    return encode(int.from_bytes(key.index(normal_address(address)), "big"))


@lru_cache(MAX_REMEMBERED)
def normal_address(address: str) -> str:
    """Return an address in its one form; what is none stays as it is.

    An IPv4 address inside IPv6 is the same caller, through a socket that takes both.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return address
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return (mapped or found).compressed


def place_of(origin: str, writer_id: str, n: int, key_ref: str) -> bytes:
    """Return what a sealed part is bound to, so that it opens beside its own event only."""
    return f"pd1\0{origin}\0{writer_id}\0{n}\0{key_ref}".encode()


def random_ref() -> str:
    """Return a reference of 128 random bits: it tells neither who nor when."""
    return encode(randbits(128))


def _caller_of(event: Event, ts: int) -> tuple[object, ...]:
    """Return all that decides about a ``_Caller``; addresses have another key every day."""
    return event.actor, event.subject, event.client, event.credential, ts // DAY_US


def _day(ts: int) -> str:
    return _day_text(ts // DAY_US)


@lru_cache(64)
def _day_text(days: int) -> str:
    return time_text(days * DAY_US)[:10]
