"""What may stand behind each key of a query."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from ipaddress import ip_address
from typing import Final

from flask_jafsec.audit.query_reading import Part, QueryInvalid
from flask_jafsec.audit.rows import ACTOR_NUMBER
from flask_jafsec.events import EventType, Outcome, Severity

#: Names of severities, least first.
LEVELS: Final = tuple(level.name.lower() for level in sorted(Severity))

KNOWN_TYPES: Final = tuple(sorted(event_type.value for event_type in EventType))

_CLOSED: Final = {
    "outcome": tuple(outcome.value for outcome in Outcome),
    "kind": tuple(ACTOR_NUMBER),
}

#: Marks that mean something in other query languages, or elsewhere in this one.
_COMPARISONS: Final = (">", "<")


def values_of(field: str, part: Part, types: Collection[str]) -> Sequence[str]:
    """Return the values that *part* stands for: one, or the severities of a range.

    Raises:
        QueryInvalid: It is none that *field* can have.
    """
    if field == "severity":
        return _severities(part)
    if not part.is_quoted:
        _check_plain(field, part)
    if field == "type":
        return (_type(part, types),)
    if field in _CLOSED:
        return (_one_of(field, part, _CLOSED[field]),)
    return (_address(part),) if field == "ip" else (part.text,)


def _severities(part: Part) -> Sequence[str]:
    text = part.text.lower()
    if part.is_quoted:
        return (_level(part, text),)
    if text.startswith((">=", "<=")):
        level = LEVELS.index(_level(part, text[2:]))
        return LEVELS[level:] if text[0] == ">" else LEVELS[: level + 1]
    low, dots, high = text.partition("..")
    if not dots:
        return (_level(part, text),)
    first, last = LEVELS.index(_level(part, low)), LEVELS.index(_level(part, high))
    if first > last:
        raise QueryInvalid.at(part, f"the range ends before it begins: say {high}..{low}")
    return LEVELS[first : last + 1]


def _level(part: Part, name: str) -> str:
    return _one_of("severity", Part(name, part.position, part.length), LEVELS)


def _one_of(field: str, part: Part, known: Sequence[str]) -> str:
    name = part.text.lower()
    if name in known:
        return name
    raise QueryInvalid.at(part, f"{field} is one of {', '.join(known)}", known=known)


def _type(part: Part, types: Collection[str]) -> str:
    name = part.text.lower()
    if name in types:
        return name
    if name.endswith("*") and not part.is_quoted:
        if any(known.startswith(name[:-1]) for known in types):
            return name
        raise QueryInvalid.at(part, "no type of event begins like that", known=types)
    raise QueryInvalid.at(part, "there is no such type of event", known=types)


def _address(part: Part) -> str:
    try:
        return ip_address(part.text).compressed
    except ValueError:
        pass
    if "/" in part.text:
        problem = "ip takes one exact address: networks cannot be searched in a log that hides them"
        raise QueryInvalid.at(part, problem)
    raise QueryInvalid.at(part, "ip takes one exact address, such as 192.0.2.7 or 2001:db8::7")


def _check_plain(field: str, part: Part) -> None:
    if part.text.startswith(_COMPARISONS):
        problem = "only severity can be compared; put it in quotes if you mean the text"
        raise QueryInvalid.at(part, problem)
    if part.text.endswith("*") and field != "type":
        problem = "only type can end in *; put it in quotes if you mean the text"
        raise QueryInvalid.at(part, problem)
