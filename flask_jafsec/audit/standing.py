"""How far the log is proven: its size, its newest checkpoint, what was verified, and alarms.

Nothing is verified here; see verifying.py. What is said here the log says of itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask_jafsec.audit.findings import Verification
from flask_jafsec.audit.opening import OpenedEvent, Opener
from flask_jafsec.audit.query import Field, Query, Term
from flask_jafsec.audit.rows import Entry, SignedCheckpoint
from flask_jafsec.audit.searching import MAX_US, LogSearch
from flask_jafsec.audit.store import AuditStore
from flask_jafsec.events import EventType

#: Words for the exit codes of ``audit verify``, as they stand in its events.
RESULTS: Final[Mapping[int, str]] = {0: "OK", 1: "TAMPERED", 2: "INCOMPLETE"}
OK, TAMPERED = RESULTS[0], RESULTS[1]

#: Verifications that are looked through for one that found the whole log in order.
LOOKED_AT: Final = 50

_VERIFIED: Final = Query.of([Term(Field.TYPE, (EventType.AUDIT_VERIFIED.value,))])
_BROKEN: Final = Query.of([Term(Field.TYPE, (EventType.AUDIT_INTEGRITY.value,))])


@dataclass(frozen=True, slots=True)
class Verified:
    """A verification that was recorded."""

    event_id: str
    at_us: int
    result: str
    """One of ``RESULTS``."""
    first_leaf: int | None
    """Where it began; None where the record does not say."""
    events: int
    """Leaves that it looked at, from ``first_leaf`` on."""
    anchor: str
    """The newest anchor that it reproduced; empty without one."""
    anchored: int
    """Events that this anchor covers."""

    @property
    def is_ok(self) -> bool:
        """Whether it found everything that it looked at in order."""
        return self.result == OK

    @property
    def is_whole(self) -> bool:
        """Whether it began at the first leaf: only then it says everything."""
        return self.first_leaf == 0

    def covers(self, leaf_index: int) -> bool:
        """Return whether it looked at this leaf and found everything in order."""
        first = self.first_leaf
        return self.is_ok and first is not None and first <= leaf_index < first + self.events


@dataclass(frozen=True, slots=True)
class Standing:
    """What can be said about the whole log without verifying it."""

    size: int
    """Events in the tree."""
    checkpoint: SignedCheckpoint | None
    verified: Verified | None
    """The newest verification, whatever it found."""
    broken_at_us: int | None
    """When damage was found that no good verification of the whole log has followed."""
    damage: str = ""
    """What was found then."""


def verified_facts(found: Verification) -> Mapping[str, object]:
    """Return what the event of a verification says about it."""
    reproduced = [anchor for anchor in found.anchors if anchor.is_reproduced]
    newest = max(reproduced, key=lambda anchor: anchor.size, default=None)
    return {
        "rows": found.events,
        "error": RESULTS[found.exit_code],
        "first_leaf": found.first_leaf,
        "anchor": newest.name if newest else "",
        "anchored": newest.size if newest else 0,
    }


def standing(store: AuditStore, search: LogSearch, opener: Opener) -> Standing:
    """Return how far the log is proven. Raises StoreUnavailable."""
    with store.reading() as view:
        head, checkpoint = view.head(), view.last_checkpoint()
    looks = search.page(_VERIFIED, 0, MAX_US, size=LOOKED_AT).entries
    alarms = search.page(_BROKEN, 0, MAX_US, size=1).entries
    events = opener.at([entry.leaf_index for entry in (*looks, *alarms)])
    verified = _verified(looks, events)
    at_us, damage = _damage(verified, alarms, events)
    size = head.size if head else 0
    return Standing(size, checkpoint, verified[0] if verified else None, at_us, damage)


def _damage(
    verified: Sequence[Verified], alarms: Sequence[Entry], events: Mapping[int, OpenedEvent]
) -> tuple[int | None, str]:
    """Return the newest damage that is not cleared up.

    A look at a part proves nothing about the rest, so it clears up nothing.
    """
    cleared = next((one.at_us for one in verified if one.is_ok and one.is_whole), -1)
    found = [
        (one.at_us, "a verification found changes")
        for one in verified
        if one.result == TAMPERED and one.at_us > cleared
    ]
    for entry in alarms:
        event = events.get(entry.leaf_index)
        rule = str(_details(event).get("rule", "")) if event else ""
        if entry.ts > cleared:
            found.append((entry.ts, rule))
    return max(found, default=(None, ""))


def _verified(entries: Sequence[Entry], events: Mapping[int, OpenedEvent]) -> Sequence[Verified]:
    found: list[Verified] = []
    for entry in entries:
        event = events.get(entry.leaf_index)
        details = _details(event) if event else {}
        first = details.get("first_leaf")
        found.append(
            Verified(
                event_id=entry.event_id,
                at_us=entry.ts,
                result=str(details.get("error", "")).upper(),
                first_leaf=first if isinstance(first, int) else None,
                events=_number(details, "rows"),
                anchor=str(details.get("anchor") or ""),
                anchored=_number(details, "anchored"),
            )
        )
    return found


def _details(event: OpenedEvent) -> Mapping[str, Any]:
    found = event.members.get("d")
    return found if isinstance(found, dict) else {}


def _number(details: Mapping[str, Any], name: str) -> int:
    value = details.get(name)
    return value if isinstance(value, int) else 0
