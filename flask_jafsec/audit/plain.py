"""Values from anywhere, made fit for canonical JSON: bounded, without floats, never an error."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from itertools import islice
from typing import Final

#: Whole numbers beyond this lose digits in programs that read JSON numbers as doubles.
#: Source: RFC 7493 section 2.2.
MAX_NUMBER: Final = 2**53 - 1

#: Levels of lists and objects inside the details. Source: audit-log specification, 5.4.
MAX_DEPTH: Final = 3

#: Members of one list or object; the rest is said to be left out.
MAX_MEMBERS: Final = 64

#: Characters of one text inside the details.
MAX_CHARS: Final = 1_000

#: Characters of a member's name.
MAX_NAME_CHARS: Final = 32

_NAME_START: Final = frozenset("abcdefghijklmnopqrstuvwxyz")
_NAME_REST: Final = _NAME_START | frozenset("0123456789_")


def plain(value: object, depth: int = MAX_DEPTH) -> object:
    """Return *value* as texts, whole numbers, booleans, None, lists and objects of these.

    What cannot be kept as it is stays recognisable: cut texts carry a digest of the whole, other
    kinds of values become their type's name. Never raises.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) <= MAX_NUMBER else _number_text(value)
    if isinstance(value, str):
        return clean_text(str(value), MAX_CHARS)
    try:
        return _collection(value, depth)
    except Exception as error:  # noqa: BLE001 - a hostile object must not stop the record of it
        return f"<{type(value).__name__}: {type(error).__name__}>"


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


def _collection(value: object, depth: int) -> object:
    if isinstance(value, float):
        return repr(float(value))
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if depth <= 0:
        return f"<{type(value).__name__}>"
    if isinstance(value, Mapping):
        return _object(value, depth - 1)
    if isinstance(value, set | frozenset):
        return sorted((plain(each, depth - 1) for each in _some(value)), key=canonical)
    if isinstance(value, list | tuple):
        return [plain(each, depth - 1) for each in _some(value)] + _left_out(len(value))
    return f"<{type(value).__name__}>"


def _object(value: Mapping[object, object], depth: int) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, member in islice(value.items(), MAX_MEMBERS):
        found[_name(name)] = plain(member, depth)
    if len(value) > MAX_MEMBERS:
        found["left_out"] = len(value) - MAX_MEMBERS
    return found


def _some(
    values: list[object] | tuple[object, ...] | set[object] | frozenset[object],
) -> list[object]:
    return list(islice(values, MAX_MEMBERS))


def _left_out(length: int) -> list[object]:
    return [f"\u2026[{length - MAX_MEMBERS} more]"] if length > MAX_MEMBERS else []


def _name(name: object) -> str:
    """Return *name* as a member may be called: ASCII, so that every order is the same order."""
    text = name.lower() if isinstance(name, str) else type(name).__name__.lower()
    kept = "".join(each if each in _NAME_REST else "_" for each in text[:MAX_NAME_CHARS])
    return kept if kept[:1] in _NAME_START else f"x_{kept}"[:MAX_NAME_CHARS]


def _number_text(value: int) -> str:
    # Python refuses to write down huge numbers, as that takes long.
    return str(value) if value.bit_length() <= 1_000 else f"<{value.bit_length()}-bit number>"
