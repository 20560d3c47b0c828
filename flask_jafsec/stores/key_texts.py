"""How a text that somebody looks for is compared with keys, the same in every store."""

from __future__ import annotations

import re
from typing import Final

#: Both databases fold the case of these only, in the order of columns that we keep.
_LOWER: Final = {ord(c): ord(c) + 32 for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}

_SCOPE: Final = re.compile(r"[a-z0-9_:*-]+")
_ID: Final = re.compile(r"(?:jfk_(?:live_|test_)?)?([0-9a-z]{2,26})(?:_.*|…)?", re.DOTALL)


def lower(text: str) -> str:
    """Return *text* with the letters A to Z as small ones, as ``lower()`` of the databases does."""
    return text.translate(_LOWER)


def is_of_scopes(text: str) -> bool:
    """Return whether *text* can be part of a scope, and not of the list that scopes stand in."""
    return _SCOPE.fullmatch(text) is not None


def id_of(text: str) -> str:
    """Return the beginning of an id that *text* may be, or a key's prefix; else nothing."""
    found = _ID.fullmatch(text)
    return found[1].upper() if found else ""


def pattern(text: str) -> str:
    r"""Return what LIKE wants for a text that holds *text*; ``\`` escapes."""
    escaped = re.sub(r"([\\%_])", r"\\\1", text)
    return f"%{escaped}%"
