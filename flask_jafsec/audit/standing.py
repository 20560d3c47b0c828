"""How far the log is proven: its size, its newest checkpoint, what was verified last."""

from __future__ import annotations

from dataclasses import dataclass

from flask_jafsec.audit.opening import OpenedEvent, Opener
from flask_jafsec.audit.query import Field, Query, Term
from flask_jafsec.audit.rows import SignedCheckpoint
from flask_jafsec.audit.searching import LogSearch
from flask_jafsec.audit.store import AuditStore
from flask_jafsec.events import EventType

_VERIFIED = Query.of([Term(Field.TYPE, (EventType.AUDIT_VERIFIED.value,))])
_BROKEN = Query.of([Term(Field.TYPE, (EventType.AUDIT_INTEGRITY.value,))])


@dataclass(frozen=True, slots=True)
class Verified:
    """A verification that was recorded."""

    event_id: str
    at_us: int
    is_ok: bool
    first_leaf: int
    events: int
    """Leaves that it looked at, from ``first_leaf`` on."""

    def covers(self, leaf_index: int) -> bool:
        """Return whether it looked at this leaf and found everything in order."""
        return self.is_ok and self.first_leaf <= leaf_index < self.first_leaf + self.events


@dataclass(frozen=True, slots=True)
class Standing:
    """What can be said about the whole log without verifying it."""

    size: int
    """Events in the tree."""
    checkpoint: SignedCheckpoint | None
    verified: Verified | None
    broken_at_us: int | None
    """When damage was found that no good verification has followed."""


def standing(store: AuditStore, search: LogSearch, opener: Opener, now_us: int) -> Standing:
    """Return how far the log is proven. Raises StoreUnavailable."""
    with store.reading() as view:
        head, checkpoint = view.head(), view.last_checkpoint()
    verified = _verified(_newest(search, opener, _VERIFIED, now_us))
    broken = search.page(_BROKEN, 0, now_us + 1, size=1).entries
    broken_at = broken[0].ts if broken else None
    if verified is not None and broken_at is not None:
        is_mended = verified.is_ok and verified.at_us > broken_at
        broken_at = None if is_mended else broken_at
    return Standing(head.size if head else 0, checkpoint, verified, broken_at)


def _newest(
    search: LogSearch, opener: Opener, query: Query, now_us: int
) -> tuple[int, OpenedEvent] | None:
    for entry in search.page(query, 0, now_us + 1, size=1).entries:
        found = opener.at([entry.leaf_index]).get(entry.leaf_index)
        return (entry.ts, found) if found else None
    return None


def _verified(found: tuple[int, OpenedEvent] | None) -> Verified | None:
    if found is None:
        return None
    at_us, event = found
    details = event.members.get("d") or {}
    return Verified(
        event_id=str(event.members.get("id", "")),
        at_us=at_us,
        is_ok=str(details.get("error", "")).upper() == "OK",
        first_leaf=int(details.get("first_leaf", 0)),
        events=int(details.get("rows", 0)),
    )
