"""Tells the whole story: every event of the company's last days, in the order of time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from random import Random

from flask_jafsec.events import Event, EventClass, EventType

from .cast import Cast
from .company import DAY, ROLES
from .incident import tell_incident
from .pen import Pen
from .routine import Routine
from .traffic import Traffic

#: Events that say how many there were when somebody looked.
_COUNTING = frozenset({EventType.AUDIT_VERIFIED, EventType.AUDIT_EXPORTED})


@dataclass(frozen=True, slots=True)
class Size:
    """How much is told."""

    before: int
    """Events before the last 24 hours."""
    last_day: int
    """Events of the last 24 hours: what a reader sees first."""
    days: int = 30
    """How far back ordinary traffic goes; users and keys are older."""

    @property
    def total(self) -> int:
        """All events."""
        return self.before + self.last_day


#: Made besides, since some of what begins before an hour ends after it.
_SPARE = 60

#: What `make demo` opens on, and what tests and pictures can do with.
DEMO = Size(before=80_000, last_day=20_000)
SMALL = Size(before=1_500, last_day=1_500, days=7)


def tell(
    cast: Cast,
    changes: Iterable[Event],
    end: datetime,
    *,
    seed: int,
    size: Size,
    roles: Mapping[str, Iterable[str]],
) -> list[Event]:
    """Return exactly ``size.total`` events before *end*, in the order of time.

    The same seed tells the same of the same cast, ids of events included, except for *changes*,
    whose ids come from the services.

    Args:
        changes: What the services recorded when the cast was made.
        roles: Permissions of the application's own roles.
    """
    # Chance decides about an invented company here, never about a secret.
    pen = Pen(Random(seed))  # noqa: S311
    pen.events += changes
    first, last_day = end - DAY * size.days, end - DAY
    tell_incident(pen, cast, end)
    Routine(pen, cast, first, end).write()
    known = {name: frozenset(permissions) for name, permissions in {**ROLES, **roles}.items()}
    traffic = Traffic(pen, cast, end, lambda role: known.get(role, _ADMINISTRATION))
    recent = sum(1 for event in pen.events if event.at >= last_day)
    traffic.write(size.before - len(pen.events) + recent + _SPARE, first, last_day)
    traffic.write(size.last_day - recent + _SPARE, last_day, end)
    told = sorted((event for event in pen.events if event.at < end), key=attrgetter("at"))
    old = [event for event in told if event.at < last_day]
    kept = _thinned(pen, old, size.before) + _thinned(pen, told[len(old) :], size.last_day)
    return [_numbered(pen, event, number) for number, event in enumerate(kept)]


_ADMINISTRATION = frozenset({"jafsec:*"})


def _thinned(pen: Pen, events: Sequence[Event], number: int) -> list[Event]:
    """Return *events* without as many routine ones as there are too many."""
    routine = [
        place
        for place, event in enumerate(events)
        if event.type.event_class is EventClass.ROUTINE and event.count == 1
    ]
    surplus = max(0, len(events) - number)
    dropped = set(pen.random.sample(routine, min(surplus, len(routine))))
    return [event for place, event in enumerate(events) if place not in dropped]


def _numbered(pen: Pen, event: Event, number: int) -> Event:
    """Return *event* with the size of the log, or a place in it, where it names one."""
    if event.type in _COUNTING:
        return replace(event, facts={**event.facts, "rows": number})
    if event.type is EventType.AUDIT_PERSONAL_OPENED:
        return replace(event, facts={"leaf_index": pen.random.randrange(max(1, number))})
    return event
