"""Finds single events, and opens the sealed part for who may see it."""

from __future__ import annotations

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
    envelope: bytes = field(repr=False, default=b"")
    """The exact bytes that are hashed."""
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
            return self._opened(found, view.data_key if open_personal else None)

    def at_leaves(
        self, leaf_indexes: Sequence[int], *, open_personal: bool = False
    ) -> Mapping[int, OpenedEvent]:
        """Return the events at these leaves, with one question to the database for all of them.

        A leaf whose event is gone is left out. Raises StoreUnavailable.
        """
        if not leaf_indexes:
            return {}
        with self._store.reading() as view:
            found = view.at_leaves(leaf_indexes)
        keys = {key.ref: key for _, key in found if key is not None}
        opened = (self._opened(event, keys.get if open_personal else None) for event, _ in found)
        return {event.leaf_index: event for event in opened if event.leaf_index is not None}

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
            return [self._opened(event, None) for event in events[-limit:]]

    def subject_refs(self, text: str) -> Sequence[str]:
        """Return the references of a person or service; a reference stands for itself."""
        if text in NOBODY or is_id(text):
            return [text]
        lookups = [digest for _, digest in self._vault.lookups(text)]
        with self._search.searching() as search:
            return list(search.subject_refs(lookups))

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
        self, event: StoredEvent, find_key: Callable[[str], DataKey | None] | None
    ) -> OpenedEvent:
        """Return what an event tells; its personal part too where *find_key* is given."""
        row = event.row
        try:
            members = read(row.envelope)
        except EnvelopeInvalid:
            members = {"type": "damaged", "w": row.writer_id, "n": row.n}
        state, personal = self._personal(event, members, find_key)
        return OpenedEvent(members, event.leaf_index, state, row.envelope, personal)

    def _personal(
        self,
        event: StoredEvent,
        members: Mapping[str, Any],
        find_key: Callable[[str], DataKey | None] | None,
    ) -> tuple[Personal, Mapping[str, Any]]:
        if members.get("pdh") is None:
            return Personal.NONE, {}
        if find_key is None:
            return Personal.SEALED, {}
        if event.sealed is None:
            return Personal.ERASED, {}
        return self._unsealed(event.sealed, find_key(event.sealed.key_ref))

    def _unsealed(
        self, sealed: SealedRow, row: DataKey | None
    ) -> tuple[Personal, Mapping[str, Any]]:
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
