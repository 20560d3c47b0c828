"""Events and what is read of them; no tests live here."""

from __future__ import annotations

from flask_jafsec.events import Event, EventType
from flask_jafsec.ids import new_id
from flask_jafsec.testing import CapturedEvents, FrozenClock

REFUSAL = EventType.TOKEN_REJECTED
ROUTINE = EventType.REQUEST_ALLOWED
CHANGE = EventType.ROLE_GRANTED


def event(event_type: EventType = REFUSAL, reason: str = "", count: int = 1) -> Event:
    return Event(id=new_id(), type=event_type, at=FrozenClock().now(), reason=reason, count=count)


def reasons(sink: CapturedEvents) -> list[str]:
    return [found.reason for found in sink.all()]
