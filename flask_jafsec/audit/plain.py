"""Values from anywhere, made fit for canonical JSON: bounded, without floats, never an error."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterable, Iterator, Mapping
from itertools import islice
from typing import Final, TypeVar

T = TypeVar("T")

#: Whole numbers beyond this lose digits in programs that read JSON numbers as doubles.
#: Source: RFC 7493 section 2.2.
MAX_NUMBER: Final = 2**53 - 1

#: Levels of lists and objects inside the details. Source: audit-log specification, 5.4.
MAX_DEPTH: Final = 3

#: Members of one list or object; the rest is said to be left out.
MAX_MEMBERS: Final = 64

#: Characters of one text inside the details.
MAX_CHARS: Final = 1_000

#: Characters of everything together, and what each value counts beside its own: a list of lists of
#: lists of texts would be a quarter of a gigabyte. Twice what any details may have.
MAX_TOTAL_CHARS: Final = 16_000
ITEM_CHARS: Final = 4

#: Characters of a text that is still shown where there is no room left, and of a type's name.
MIN_CHARS: Final = 64

#: Characters of a member's name.
MAX_NAME_CHARS: Final = 32

_NAME_START: Final = frozenset("abcdefghijklmnopqrstuvwxyz")
_NAME_REST: Final = _NAME_START | frozenset("0123456789_")


def plain(value: object, depth: int = MAX_DEPTH) -> object:
    """Return *value* as texts, whole numbers, booleans, None, lists and objects of these.

    What cannot be kept as it is stays recognisable: cut texts carry a digest of the whole, other
    kinds of values become their type's name. Never raises.
    """
    return _Room().plain(value, depth)


def clean_text(text: str, max_chars: int) -> str:
    """Return *text* cut to *max_chars* with a digest of the whole, halves of surrogates replaced.

    Half a surrogate pair is no character and cannot be written as UTF-8.
    """
    if len(text) <= max_chars and text.isascii():
        return text
    if len(text) > max_chars:
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        mark = f"\u2026[sha256:{digest},{len(text)}]"
        text = text[: max(0, max_chars - len(mark))] + mark
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def fitting(details: object, max_bytes: int) -> str:
    """Return *details*, made by ``plain``, as canonical JSON of at most *max_bytes* bytes.

    Where they are longer, the largest members are replaced by their size until the rest fits.
    """
    text = canonical(details)
    if len(text) <= max_bytes // 4 or len(text.encode()) <= max_bytes:
        return text
    if not isinstance(details, dict):
        return canonical({"truncated": len(text.encode())})
    kept = dict(details)
    sizes = {name: len(canonical(value).encode()) for name, value in kept.items()}
    for name in sorted(sizes, key=lambda each: (-sizes[each], each)):
        kept[name] = f"\u2026[{sizes[name]} bytes]"
        text = canonical(kept)
        if len(text.encode()) <= max_bytes:
            return text
    return canonical({"truncated": sum(sizes.values())})


def canonical(value: object) -> str:
    """Return JSON with sorted names and no spaces: RFC 8785 on what ``plain`` returns."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class _Room:
    """How much one value may still become: lists of lists of lists multiply."""

    __slots__ = ("_chars",)

    def __init__(self) -> None:
        self._chars = MAX_TOTAL_CHARS

    def plain(self, value: object, depth: int) -> object:
        try:
            made = self._made(value, depth)
        except BaseException as error:  # noqa: BLE001 - a hostile object must not stop the record
            # of it, nor end the process: SystemExit from its own code is an error like any other.
            made = f"<{kind_name(value)}: {kind_name(error)}>"
        self._chars -= ITEM_CHARS + (len(made) if type(made) is str else 0)
        return made

    def _made(self, value: object, depth: int) -> object:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            # Its own characters, whatever a subclass says about itself.
            return clean_text(str.__str__(value), min(MAX_CHARS, max(MIN_CHARS, self._chars)))
        if isinstance(value, int):
            return _number(int.__int__(value))
        if isinstance(value, float):
            return float.__repr__(value)
        if isinstance(value, bytes):
            return f"<{len(value)} bytes>"
        if depth <= 0:
            return f"<{kind_name(value)}>"
        return self._collection(value, depth - 1)

    def _collection(self, value: object, depth: int) -> object:
        if isinstance(value, Mapping):
            return self._object(value, depth)
        if isinstance(value, set | frozenset):
            some = [self.plain(each, depth) for each in self._some(value)]
            return sorted(some, key=canonical) + _left_out(len(value) - len(some))
        if isinstance(value, list | tuple):
            some = [self.plain(each, depth) for each in self._some(value)]
            return some + _left_out(len(value) - len(some))
        return f"<{kind_name(value)}>"

    def _object(self, value: Mapping[object, object], depth: int) -> dict[str, object]:
        found: dict[str, object] = {}
        for name, member in self._some(value.items()):
            found[_name(name, found)] = self.plain(member, depth)
        if len(value) > len(found):
            found["left_out"] = _number(len(value) - len(found))
        return found

    def _some(self, values: Iterable[T]) -> Iterator[T]:
        for each in islice(values, MAX_MEMBERS):
            if self._chars <= 0:
                return
            yield each


def _left_out(number: int) -> list[object]:
    return [f"\u2026[{number} more]"] if number > 0 else []


def _name(name: object, taken: Container[str]) -> str:
    """Return *name* as a member may be called: ASCII, so that every order is the same order.

    Two names that look the same then are told apart by a number.
    """
    text = str.__str__(name) if isinstance(name, str) else str(plain(name, 0))
    text = text[:MAX_NAME_CHARS].lower()[:MAX_NAME_CHARS]
    kept = "".join(each if each in _NAME_REST else "_" for each in text)
    kept = kept if kept[:1] in _NAME_START else f"x_{kept}"[:MAX_NAME_CHARS]
    made, number = kept, 1
    while made in taken:
        number += 1
        made = f"{kept[: MAX_NAME_CHARS - 3]}_{number}"
    return made


def kind_name(value: object) -> str:
    """Return the name of a value's type. A type is an object too, and may be as hostile."""
    try:
        return clean_text(str.__str__(type(value).__name__), MIN_CHARS)
    except BaseException:  # noqa: BLE001 - see above
        return "object"


def _number(value: int) -> int | str:
    return value if abs(value) <= MAX_NUMBER else _number_text(value)


def _number_text(value: int) -> str:
    # Python refuses to write down huge numbers, as that takes long.
    return str(value) if value.bit_length() <= 1_000 else f"<{value.bit_length()}-bit number>"
