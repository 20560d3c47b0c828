"""Roles, and who holds them. Whether a caller may ask is said by the caller's route."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from flask_jafsec.errors import Conflict, NotFound
from flask_jafsec.events import Event, EventType
from flask_jafsec.identity.names import check_line, check_name, check_role_name
from flask_jafsec.identity.permissions import (
    ADMINISTRATION,
    Actor,
    check_permission,
    check_permissions,
    covers,
    require_held,
)
from flask_jafsec.ids import new_id
from flask_jafsec.protocols import Clock, Recorder, Store, Tables
from flask_jafsec.records import Grant, Role


class Roles:
    """Defines roles and grants them.

    Nobody gives away what they do not hold: a grant needs all the role's permissions, a definition
    its old and its new ones. Every change raises the epoch first, which puts the transactions in
    one order, so what is read afterwards cannot change before the commit.

    Args:
        built_in: Roles of the configuration; they cannot be changed while running, and win over
            stored ones of the same name.
    """

    def __init__(
        self,
        store: Store,
        recorder: Recorder,
        clock: Clock,
        built_in: Mapping[str, frozenset[str]],
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._clock = clock
        self._built_in = {
            name: Role(name, permissions, built_in=True) for name, permissions in built_in.items()
        }

    # -- looking --

    def all(self) -> Sequence[Role]:
        """Return every role, by name."""
        with self._store.reading() as tables:
            return self._in(tables)

    def get(self, name: str) -> Role:
        """Return the role *name*. Raises NotFound."""
        with self._store.reading() as tables:
            return self._get(tables, name)

    def roles_of(self, subject: str) -> frozenset[str]:
        """Return the names of the roles granted to *subject* here."""
        with self._store.reading() as tables:
            return tables.roles.roles_of(subject)

    def holders_of(self, name: str) -> Sequence[str]:
        """Return the subjects the role is granted to, sorted."""
        with self._store.reading() as tables:
            return tables.roles.holders_of(name)

    def who_can(self, permission: str) -> Sequence[tuple[str, str]]:
        """Return who may do *permission* and through which role, sorted.

        Disabled users are left out, and so is what the host's ``load_roles`` tells.
        """
        check_permission(permission)
        with self._store.reading() as tables:
            roles = [role for role in self._in(tables) if covers(role.permissions, permission)]
            holdings = [
                (s, role.name) for role in roles for s in tables.roles.holders_of(role.name)
            ]
            able = {s for s in {s for s, _ in holdings} if not _is_disabled(tables, s)}
        return sorted(holding for holding in holdings if holding[0] in able)

    # -- changing --

    def define(
        self, name: str, permissions: Iterable[str], *, by: Actor, description: str = ""
    ) -> Role:
        """Make the role *name* grant exactly *permissions*, from now on, to all its holders.

        Raises:
            Conflict: It is built in; or it changed meanwhile; or nobody could administrate any
                more; or a role of the configuration was called so and still has holders.
            GrantExceeded: The actor does not hold all its old and new permissions.
            InvalidValue: The name, a permission or the description cannot be used.
        """
        self._refuse_built_in(name)
        new = Role(
            check_role_name(name),
            check_permissions(permissions),
            check_line("description", description),
        )
        with self._store.reading() as tables:
            old = tables.roles.find(name)
        before = old.permissions if old else frozenset[str]()
        require_held(by, before | new.permissions)
        facts = {"permissions": sorted(new.permissions), "before": sorted(before)}
        event = self._event(EventType.ROLE_DEFINED, by, name, facts=facts)
        return self._recorder.commit_with(event, lambda tables: self._put(tables, old, new))

    def remove(self, name: str, *, by: Actor) -> None:
        """Remove the role *name* and withdraw it from everybody.

        Raises:
            Conflict: It is built in, or nobody could administrate any more.
            NotFound: There is no such role.
        """
        self._refuse_built_in(name)
        role = self.get(name)

        def change(tables: Tables) -> None:
            tables.raise_epoch()
            with self.keeping_an_administrator(tables):
                tables.roles.remove(name)

        facts = {"before": sorted(role.permissions)}
        self._recorder.commit_with(
            self._event(EventType.ROLE_REMOVED, by, name, facts=facts), change
        )

    def grant(self, subject: str, role: str, *, by: Actor) -> bool:
        """Give *role* to *subject*; return whether it was new.

        Raises:
            Conflict: The role changed meanwhile.
            GrantExceeded: The actor does not hold all the role grants.
            InvalidValue: Nobody can be called *subject*.
            NotFound: There is no such role.
        """
        check_name("subject", subject)
        with self._store.reading() as tables:
            found = self._get(tables, role)
            holds_already = role in tables.roles.roles_of(subject)
        require_held(by, found.permissions)
        if holds_already:
            return False

        def change(tables: Tables) -> bool:
            tables.raise_epoch()
            if self._get(tables, role) != found:
                raise Conflict(f"the role {role!r} was changed meanwhile; look again")
            return tables.roles.grant(Grant(subject, role, by.name, self._clock.now()))

        facts = {"permissions": sorted(found.permissions)}
        return self._recorder.commit_with(
            self._event(EventType.ROLE_GRANTED, by, role, subject, facts), change
        )

    def withdraw(self, subject: str, role: str, *, by: Actor) -> bool:
        """Take *role* from *subject*; return whether it was held.

        Raises:
            Conflict: Nobody could administrate any more.
        """
        if role not in self.roles_of(subject):
            return False

        def change(tables: Tables) -> bool:
            tables.raise_epoch()
            with self.keeping_an_administrator(tables):
                return tables.roles.withdraw(subject, role)

        return self._recorder.commit_with(
            self._event(EventType.ROLE_WITHDRAWN, by, role, subject), change
        )

    @contextmanager
    def keeping_an_administrator(self, tables: Tables) -> Iterator[None]:
        """Let the block change *tables*, unless it takes the last administrator away.

        An administrator is an enabled holder of a role with ``jafsec:*``.

        Raises:
            Conflict: There was one before, and is none after.
        """
        had_one = self._has_administrator(tables)
        yield
        if had_one and not self._has_administrator(tables):
            raise Conflict(
                "this would leave nobody who can administrate; grant it to another first"
            )

    # -- how --

    def _put(self, tables: Tables, old: Role | None, new: Role) -> Role:
        tables.raise_epoch()
        if tables.roles.find(new.name) != old:
            raise Conflict(f"the role {new.name!r} was changed meanwhile; look again")
        if old is None and tables.roles.holders_of(new.name):
            raise Conflict(f"{new.name!r} was granted before it is defined; withdraw it first")
        with self.keeping_an_administrator(tables):
            tables.roles.put(new)
        return new

    def _has_administrator(self, tables: Tables) -> bool:
        return any(
            not _is_disabled(tables, subject)
            for role in self._in(tables)
            if covers(role.permissions, ADMINISTRATION)
            for subject in tables.roles.holders_of(role.name)
        )

    def _in(self, tables: Tables) -> Sequence[Role]:
        named = {role.name: role for role in tables.roles.all()} | self._built_in
        return sorted(named.values(), key=lambda role: role.name)

    def _get(self, tables: Tables, name: str) -> Role:
        role = self._built_in.get(name) or tables.roles.find(name)
        if role is None:
            raise NotFound("role", name)
        return role

    def _refuse_built_in(self, name: str) -> None:
        if name in self._built_in:
            raise Conflict(f"the role {name!r} comes from the configuration; change it there")

    def _event(
        self,
        event_type: EventType,
        by: Actor,
        role: str,
        subject: str = "",
        facts: Mapping[str, object] | None = None,
    ) -> Event:
        return Event(
            id=new_id(),
            type=event_type,
            at=self._clock.now(),
            actor=by.name,
            subject=subject,
            facts={"role": role, **(facts or {})},
        )


def _is_disabled(tables: Tables, subject: str) -> bool:
    user = tables.users.find(subject)
    return user is not None and user.disabled_at is not None
