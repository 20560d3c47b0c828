"""Cuts the text of a query into tokens, and writes values so that they are cut the same again."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import takewhile
from typing import Final

from flask_jafsec.errors import JafsecError

#: What stands before a colon in a token. Only ASCII: other letters become these in lower case.
_KEY: Final = re.compile(r"([A-Za-z][A-Za-z_]*):")

#: Joiners that belong to words in Persian, in the languages of India and in emoji.
_JOINERS: Final = "\u200c\u200d"

#: Characters of a wrong name that are compared with the known ones, so that it costs little.
_COMPARED: Final = 64

QUOTE: Final = '"'


class QueryInvalid(JafsecError):
    """A query cannot be understood. ``message`` may be shown; it repeats nothing invisible."""

    code = "query_invalid"

    def __init__(self, message: str, position: int, length: int, nearest: str = "") -> None:
        self.message = message
        self.position = position
        """Where the wrong part begins, in code points."""
        self.length = length
        self.nearest = nearest
        """The known name that is most like it; empty when none is."""
        super().__init__(f"{message} (at character {position + 1})")

    @classmethod
    def at(cls, part: Part, message: str, *, known: Collection[str] = ()) -> QueryInvalid:
        """Return the error for *part*, with the nearest of the *known* names."""
        wrong = part.text.lower()[:_COMPARED]
        # Of those about equally near the one that begins the same: people err towards the end.
        near = get_close_matches(wrong, list(known))
        best = max(near, key=lambda name: _agreeing(name, wrong), default="")
        return cls(message, part.position, part.length, best)


def _agreeing(one: str, other: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


@dataclass(frozen=True, slots=True)
class Part:
    """A key or a value, and where it stands."""

    text: str
    position: int
    length: int
    is_quoted: bool = False


@dataclass(frozen=True, slots=True)
class Token:
    """One token: values of a key, or one text without a key."""

    key: Part | None
    parts: tuple[Part, ...]
    excluded: bool
    position: int


def tokens_of(text: str) -> Iterator[Token]:
    """Yield the tokens of *text*.

    Raises:
        QueryInvalid: A quote is not closed, a value is missing, or a character cannot be meant.
    """
    at = _after_spaces(text, 0)
    while at < len(text):
        start = at
        excluded = text[at] == "-" and at + 1 < len(text) and not text[at + 1].isspace()
        at += excluded
        named = _KEY.match(text, at)
        if named:
            key = Part(named[1], at, len(named[1]))
            parts, at = _values(text, named.end(), key)
        else:
            key = None
            part, at = _part(text, at, ends="")
            parts = (part,)
            _check_end(text, at, ends="")
        yield Token(key, parts, excluded, start)
        at = _after_spaces(text, at)


def as_written(value: str) -> str:
    """Return *value* as it must stand behind a key: in quotes where it would mean more."""
    special = (
        not value
        or value[0] in "-<>"
        or value[-1] == "*"
        or ".." in value
        or any(c in '",' or c.isspace() or is_hidden(c) for c in value)
    )
    return _in_quotes(value) if special else value


def text_as_written(text: str) -> str:
    """Return free *text* as it must stand in a query."""
    return _in_quotes(text) if _KEY.match(text) else as_written(text)


def is_hidden(character: str) -> bool:
    """Return whether a character shows nothing, so that nobody can have meant it unquoted.

    Such as direction overrides, which come along when a path is copied out of a dialog.
    """
    if character.isascii() and character.isprintable():
        return False
    return unicodedata.category(character) in ("Cc", "Cf", "Cs") and character not in _JOINERS


def _in_quotes(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace(QUOTE, "\\" + QUOTE)
    return f"{QUOTE}{escaped}{QUOTE}"


def _values(text: str, at: int, key: Part) -> tuple[tuple[Part, ...], int]:
    parts: list[Part] = []
    while True:
        part, end = _part(text, at, ends=",")
        if not part.text:
            problem = f"{key.text.lower()!r} needs a value after the {':,'[bool(parts)]!r}"
            raise QueryInvalid(problem, key.position, max(end, at) - key.position)
        parts.append(part)
        _check_end(text, end, ends=",")
        if text[end : end + 1] != ",":
            return tuple(parts), end
        at = end + 1


def _part(text: str, at: int, *, ends: str) -> tuple[Part, int]:
    if text[at : at + 1] == QUOTE:
        return _quoted(text, at)
    end = at
    while end < len(text) and not text[end].isspace() and text[end] not in ends:
        if is_hidden(text[end]):
            problem = (
                f"there is an invisible character (U+{ord(text[end]):04X}); "
                "remove it, or put the text in quotes"
            )
            raise QueryInvalid(problem, end, 1)
        end += 1
    return Part(text[at:end], at, end - at), end


def _quoted(text: str, start: int) -> tuple[Part, int]:
    characters: list[str] = []
    at = start + 1
    while at < len(text) and text[at] != QUOTE:
        if text[at] == "\\" and text[at + 1 : at + 2] in (QUOTE, "\\"):
            at += 1
        if text[at] == "\0" or "\ud800" <= text[at] <= "\udfff":
            raise QueryInvalid(f"U+{ord(text[at]):04X} stands in no event", at, 1)
        characters.append(text[at])
        at += 1
    if at == len(text):
        raise QueryInvalid("the quote is not closed", start, len(text) - start)
    if not characters:
        raise QueryInvalid("there is nothing between the quotes", start, 2)
    return Part("".join(characters), start, at + 1 - start, is_quoted=True), at + 1


def _check_end(text: str, at: int, *, ends: str) -> None:
    if at < len(text) and not text[at].isspace() and text[at] not in ends:
        raise QueryInvalid("a space is missing after the closing quote", at, 1)


def _after_spaces(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at
