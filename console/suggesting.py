"""What may be written next in the query bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flask_jafsec.audit.query import Field
from flask_jafsec.audit.query_values import KNOWN_TYPES, LEVELS
from flask_jafsec.audit.rows import ACTOR_NUMBER
from flask_jafsec.events import Outcome

#: Suggestions at once.
MAX_SHOWN: Final = 10

#: Characters behind the last space that are looked at.
_MAX_TOKEN: Final = 200

#: What each key is about, in the order of how often it is wanted.
KEYS: Final[Mapping[Field, str]] = {
    Field.TYPE: "what happened",
    Field.OUTCOME: "what became of it",
    Field.ACTOR: "who did it",
    Field.SEVERITY: "how much to care",
    Field.KEY: "an API key's id",
    Field.IP: "an address",
    Field.REQUEST: "one request's id",
    Field.SUBJECT: "to whom it was done",
    Field.KIND: "kind of actor",
}

_VALUES: Final[Mapping[str, Sequence[str]]] = {
    Field.TYPE: KNOWN_TYPES,
    Field.OUTCOME: tuple(outcome.value for outcome in Outcome),
    Field.SEVERITY: LEVELS,
    Field.KIND: tuple(ACTOR_NUMBER),
}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One line below the query bar."""

    text: str
    """What takes the place of the last word."""
    note: str = ""


def suggestions(text: str) -> Sequence[Suggestion]:
    """Return what the last word of *text* may become: keys first, behind a key its values."""
    token = text[-_MAX_TOKEN:].rpartition(" ")[2]
    sign, rest = ("-", token[1:]) if token.startswith("-") else ("", token)
    key, colon, value = rest.partition(":")
    if not colon:
        return [
            Suggestion(f"{sign}{name.value}:", note)
            for name, note in KEYS.items()
            if name.value.startswith(key.lower())
        ]
    before, comma, last = value.rpartition(",")
    head = f"{sign}{key}:{before}{comma}"
    matching = [one for one in _VALUES.get(key.lower(), ()) if last.lower() in one and one != last]
    # What begins as it was typed is more likely than what only holds it.
    matching.sort(key=lambda one: (not one.startswith(last.lower()), one))
    return [Suggestion(f"{head}{one}") for one in matching[:MAX_SHOWN]]
