"""What the log itself says about its integrity: the last verifications, and alarms since.

Nothing is verified here; see verifying.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask_jafsec.audit.envelope import micros_of
from flask_jafsec.audit.findings import Verification
from flask_jafsec.audit.opening import OpenedEvent, Opener
from flask_jafsec.audit.query import Field, Query, Term
from flask_jafsec.audit.searching import MAX_US, LogSearch
from flask_jafsec.events import EventType

#: Words for the exit codes of ``audit verify``, as they stand in its events.
RESULTS: Final[Mapping[int, str]] = {0: "OK", 1: "TAMPERED", 2: "INCOMPLETE"}
OK, TAMPERED = RESULTS[0], RESULTS[1]

#: Verifications that are looked through for one that found the whole log intact.
LOOKED_AT: Final = 50

_VERIFIED: Final = Query.of([Term(Field.TYPE, (EventType.AUDIT_VERIFIED.value,))])
_ALARMS: Final = Query.of([Term(Field.TYPE, (EventType.AUDIT_INTEGRITY.value,))])


@dataclass(frozen=True, slots=True)
class Verified:
    """One verification that somebody ran."""

    event_id: str
    at_us: int
    result: str
    first_leaf: int | None
    """Where it began; None where the record does not say."""
    leaves: int
    """Events that were looked at."""
    size: int
    """Leaves under the newest checkpoint that was verified."""
    anchor: str
    """The newest anchor that was reproduced; empty without one."""
    anchored: int
    """Leaves that this anchor covers."""

    @property
    def is_good(self) -> bool:
        """Whether it found nothing wrong."""
        return self.result == OK

    @property
    def is_whole(self) -> bool:
        """Whether it began at the first leaf: only then it says everything."""
        return self.first_leaf == 0

    def covers(self, leaf_index: int) -> bool:
        """Return whether this verification found the leaf intact, and under a checkpoint."""
        return (
            self.is_good
            and self.first_leaf is not None
            and self.first_leaf <= leaf_index < min(self.first_leaf + self.leaves, self.size)
        )


@dataclass(frozen=True, slots=True)
class Alarm:
    """The log does not agree with itself, and nothing has cleared that up since."""

    event_id: str
    at_us: int
    problem: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known about the log's integrity without verifying it now."""

    last: Verified | None = None
    """The newest verification, whatever it found."""
    good: Verified | None = None
    """The newest one that found nothing wrong with what it looked at."""
    alarm: Alarm | None = None


def verified_facts(found: Verification) -> Mapping[str, object]:
    """Return what the event of a verification says about it."""
    reproduced = [anchor for anchor in found.anchors if anchor.is_reproduced]
    newest = max(reproduced, key=lambda anchor: anchor.size, default=None)
    return {
        "rows": found.events,
        "error": RESULTS[found.exit_code],
        "first_leaf": found.first_leaf,
        "size": found.newest_checkpoint.size if found.newest_checkpoint else 0,
        "anchor": newest.name if newest else "",
        "anchored": newest.size if newest else 0,
    }


def read_standing(search: LogSearch, opener: Opener) -> Standing:
    """Return how the log stands. Raises StoreUnavailable."""
    looks = search.page(_VERIFIED, 0, MAX_US, size=LOOKED_AT).entries
    alarms = search.page(_ALARMS, 0, MAX_US, size=1).entries
    events = opener.at_leaves([entry.leaf_index for entry in (*looks, *alarms)])
    verified = _each(_verified, looks, events)
    good = next((one for one in verified if one.is_good), None)
    cleared = next((one.at_us for one in verified if one.is_good and one.is_whole), -1)
    found = [one for one in _each(_alarm, alarms, events) if one.at_us > cleared]
    found += [
        Alarm(one.event_id, one.at_us, "a verification found that something was changed")
        for one in verified
        if one.result == TAMPERED and one.at_us > cleared
    ]
    alarm = max(found, key=lambda one: one.at_us, default=None)
    return Standing(verified[0] if verified else None, good, alarm)


def _each(make: Any, entries: Iterable[Any], events: Mapping[int, OpenedEvent]) -> Sequence[Any]:
    found = (events.get(entry.leaf_index) for entry in entries)
    return [make(event.members) for event in found if event is not None]


def _verified(members: Mapping[str, Any]) -> Verified:
    facts = members.get("d") or {}
    first = facts.get("first_leaf")
    return Verified(
        event_id=str(members.get("id")),
        at_us=micros_of(members["ts"]),
        result=str(facts.get("error", "")),
        first_leaf=first if isinstance(first, int) else None,
        leaves=_number(facts, "rows"),
        size=_number(facts, "size"),
        anchor=str(facts.get("anchor") or ""),
        anchored=_number(facts, "anchored"),
    )


def _alarm(members: Mapping[str, Any]) -> Alarm:
    rule = str((members.get("d") or {}).get("rule", ""))
    return Alarm(str(members.get("id")), micros_of(members["ts"]), rule)


def _number(facts: Mapping[str, Any], name: str) -> int:
    value = facts.get(name)
    return value if isinstance(value, int) else 0
