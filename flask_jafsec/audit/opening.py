"""Finds single events, and opens the sealed part for who may see it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from flask_jafsec.audit.envelope import EnvelopeInvalid, read
from flask_jafsec.audit.kinds import fitted
from flask_jafsec.audit.references import (
    NOBODY,
    Vault,
    address_ref,
    normal_address,
    place_of,
)
from flask_jafsec.audit.rows import DataKey, SealedRow, StoredEvent
from flask_jafsec.audit.search_store import SearchStore
from flask_jafsec.audit.store import AuditStore
from flask_jafsec.errors import KeyUnavailable, NotFound, SealBroken
from flask_jafsec.ids import is_id

#: Days of addresses that one search looks through; each day has a key of its own.
MAX_DAYS: Final = 400

_NOTHING: Final[Mapping[str, Any]] = {}

_FindKey = Callable[[str], DataKey | None]

_START: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Personal(StrEnum):
    """What became of the personal part of an event."""

    ERASED = "erased"
    """Its key is destroyed, or the part itself is gone."""
    NONE = "none"
    OPENED = "opened"
    SEALED = "sealed"
    """It is there, and nobody asked for it."""
    UNREADABLE = "unreadable"
    """The root key is not configured, or the part was changed."""


@dataclass(frozen=True, slots=True)
class OpenedEvent:
    """One event, as its envelope tells it."""

    members: Mapping[str, Any]
    leaf_index: int | None
    """Its place in the tree; None while it waits to be sequenced."""
    state: Personal
    digest: str = ""
    """SHA-256 of the envelope, in hexadecimal: what the next event of its writer names."""
    personal: Mapping[str, Any] = field(default_factory=dict, repr=False)


class Opener:
    """Finds events, and the references that persons and addresses are found by."""

    def __init__(self, store: AuditStore, search: SearchStore, vault: Vault, origin: str) -> None:
        self._store = store
        self._search = search
        self._vault = vault
        self._origin = origin

    def find(self, event_id: str, *, open_personal: bool = False) -> OpenedEvent:
        """Return one event, sequenced or not.

        Raises:
            NotFound: No event has this id. One that is still being counted has no entry yet.
        """
        wanted = event_id.strip().upper().removeprefix("EVT_")
        with self._store.reading() as view:
            found = view.find(wanted) if is_id(wanted) else None
            if found is None:
                raise NotFound("event", event_id)
            return self._opened(view.data_key, found, open_personal=open_personal)

    def at(self, leaves: Sequence[int], *, open_personal: bool = False) -> dict[int, OpenedEvent]:
        """Return the events of a list by their leaves; without those that are gone.

        Asks the database twice, however many they are.
        """
        if not leaves:
            return {}
        with self._store.reading() as view:
            events = view.events_at(leaves)
            refs = {event.sealed.key_ref for event in events if event.sealed}
            rows = view.data_keys(sorted(refs)) if open_personal and refs else []
        keys = {row.ref: row for row in rows}
        opened = (self._opened(keys.get, event, open_personal=open_personal) for event in events)
        return {one.leaf_index: one for one in opened if one.leaf_index is not None}

    def newest(self, limit: int) -> Sequence[OpenedEvent]:
        """Return up to *limit* of the newest events, oldest first, waiting ones at the end."""
        with self._store.reading() as view:
            head = view.head()
            size = fitted(head)[0].size if head else 0
            first = max(0, size - limit)
            leaves = view.leaves(first, size - first)
            events = [StoredEvent(leaf.row, leaf.leaf_index) for leaf in leaves if leaf.row]
            for writer in view.writers():
                events += view.waiting(writer.writer_id, writer.sequenced_n, limit)
            recent = events[-limit:]
            return [self._opened(view.data_key, event, open_personal=False) for event in recent]

    def subject_refs(self, text: str) -> Sequence[str]:
        """Return the references of a person or service; a reference stands for itself.

        The id of a built-in user looks like a reference, so what may be either is taken as both.
        """
        if text in NOBODY:
            return [text]
        lookups = [digest for _, digest in self._vault.lookups(text)]
        with self._search.searching() as search:
            refs = list(search.subject_refs(lookups))
        return [*refs, text] if is_id(text) else refs

    def address_refs(self, address: str, from_us: int, to_us: int) -> Sequence[str]:
        """Return the references of an address, one for every day of the range that has a key."""
        last = _day_of(to_us)
        first = max(_day_of(from_us), last - timedelta(days=MAX_DAYS))
        with self._search.searching() as search:
            keys = search.day_keys(f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}")
        refs = []
        for row in keys:
            try:
                key = self._vault.unwrap(row.ref, row.wrapped or b"", row.kek_id)
            except (KeyUnavailable, SealBroken):
                continue  # a day nobody can read any more has no address to be found by
            refs.append(address_ref(key, normal_address(address)))
        return refs

    def _opened(
        self, find_key: _FindKey, event: StoredEvent, *, open_personal: bool
    ) -> OpenedEvent:
        try:
            members = read(event.row.envelope)
        except EnvelopeInvalid:
            members = {"type": "damaged", "w": event.row.writer_id, "n": event.row.n}
        state, personal = Personal.SEALED, _NOTHING
        if members.get("pdh") is None:
            state = Personal.NONE
        elif open_personal and event.sealed is None:
            state = Personal.ERASED
        elif open_personal and event.sealed is not None:
            state, personal = self._unsealed(find_key, event.sealed)
        digest = hashlib.sha256(event.row.envelope).hexdigest()
        return OpenedEvent(members, event.leaf_index, state, digest, personal)

    def _unsealed(
        self, find_key: _FindKey, sealed: SealedRow
    ) -> tuple[Personal, Mapping[str, Any]]:
        row = find_key(sealed.key_ref)
        if row is None or row.wrapped is None:
            return Personal.ERASED, {}
        place = place_of(self._origin, sealed.writer_id, sealed.n, sealed.key_ref)
        try:
            key = self._vault.unwrap(row.ref, row.wrapped, row.kek_id)
            return Personal.OPENED, json.loads(key.open(sealed.data, place))
        except (KeyUnavailable, SealBroken):
            return Personal.UNREADABLE, {}


def _day_of(micros: int) -> datetime:
    return _START + timedelta(days=micros // 86_400_000_000)
