"""Events whose fields are not of the kinds they should be, made fit to be written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from flask_jafsec.audit.plain import MAX_NUMBER, clean_text, plain
from flask_jafsec.audit.rows import micros
from flask_jafsec.events import NOTHING, Event, EventType, Outcome, Severity
from flask_jafsec.ids import new_id

#: A status that is none of HTTP's is no status.
MAX_STATUS: Final = 999

#: Longer than any text of an event that is kept whole.
MAX_CHARS: Final = 1_000

_TEXTS: Final = (
    "actor",
    "client",
    "code",
    "credential",
    "key_id",
    "method",
    "reason",
    "request_id",
    "route",
    "subject",
    "tenant",
)


def check(event: Event) -> None:
    """Raise TypeError where *event* could be written, and what was written never be read again.

    Other fields of the wrong kind make the writing itself fail.
    """
    if not (
        type(event.type) is EventType
        and type(event.severity) is Severity
        and type(event.outcome) is Outcome
        and type(event.count) is int
        and 0 < event.count <= MAX_NUMBER
        and type(event.status) is int
        and 0 <= event.status <= MAX_STATUS
        and event.id
    ):
        raise TypeError("its kind, its numbers or its id are of another type")


def sound(event: Event, otherwise_at: datetime) -> Event:
    """Return *event* where it is sound, or else one like it; never raises.

    Args:
        otherwise_at: The time of an event that has none.
    """
    fields: dict[str, Any] = {name: _text(getattr(event, name, "")) for name in _TEXTS}
    fields |= {
        "id": _id(event.id),
        "type": _one_of(EventType, event.type, EventType.SECURITY_FAILED),
        "at": event.at if _is_time(event.at) else otherwise_at,
        "severity": _one_of(Severity, event.severity, Severity.ERROR),
        "outcome": _one_of(Outcome, event.outcome, Outcome.FAIL),
        "status": _number(event.status, MAX_STATUS, 0),
        "count": _number(event.count, MAX_NUMBER, 1),
        "until": event.until if _is_time(event.until) else None,
        "personal": _facts(event.personal),
        "facts": _facts(event.facts),
    }
    return replace(event, **fields)


def _id(value: object) -> str:
    # What is no text is "<dict>" for every other event of its kind too, and an id that comes
    # twice looks like a changed log ever after.
    return (_text(value) if issubclass(type(value), str) else "") or new_id()


def _text(value: object) -> str:
    if value is None:
        return ""
    made = plain(value, 0)
    return clean_text(made if isinstance(made, str) else str(made), MAX_CHARS)


def _facts(value: object) -> Mapping[Any, Any]:
    try:
        return value if isinstance(value, Mapping) and bool(value) else NOTHING
    except BaseException:  # noqa: BLE001 - not even what it is, or how large, can be had of it
        return {"error": "facts_unreadable"}


def _number(value: object, largest: int, otherwise: int) -> int:
    return value if type(value) is int and 0 <= value <= largest else otherwise


def _is_time(value: object) -> bool:
    try:
        return isinstance(value, datetime) and micros(value) >= 0
    except BaseException:  # noqa: BLE001 - a time without a zone, or something that claims to be one
        return False


def _one_of(kind: type[Any], value: object, otherwise: object) -> object:
    return value if type(value) is kind else otherwise
