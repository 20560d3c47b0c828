"""Events of the log as rows of a page: in words, with names where they may be seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from flask_jafsec.audit.opening import OpenedEvent, Personal
from flask_jafsec.audit.rows import Entry
from flask_jafsec.events import Severity
from flask_jafsec.identity.user_names import names_of
from flask_jafsec.ids import is_id

from . import access
from .drawing import moment
from .event_words import OUTCOMES, words_for

#: Characters of a reference that are shown: enough to tell those of one page apart.
REF_CHARS: Final = 6

_LEVELS: Final = {level.value: level.name.lower() for level in Severity}
_KINDS: Final = ("person", "service", "cli", "system", "anonymous")


@dataclass(frozen=True, slots=True)
class Who:
    """An actor, or whom it was done to."""

    kind: str
    name: str
    """What they are called; empty where only the reference may be shown."""
    ref: str
    """Their reference; ``anonymous`` or ``system`` for nobody in particular."""

    @property
    def is_nobody(self) -> bool:
        """Whether it is nobody in particular."""
        return self.ref in ("", "anonymous", "system")

    @property
    def short(self) -> str:
        """The first characters of the reference."""
        return shortened(self.ref)


@dataclass(frozen=True, slots=True)
class Row:
    """One event."""

    id: str
    leaf: int | None
    at: datetime
    type: str
    words: str
    severity: str
    outcome: tuple[str, str]
    who: Who
    about: tuple[str, str]
    """What kind of thing it was about, and which; both empty for nothing."""
    source: str
    """The address; empty where it is unknown or may not be seen."""
    source_ref: str
    times: int
    """How often it happened."""


def rows_of(entries: Sequence[Entry], opened: Mapping[int, OpenedEvent]) -> Sequence[Row]:
    """Return the rows of a page; an entry whose event is gone is left out."""
    found = [opened[entry.leaf_index] for entry in entries if entry.leaf_index in opened]
    names = user_names(found)
    return [row_of(event, names) for event in found]


def row_of(event: OpenedEvent, names: Mapping[str, str]) -> Row:
    """Return one event as a row."""
    members, personal = event.members, event.personal
    details = _details(members)
    count = details.get("count", 1)
    return Row(
        id=str(members.get("id", "")),
        leaf=event.leaf_index,
        at=at_of(members),
        type=str(members.get("type", "")),
        words=words_for(str(members.get("type", ""))),
        severity=severity_of(members),
        outcome=OUTCOMES.get(str(members.get("out")), (str(members.get("out", "")), "plain")),
        who=actor_of(event, names),
        about=_about(event, names),
        source=str(personal.get("ip", "")),
        source_ref=str(members.get("ip") or ""),
        times=count if isinstance(count, int) else 1,
    )


def user_names(events: Sequence[OpenedEvent]) -> Mapping[str, str]:
    """Return the names of all built-in users in the opened parts of *events*."""
    ids = {str(event.personal.get(name, "")) for event in events for name in _IDS}
    return names_of(access.state().store, (one for one in ids if is_id(one)))


_IDS: Final = ("user_id", "subject_id")


def actor_of(event: OpenedEvent, names: Mapping[str, str]) -> Who:
    """Return who did it."""
    members = event.members
    found = str(event.personal.get("user_id", ""))
    kind = str(members.get("ak", "anonymous"))
    kind = kind if kind in _KINDS else "anonymous"
    return Who(kind, names.get(found, found), str(members.get("act") or ""))


def subject_of(event: OpenedEvent, names: Mapping[str, str]) -> Who:
    """Return whom it was done to; nobody where nobody is named."""
    found = str(event.personal.get("subject_id", ""))
    return Who("person", names.get(found, found), str(event.members.get("sub") or ""))


def at_of(members: Mapping[str, Any]) -> datetime:
    """Return when it happened; the beginning of time for a damaged event."""
    try:
        return datetime.fromisoformat(str(members["ts"])).astimezone(UTC)
    except (KeyError, ValueError):
        return moment(0)


def severity_of(members: Mapping[str, Any]) -> str:
    """Return the name of its severity."""
    return _LEVELS.get(members.get("sev", Severity.INFO), "info")


def shortened(ref: str) -> str:
    """Return the beginning of a reference or id, with a sign that it goes on."""
    return ref if len(ref) <= REF_CHARS else f"{ref[:REF_CHARS]}…"


def has_names(events: Sequence[OpenedEvent]) -> bool:
    """Return whether any of the events has a part that is sealed for whoever looks."""
    return any(event.state is Personal.SEALED for event in events)


def _details(members: Mapping[str, Any]) -> Mapping[str, Any]:
    found = members.get("d")
    return found if isinstance(found, dict) else {}


def _about(event: OpenedEvent, names: Mapping[str, str]) -> tuple[str, str]:
    members = event.members
    route = " ".join(str(members[name]) for name in ("m", "p") if members.get(name))
    if route:
        return "", route
    role = _details(members).get("role")
    if role:
        return "role", str(role)
    if members.get("key"):
        return "key", shortened(str(members["key"]))
    subject = subject_of(event, names)
    if not subject.is_nobody:
        return "person", subject.name or subject.short
    return "", ""
