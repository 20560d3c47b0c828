"""Permissions: how they are written, what a wildcard stands for, who acts with which.

Who holds which permission is not said here; roles.py and access.py know.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

from flask_jafsec.errors import GrantExceeded, InvalidValue

#: What the plain wildcard ``*`` does not cover: whoever may do everything in an application may
#: not for that reason change its security. Source: answers.md, "Names of permissions".
OWN_FIRST_PART: Final = "jafsec"

#: All of our own permissions. Who holds it may administrate.
ADMINISTRATION: Final = "jafsec:*"

EVERYTHING: Final = "*"

#: Longer ones fit no column of the console and no line of a log.
MAX_CHARS: Final = 100

#: How many permissions one role or key may list. Covering is decided by looking at each.
MAX_LISTED: Final = 200

#: How many answers are remembered. An entry is two references and a flag; the sets are shared.
_MAX_REMEMBERED: Final = 8_192

_WORD: Final = "[a-z][a-z0-9_-]*"
_PLAIN: Final = re.compile(rf"{_WORD}:{_WORD}(?::{_WORD})?")
_WILDCARD: Final = re.compile(rf"\*|{_WORD}:(?:\*|{_WORD})(?::(?:\*|{_WORD}))?")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks a service for a change, and what they may do now."""

    name: str
    """A subject, or ``cli:<login name>``."""
    permissions: frozenset[str]

    @classmethod
    def operator(cls, name: str) -> Self:
        """Return an actor who may do everything: whoever has the machine has its keys."""
        return cls(name, frozenset({EVERYTHING, ADMINISTRATION}))


def check_permission(text: object, *, wildcards: bool = True) -> str:
    """Return *text* if it is a permission: two or three lower-case words, joined by ``:``.

    Args:
        wildcards: Whether ``*`` may stand for parts: last for one or more (``agent:*``), in the
            middle for one (``agent:*:read``), alone for everything but ``jafsec:*``. Never for
            the first part of several.

    Raises:
        InvalidValue: It is something else.
    """
    pattern = _WILDCARD if wildcards else _PLAIN
    if not isinstance(text, str) or len(text) > MAX_CHARS or not pattern.fullmatch(text):
        form = "two or three lower-case words joined by ':', such as agent:read"
        more = ", or with '*' for whole parts, such as agent:*" if wildcards else ""
        raise InvalidValue("permission", f"must be {form}{more}")
    return text


def check_permissions(texts: Iterable[str]) -> frozenset[str]:
    """Return *texts* as a set, wildcards allowed.

    Raises:
        InvalidValue: One is no permission, or there are more than ``MAX_LISTED``.
    """
    if isinstance(texts, str):
        raise InvalidValue("permissions", "must be several texts, not one")
    checked = frozenset(check_permission(text) for text in texts)
    if len(checked) > MAX_LISTED:
        raise InvalidValue("permissions", f"must be at most {MAX_LISTED}")
    return checked


@lru_cache(maxsize=_MAX_REMEMBERED)
def covers(granted: frozenset[str], needed: str) -> bool:
    """Return whether *granted* includes *needed*, all of it where that is a wildcard.

    Names are without number, so several wildcards never add up to one they do not include singly.
    """
    return needed in granted or any(_includes(pattern, needed) for pattern in granted)


def covers_all(granted: frozenset[str], needed: Iterable[str]) -> bool:
    """Return whether *granted* includes each of *needed*; true when nothing is needed."""
    return all(covers(granted, permission) for permission in needed)


def covers_any(granted: frozenset[str], needed: Iterable[str]) -> bool:
    """Return whether *granted* includes at least one of *needed*."""
    return any(covers(granted, permission) for permission in needed)


def missing(granted: frozenset[str], wanted: Iterable[str]) -> frozenset[str]:
    """Return which of *wanted*, wildcards among them, *granted* does not include."""
    return frozenset(permission for permission in wanted if not covers(granted, permission))


def require_held(actor: Actor, wanted: Iterable[str]) -> None:
    """Let *actor* give *wanted* away: the one place where a grant is compared with its granter.

    Raises:
        GrantExceeded: The actor does not hold all of it.
    """
    lacking = missing(actor.permissions, wanted)
    if lacking:
        raise GrantExceeded(lacking)


@lru_cache(maxsize=_MAX_REMEMBERED)
def intersect(granted: frozenset[str], bound: frozenset[str]) -> frozenset[str]:
    """Return what both include, as the shortest list. A bound never adds anything."""
    if granted == bound:
        return granted
    shared = {met for a in granted for b in bound if (met := _meet(a, b)) is not None}
    return frozenset(p for p in shared if not any(q != p and _includes(q, p) for q in shared))


def _includes(pattern: str, other: str) -> bool:
    """Return whether everything *other* stands for is in *pattern*."""
    if pattern == other:
        return True
    if pattern == EVERYTHING:
        return _first(other) != OWN_FIRST_PART
    if "*" not in pattern or other == EVERYTHING:
        return False
    mine, theirs = pattern.split(":"), other.split(":")
    if mine[1:] == ["*"]:
        return mine[0] == theirs[0]
    return len(mine) == len(theirs) and all(
        a in (b, "*") for a, b in zip(mine, theirs, strict=True)
    )


def _meet(a: str, b: str) -> str | None:
    """Return the permission for what *a* and *b* both stand for, or None when that is nothing."""
    if _includes(a, b):
        return b
    if _includes(b, a):
        return a
    ours, theirs = a.split(":"), b.split(":")
    if len(ours) != len(theirs):
        return None
    parts = [_meet_part(x, y) for x, y in zip(ours, theirs, strict=True)]
    return None if None in parts else ":".join(part for part in parts if part is not None)


def _meet_part(a: str, b: str) -> str | None:
    if a in (b, "*"):
        return b
    return a if b == "*" else None


def _first(permission: str) -> str:
    return permission.partition(":")[0]
