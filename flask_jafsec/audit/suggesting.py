"""What may be meant by the beginning of a query: keys first, then their values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Final, NamedTuple

from flask_jafsec.audit.query import MAX_CHARS, Field
from flask_jafsec.audit.query_values import KNOWN_TYPES, LEVELS
from flask_jafsec.audit.rows import ACTOR_NUMBER
from flask_jafsec.events import Outcome

#: Suggestions given at once.
MOST: Final = 12

#: What each key is about, in the order in which they are offered.
KEYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "type": "what happened",
        "outcome": "allowed, refused, done or failed",
        "severity": "how much it matters",
        "actor": "who did it",
        "kind": "a person, a service, nobody known",
        "ip": "one exact address",
        "key": "id of an API key",
        "request": "id of a request",
        "subject": "whom it was done to",
    }
)

_BEGINNINGS: Final = sorted({f"{name.partition('.')[0]}.*" for name in KNOWN_TYPES})

_VALUES: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        Field.TYPE: (*_BEGINNINGS, *KNOWN_TYPES),
        Field.OUTCOME: tuple(outcome.value for outcome in Outcome),
        Field.SEVERITY: (*(f">={level}" for level in LEVELS[3:-1]), *LEVELS),
        Field.KIND: tuple(ACTOR_NUMBER),
        Field.ACTOR: ("anonymous", "system"),
    }
)


class Suggestion(NamedTuple):
    """One way to go on."""

    token: str
    """What takes the place of the unfinished token."""
    about: str = ""


def suggestions(text: str) -> Sequence[Suggestion]:
    """Return ways to finish the last token of *text*, the part of a query in front of the caret.

    From closed lists only: no event is looked at, whatever is typed.
    """
    if len(text) > MAX_CHARS or text.count('"') % 2:
        return ()
    begun = text if not text or text[-1].isspace() else text.split()[-1]
    begun = begun.strip()
    sign = "-" if begun.startswith("-") else ""
    return tuple(islice(_finished(begun.removeprefix("-"), sign), MOST))


def _finished(begun: str, sign: str) -> Iterator[Suggestion]:
    key, colon, values = begun.partition(":")
    if not colon:
        for name, about in KEYS.items():
            if name.startswith(key.lower()):
                yield Suggestion(f"{sign}{name}:", about)
        return
    before, comma, last = values.rpartition(",")
    for value in _VALUES.get(key.lower(), ()):
        if last.lower() in value and value != last and value not in before.split(","):
            yield Suggestion(f"{sign}{key}:{before}{comma}{value}")
