"""The one incident worth finding: a service's key has leaked, and somebody tries what it opens.

Two days before, the key answers a foreign address once. On the day it reads shipments at a pace no
service has, then tries every door of administrators, runs into its rate, and is revoked by the
colleague on duty. For a while both the thieves and the service itself are refused.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from flask_jafsec.events import EventType, Outcome, Severity

from .cast import Cast, Held
from .company import ADMIN_ROUTES, AUDITOR, GUARD, PEOPLE, ROUTES
from .pen import Caller, Pen

#: The name of the key that has leaked.
LEAKED: Final = "tracking-feed"

#: Where the thieves call from; nobody else of the story does.
THIEVES: Final = ("203.0.113.77", "203.0.113.81", "2001:db8:bad:7::51")

_TOOL: Final = "python-requests/2.33.0"

#: How long before the end it begins; then, after its beginning, what happens when.
_BEGINS: Final = timedelta(hours=5, minutes=12)
DOORS_AFTER: Final = timedelta(minutes=9)
RATE_AFTER: Final = timedelta(minutes=20)
SEEN_AFTER: Final = timedelta(minutes=23)
REVOKED_AFTER: Final = timedelta(minutes=27, seconds=14)
REPLACED_AFTER: Final = timedelta(minutes=31, seconds=40)
QUIET_AFTER: Final = timedelta(minutes=46)

WHY: Final = "leaked: used from 203.0.113.77, which is not ours"

_SHIPMENTS, _SHIPMENT = ROUTES[2], ROUTES[3]

#: Refusals of one code and address that are written singly in a minute (audit/counting.py).
_SINGLY: Final = 20


def began(end: datetime) -> datetime:
    """Return when it begins: at the start of a minute, as the limits count."""
    return (end - _BEGINS).replace(second=0, microsecond=0)


def tell_incident(pen: Pen, cast: Cast, end: datetime) -> None:
    """Write what happened."""
    first = began(end)
    stolen = cast.keys[LEAKED][0]
    _try_it_out(pen, stolen, end)
    _read_shipments(pen, stolen, first)
    _try_doors(pen, stolen, first + DOORS_AFTER)
    _run_into_rate(pen, stolen, first + RATE_AFTER, first + REVOKED_AFTER)
    _somebody_looks(pen, cast, first + SEEN_AFTER)
    _is_refused(pen, stolen, first + REVOKED_AFTER, first + QUIET_AFTER)
    _service_fails(pen, stolen, first + REVOKED_AFTER, first + REPLACED_AFTER)
    _afterwards(pen, cast, first + QUIET_AFTER)


def _thief(stolen: Held, number: int) -> Caller:
    return Caller.with_key(stolen, client=THIEVES[number], software=_TOOL)


def _try_it_out(pen: Pen, stolen: Held, end: datetime) -> None:
    at = end - timedelta(days=2, hours=3, minutes=41)
    pen.allow(at, _thief(stolen, 0), _SHIPMENTS)


def _read_shipments(pen: Pen, stolen: Held, first: datetime) -> None:
    thief = _thief(stolen, 0)
    pen.allow(first + timedelta(seconds=7), thief, _SHIPMENTS)
    for minute in range(1, 9):
        at = first + timedelta(minutes=minute, seconds=1 + pen.random.random())
        pen.allow(at, thief, _SHIPMENT)
        count = pen.random.randint(35, 90)
        pen.allow(at + timedelta(seconds=1), thief, _SHIPMENT, count=count, lasts_s=55)


def _try_doors(pen: Pen, stolen: Held, first: datetime) -> None:
    for minute in range(6):
        for number in (0, 1) if minute < 4 else (1,):
            _one_minute_of_doors(pen, _thief(stolen, number), first + timedelta(minutes=minute))


def _one_minute_of_doors(pen: Pen, thief: Caller, minute: datetime) -> None:
    for number in range(_SINGLY):
        door = ADMIN_ROUTES[number % len(ADMIN_ROUTES)]
        at = minute + timedelta(seconds=0.4 + number * 0.8 + pen.random.random() * 0.6)
        pen.refuse(at, thief, door, "permission_denied", f"missing:{door.permission}")
    door, at = ADMIN_ROUTES[0], minute + timedelta(seconds=18)
    count = pen.random.randint(15, 45)
    reason = f"missing:{door.permission}"
    pen.refuse(at, thief, door, "permission_denied", reason, count=count, lasts_s=40)


def _run_into_rate(pen: Pen, stolen: Held, first: datetime, last: datetime) -> None:
    minute = first
    while minute < last - timedelta(minutes=1):
        thief = _thief(stolen, 1)
        for number in range(_SINGLY):
            at = minute + timedelta(seconds=0.3 + number * 0.5 + pen.random.random() * 0.4)
            pen.refuse(at, thief, _SHIPMENT, "rate_exceeded", "default")
        at, count = minute + timedelta(seconds=12), pen.random.randint(60, 180)
        pen.refuse(at, thief, _SHIPMENT, "rate_exceeded", "default", count=count, lasts_s=46)
        minute += timedelta(minutes=1)


def _somebody_looks(pen: Pen, cast: Cast, at: datetime) -> None:
    guard = next(person for person in PEOPLE if person.name == GUARD)
    subject = cast.people[GUARD]
    pen.note(
        at,
        EventType.SIGN_IN_SUCCEEDED,
        actor=subject,
        subject=subject,
        client=guard.address,
    )
    pen.note(
        at + timedelta(minutes=2, seconds=31),
        EventType.AUDIT_PERSONAL_OPENED,
        actor="cli:nadia",
        facts={"leaf_index": 0},
    )


def _is_refused(pen: Pen, stolen: Held, first: datetime, last: datetime) -> None:
    minute = first + timedelta(seconds=2)
    while minute < last:
        number = pen.random.choice((0, 1, 2))
        thief = Caller(THIEVES[number], _TOOL, credential="key", key_id=stolen.key.id)
        tries = pen.random.randint(1, 9)
        for step in range(tries):
            at = minute + timedelta(seconds=step * 5 + pen.random.random() * 4)
            pen.refuse(at, thief, _SHIPMENT, "credential_invalid", "key_revoked")
        minute += timedelta(minutes=1)


def _service_fails(pen: Pen, stolen: Held, first: datetime, last: datetime) -> None:
    at = first + timedelta(seconds=9)
    plan = stolen.plan
    service = Caller(plan.address, plan.client, credential="key", key_id=stolen.key.id)
    while at < last:
        pen.refuse(at, service, _SHIPMENTS, "credential_invalid", "key_revoked")
        at += timedelta(seconds=15)


def _afterwards(pen: Pen, cast: Cast, at: datetime) -> None:
    pen.note(
        at + timedelta(minutes=6),
        EventType.AUDIT_VERIFIED,
        severity=Severity.INFO,
        outcome=Outcome.DONE,
        actor="cli:nadia",
        facts={"rows": 0, "error": "OK", "first_leaf": 0},
    )
    pen.note(
        at + timedelta(minutes=19),
        EventType.TOKENS_REVOKED_ALL,
        severity=Severity.NOTICE,
        actor=cast.people[GUARD],
        subject=cast.people[AUDITOR],
        credential="token",
        reason="as a precaution",
    )
