"""What a new key may be given: the permissions that routes ask for, so that nobody invents one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from flask import Flask

from flask_jafsec.errors import InvalidValue
from flask_jafsec.identity.permissions import EVERYTHING, covers, covers_all
from flask_jafsec.web.route_table import RouteRow, rows

#: Methods that change nothing. Source: RFC 9110 section 9.2.1.
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Scope:
    """One permission that a key can be given."""

    name: str
    is_held: bool
    """Whether whoever gives it holds it."""
    opens: tuple[str, ...] = ()
    """Routes that ask for it, as ``GET /agents``; none for a wildcard."""
    only_reads: bool = False
    """Whether none of these routes changes anything."""


@dataclass(frozen=True, slots=True)
class ScopeGroup:
    """Permissions with the same first word."""

    name: str
    scopes: tuple[Scope, ...]
    wildcard: Scope


@dataclass(frozen=True, slots=True)
class ScopeChoice:
    """All that can be chosen."""

    groups: tuple[ScopeGroup, ...]
    everything: Scope

    @property
    def singles(self) -> tuple[Scope, ...]:
        """Every permission without a wildcard."""
        return tuple(scope for group in self.groups for scope in group.scopes)

    def chosen(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return *names* if each can be chosen, and there is one. Raises InvalidValue."""
        wildcards = [*(group.wildcard.name for group in self.groups), self.everything.name]
        known = {*(scope.name for scope in self.singles), *wildcards}
        found = tuple(dict.fromkeys(names))
        if not found:
            raise InvalidValue("scopes", "must be at least one: the key could do nothing")
        if not known.issuperset(found):
            raise InvalidValue("scopes", "must be permissions that a route asks for")
        return found


@dataclass(slots=True)
class _Asked:
    opens: list[str] = field(default_factory=list)
    methods: set[str] = field(default_factory=set)


def scope_choice(app: Flask, held: frozenset[str]) -> ScopeChoice:
    """Return what somebody who holds *held* can give to a key."""
    asked: dict[str, _Asked] = {}
    for row in rows(app):
        if row.access == "require" and _takes_keys(row):
            for permission in row.permissions:
                one = asked.setdefault(permission, _Asked())
                one.opens.append(f"{', '.join(row.methods)} {row.rule}")
                one.methods.update(row.methods)
    scopes = [
        Scope(name, covers(held, name), tuple(one.opens), one.methods <= SAFE)
        for name, one in sorted(asked.items())
    ]
    groups = tuple(
        ScopeGroup(first, tuple(members), Scope(f"{first}:*", covers(held, f"{first}:*")))
        for first, members in groupby(scopes, key=lambda scope: scope.name.partition(":")[0])
    )
    return ScopeChoice(groups, Scope(EVERYTHING, covers(held, EVERYTHING)))


def example_route(app: Flask, granted: frozenset[str]) -> tuple[str, str] | None:
    """Return method and path of a route without parameters that a key with *granted* may call.

    One that changes nothing, and that not everybody may call, comes first.
    """
    found = [
        (method not in SAFE, not row.permissions, row.rule, method)
        for row in rows(app)
        if row.access == "require" and "<" not in row.rule and not row.owner
        if _takes_keys(row) and _permits(row, granted)
        for method in row.methods
        if method not in ("HEAD", "OPTIONS")
    ]
    if not found:
        return None
    _, _, path, method = min(found)
    return method, path


def _takes_keys(row: RouteRow) -> bool:
    return not row.credentials or "key" in row.credentials


def _permits(row: RouteRow, granted: frozenset[str]) -> bool:
    if row.any_of:
        return any(covers(granted, permission) for permission in row.permissions)
    return covers_all(granted, row.permissions)


def read_only(choice: ScopeChoice) -> Sequence[str]:
    """Return the permissions that only open routes which change nothing."""
    return [scope.name for scope in choice.singles if scope.only_reads]
