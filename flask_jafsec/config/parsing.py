"""Values out of text or Python objects, strictly. No message ever repeats a value.

A value may be a secret even where none belongs: people paste into the wrong line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

T = TypeVar("T")
D = TypeVar("D")

TRUE: Final = frozenset({"1", "true", "yes", "on"})
FALSE: Final = frozenset({"0", "false", "no", "off"})

#: Longer texts in names and rates are a mistake, and make messages unreadable.
MAX_TEXT: Final = 200

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_PRINTABLE = re.compile(r"[ -~]+")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a value."""

    what: str
    instead: str
    place: str = ""
    """Where inside the value, such as ``['chat']``; empty for the whole."""


class Unfit(Exception):
    """A value cannot be used. Caught where the problems are collected, never seen outside."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = faults
        super().__init__()


class Faults:
    """Collects what is wrong with the parts of one value."""

    def __init__(self) -> None:
        self._found: list[Fault] = []

    def add(self, place: str, what: str, instead: str) -> None:
        """Remember one fault at *place*."""
        self._found.append(Fault(what, instead, place))

    def within(self, place: str, parse: Callable[[object], T], value: object, default: D) -> T | D:
        """Return *value* parsed; or *default*, with its faults remembered as faults at *place*."""
        try:
            return parse(value)
        except Unfit as unfit:
            for fault in unfit.faults:
                self.add(place + fault.place, fault.what, fault.instead)
            return default

    def finish(self) -> None:
        """Raise Unfit if anything was found."""
        if self._found:
            raise Unfit(*self._found)


def refuse(what: str, instead: str) -> Unfit:
    """Return the exception for one fault of the whole value."""
    return Unfit(Fault(what, instead))


def boolean(value: object) -> bool:
    """Return a boolean from one, from 1 or 0, or from the usual words in any case."""
    word = str(value).strip().casefold() if isinstance(value, bool | int | str) else ""
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise refuse("is neither true nor false", "Write true or false.")


def whole(least: int, most: int) -> Callable[[object], int]:
    """Return a parser of whole numbers from *least* to *most*."""
    advice = f"Write a whole number from {least} to {most}."

    def parse(value: object) -> int:
        if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
            value = int(value)
        # True is an int to Python, and never meant as one.
        if isinstance(value, bool) or not isinstance(value, int):
            raise refuse("is not a whole number", advice)
        if not least <= value <= most:
            raise refuse("is out of range", advice)
        return value

    return parse


def text(value: object) -> str:
    """Return a text that is not empty, and printable ASCII."""
    if not isinstance(value, str):
        raise refuse("is not text", "Write text.")
    stripped = value.strip()
    if not stripped:
        raise refuse("is empty", "Leave it out or give it a value.")
    if len(stripped) > MAX_TEXT or not _PRINTABLE.fullmatch(stripped):
        raise refuse(
            "is too long or holds characters that do not belong there",
            f"Write at most {MAX_TEXT} printable ASCII characters.",
        )
    return stripped


def matching(pattern: str, form: str) -> Callable[[object], str]:
    """Return a parser of texts that match *pattern*; *form* describes it with an example."""
    compiled = re.compile(pattern)

    def parse(value: object) -> str:
        stripped = text(value)
        if not compiled.fullmatch(stripped):
            raise refuse("does not have the right form", f"Write {form}.")
        return stripped

    return parse


def one_of(choices: Collection[str]) -> Callable[[object], str]:
    """Return a parser that takes one of *choices*, in any case."""
    by_key = {choice.casefold(): choice for choice in choices}

    def parse(value: object) -> str:
        found = by_key.get(value.strip().casefold()) if isinstance(value, str) else None
        if found is None:
            raise refuse("is not one of the choices", f"Write one of {', '.join(choices)}.")
        return found

    return parse


def several(value: object) -> tuple[object, ...]:
    """Return the entries of a list, a JSON list, or a comma list; ``""`` has none."""
    if isinstance(value, str):
        stripped = value.strip()
        if stripped.startswith("["):
            value = _json(stripped)
        else:
            value = [part.strip() for part in stripped.split(",")] if stripped else []
    if isinstance(value, list | tuple):
        return tuple(value)
    if isinstance(value, set | frozenset):
        return tuple(sorted(value, key=str))
    raise refuse("is not a list", "Write a list, or a text with commas between the entries.")


def each(parse: Callable[[object], T]) -> Callable[[object], tuple[T, ...]]:
    """Return a parser of lists whose entries *parse* takes; no entry may stand there twice."""

    def parse_all(value: object) -> tuple[T, ...]:
        faults = Faults()
        found: list[T] = []
        for number, entry in enumerate(several(value), start=1):
            place = f" (entry {number})"
            parsed = faults.within(place, parse, entry, None)
            if parsed is None:
                continue
            if parsed in found:
                faults.add(place, "stands there twice", "Write it once.")
            found.append(parsed)
        faults.finish()
        return tuple(found)

    return parse_all


def mapping(value: object) -> Mapping[str, object]:
    """Return a mapping with text as keys, from one or from JSON."""
    if isinstance(value, str):
        value = _json(value)
    if not isinstance(value, Mapping):
        raise refuse("is not a mapping", 'Write a mapping; in the environment JSON: {"name": ...}.')
    if not all(isinstance(name, str) for name in value):
        raise refuse("has names that are not text", "Write every name as text.")
    return value


def _json(source: str) -> object:
    try:
        return json.loads(source, object_pairs_hook=_without_repeats)
    except ValueError:
        pass
    # Raised out here, because the decoder's own error carries the whole text.
    raise refuse("is not JSON, or names something twice", 'Write JSON, such as {"name": "value"}.')


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found
