"""One line of the list of events, from its search copies and its envelope."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flask_jafsec.audit.opening import OpenedEvent, Personal
from flask_jafsec.audit.references import NOBODY
from flask_jafsec.audit.rows import ACTOR_NUMBER, OUTCOME_NUMBER, Entry
from flask_jafsec.ids import is_id

from . import wording
from .drawing import moment

#: Characters of a reference that tell persons on one page apart.
SHORT: Final = 6

_KINDS: Final = {number: kind for kind, number in ACTOR_NUMBER.items()}
_OUTCOMES: Final = {number: outcome.value for outcome, number in OUTCOME_NUMBER.items()}


@dataclass(frozen=True, slots=True)
class Shown:
    """A person, service or address: what is read, and what is searched for."""

    name: str
    filter: str
    """The value behind the field's name in a query; empty where there is none."""


@dataclass(frozen=True, slots=True)
class EventLine:
    """An event as the list shows it."""

    id: str
    leaf_index: int
    at: datetime
    type_name: str
    sentence: str
    severity: str
    actor: Shown
    kind: str
    target: str
    outcome: str
    tone: str
    source: Shown
    count: int
    """How many decisions it stands for."""


def lines(
    entries: Iterable[Entry],
    types: Mapping[int, str],
    opened: Mapping[int, OpenedEvent],
    people: Mapping[str, str],
) -> Sequence[EventLine]:
    """Return the lines of *entries*; what is not among *opened* is told from its copies.

    Args:
        types: Names of types by their numbers.
        people: Names of users by their ids.
    """
    return [_line(entry, types, opened.get(entry.leaf_index), people) for entry in entries]


def users_in(opened: Iterable[OpenedEvent]) -> set[str]:
    """Return the ids in opened events that may be users' of ours."""
    found = (event.personal.get(member) for event in opened for member in ("user_id", "subject_id"))
    return {text for text in found if isinstance(text, str) and is_id(text)}


def by_day(found: Iterable[EventLine]) -> Sequence[tuple[datetime, Sequence[EventLine]]]:
    """Return lines in groups of one day each, in the order they come."""
    days: list[tuple[datetime, list[EventLine]]] = []
    for line in found:
        if not days or days[-1][0].date() != line.at.date():
            days.append((line.at, []))
        days[-1][1].append(line)
    return days


def person(
    reference: object, opened: OpenedEvent | None, member: str, people: Mapping[str, str]
) -> Shown:
    """Return a person as far as the viewer may see: the name, or a short reference."""
    ref = str(reference or "")
    if not ref:
        return Shown("", "")
    if opened is not None and opened.state is Personal.OPENED and opened.personal.get(member):
        found = str(opened.personal[member])
        return Shown(people.get(found, found), ref)
    if ref in NOBODY or not is_id(ref):
        return Shown(ref, ref)
    return Shown(f"person {ref[-SHORT:]}", ref)


def address(reference: object, opened: OpenedEvent | None) -> Shown:
    """Return an address as far as the viewer may see it."""
    if not reference:
        return Shown("", "")
    if opened is not None and opened.state is Personal.OPENED and opened.personal.get("ip"):
        found = str(opened.personal["ip"])
        return Shown(found, found)
    return Shown(f"address {str(reference)[-SHORT:]}", "")


def target_of(members: Mapping[str, Any]) -> str:
    """Return what an event was about: the route, the role, or the key."""
    details = members.get("d") or {}
    if members.get("p"):
        return " ".join(str(members[name]) for name in ("m", "p") if members.get(name))
    if details.get("role"):
        return f"role {details['role']}"
    if members.get("key"):
        return f"key {members['key']}"
    return ""


def _line(
    entry: Entry,
    types: Mapping[int, str],
    opened: OpenedEvent | None,
    people: Mapping[str, str],
) -> EventLine:
    type_name = types.get(entry.type_id, str(entry.type_id))
    word, tone = wording.outcome(_OUTCOMES.get(entry.outcome, "?"))
    return EventLine(
        id=entry.event_id,
        leaf_index=entry.leaf_index,
        at=moment(entry.ts),
        type_name=type_name,
        sentence=wording.sentence(type_name),
        severity=wording.severity(entry.severity),
        actor=person(entry.actor, opened, "user_id", people),
        kind=_KINDS.get(entry.actor_kind, "person"),
        target=target_of(opened.members) if opened else "",
        outcome=word,
        tone=tone,
        source=address(entry.ip, opened),
        count=entry.decisions,
    )
