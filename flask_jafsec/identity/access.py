"""What a subject may do now: its roles, looked up and remembered. Roles are changed in roles.py."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from flask_jafsec.errors import StoreUnavailable, UserDisabled
from flask_jafsec.identity.permissions import intersect
from flask_jafsec.identity.remembered import Remembered
from flask_jafsec.protocols import Clock, Store, Tables

#: How many subjects are remembered in one process. An entry is about 300 bytes.
MAX_REMEMBERED: Final = 10_000

#: How long the roles the host told us are trusted, in seconds: its changes do not raise our
#: epoch, and any change must act within 5 s. Source: threats row 5.
LOADED_ROLES_S: Final = 5.0

NOTHING: Final[frozenset[str]] = frozenset()


class Granted(NamedTuple):
    """What a credential may do, and until when that may be remembered."""

    permissions: frozenset[str]
    until: float
    """Seconds since 1970 UTC; infinite where only a new generation can change it."""


@dataclass(frozen=True, slots=True)
class _Held:
    permissions: frozenset[str]
    until: float
    """On the monotonic clock."""
    is_disabled: bool = False


class Access:
    """Tells the permissions of subjects.

    Args:
        built_in: Roles of the configuration; they win over stored ones of the same name.
        load_roles: The host's own knowledge: names of the roles of a subject, beside those granted
            here. Names that no role has grant nothing.
    """

    def __init__(
        self,
        store: Store,
        built_in: Mapping[str, frozenset[str]],
        clock: Clock,
        *,
        load_roles: Callable[[str], Iterable[str]] | None = None,
        max_remembered: int = MAX_REMEMBERED,
    ) -> None:
        self._store = store
        self._built_in = dict(built_in)
        self._clock = clock
        self._load_roles = load_roles
        self._remembered: Remembered[_Held] = Remembered(max_remembered)
        self._defined: tuple[int, Mapping[str, frozenset[str]]] | None = None

    def permissions_of(self, subject: str, generation: int) -> frozenset[str]:
        """Return what the roles of *subject* grant.

        Raises:
            UserDisabled: They are a built-in user who was disabled.
            StoreUnavailable: The store or the host's ``load_roles`` failed. Nobody may be let in
                on a guess.
        """
        return self._held(subject, generation).permissions

    def effective(self, subject: str, scopes: frozenset[str] | None, generation: int) -> Granted:
        """Return what a credential of *subject*, bounded by *scopes*, may do.

        Args:
            scopes: Upper bound; None for all the subject may.

        Raises:
            StoreUnavailable, UserDisabled: As ``permissions_of``.
        """
        held = self._held(subject, generation)
        permissions = held.permissions if scopes is None else intersect(held.permissions, scopes)
        if held.until == math.inf:
            return Granted(permissions, math.inf)
        return Granted(
            permissions, self._clock.time() + max(0.0, held.until - self._clock.monotonic())
        )

    def held_when_enabled(self, subject: str) -> frozenset[str]:
        """Return what *subject* may do once nobody has disabled it; read now, not remembered.

        Raises:
            StoreUnavailable: As ``permissions_of``.
        """
        names = self._loaded(subject)
        with self._store.reading() as tables:
            return _union(names | tables.roles.roles_of(subject), self._read_roles(tables))

    def _held(self, subject: str, generation: int) -> _Held:
        held = self._remembered.find(subject, generation)
        if held is None or (held.until != math.inf and self._clock.monotonic() >= held.until):
            held = self._read(subject, generation)
            self._remembered.keep(subject, generation, held)
        if held.is_disabled:
            raise UserDisabled
        return held

    def _read(self, subject: str, generation: int) -> _Held:
        is_bounded = self._load_roles is not None
        until = self._clock.monotonic() + LOADED_ROLES_S if is_bounded else math.inf
        # The host's function first: it may be slow, and no connection of ours waits for it.
        names = self._loaded(subject)
        with self._store.reading() as tables:
            if is_disabled(tables, subject):
                return _Held(NOTHING, until, is_disabled=True)
            names |= tables.roles.roles_of(subject)
            defined = self._roles_in(tables, generation)
        return _Held(_union(names, defined), until)

    def _roles_in(self, tables: Tables, generation: int) -> Mapping[str, frozenset[str]]:
        defined = self._defined
        if defined is None or defined[0] != generation:
            self._defined = defined = (generation, self._read_roles(tables))
        return defined[1]

    def _read_roles(self, tables: Tables) -> Mapping[str, frozenset[str]]:
        stored = {role.name: role.permissions for role in tables.roles.all()}
        return {**stored, **self._built_in}

    def _loaded(self, subject: str) -> frozenset[str]:
        if self._load_roles is None:
            return NOTHING
        try:
            return _several(self._load_roles(subject))
        except Exception as error:  # the host's code: whatever it raises, nobody gets in
            raise StoreUnavailable(f"load_roles failed: {type(error).__name__}") from error


def is_disabled(tables: Tables, subject: str) -> bool:
    """Return whether *subject* is a built-in user who was disabled; the host's are not ours."""
    user = tables.users.find(subject)
    return user is not None and user.disabled_at is not None


def _several(names: Iterable[str]) -> frozenset[str]:
    if isinstance(names, str):
        raise TypeError("load_roles must return several names, not one text")
    return frozenset(names)


def _union(names: frozenset[str], defined: Mapping[str, frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*(defined.get(name, NOTHING) for name in names))
