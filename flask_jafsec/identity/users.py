"""The built-in users: made, disabled, given passwords. How they sign in stands in signing_in.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from flask_jafsec.errors import Conflict, InvalidValue, NotFound
from flask_jafsec.events import Event, EventType
from flask_jafsec.identity.access import Access
from flask_jafsec.identity.names import check_line, name_key
from flask_jafsec.identity.passwords import (
    Passwords,
    check_strength,
    new_one_time_password,
    normalised,
)
from flask_jafsec.identity.permissions import Actor, require_held
from flask_jafsec.identity.roles import Roles
from flask_jafsec.identity.sign_in_throttle import SignInThrottle
from flask_jafsec.identity.signing_in import SignIn, Throttle
from flask_jafsec.ids import new_id
from flask_jafsec.protocols import Clock, Derive, Recorder, Store, Tables
from flask_jafsec.records import User

__all__ = ["NewPassword", "Throttle", "Users"]

#: How long a handed-out password works. Source: answers.md, "First sign-in".
ONE_TIME_LIFETIME: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class NewPassword:
    """A user who was given a password."""

    user: User
    one_time_password: str = field(repr=False)
    """To be shown once and changed at the first sign-in; empty where one was chosen."""


class Users:
    """Makes users, disables them, changes their passwords, and lets them in (``authenticate``).

    A new user may do nothing until a role is granted. Every change of a user raises the epoch.

    Args:
        derive: Makes the key under which names in events are hashed.
        throttle: Slows guessing down; one in memory when left out.
        end_tokens: Revokes every token of a user, in the transaction it is given; left out,
            there are none.
    """

    def __init__(
        self,
        store: Store,
        recorder: Recorder,
        passwords: Passwords,
        clock: Clock,
        derive: Derive,
        roles: Roles,
        access: Access,
        *,
        throttle: Throttle | None = None,
        end_tokens: Callable[[Tables, str], None] | None = None,
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._passwords = passwords
        self._clock = clock
        self._roles = roles
        self._access = access
        self._end_tokens = end_tokens
        self._sign_in = SignIn(
            store, recorder, passwords, clock, derive, throttle or SignInThrottle(clock)
        )
        self.authenticate = self._sign_in.authenticate

    # -- looking --

    def get(self, user_id: str) -> User:
        """Return the user with this id. Raises NotFound."""
        with self._store.reading() as tables:
            return _get(tables, user_id)

    def find(self, name: str) -> User | None:
        """Return the user called *name*, however it is typed, or None."""
        try:
            key = name_key(name)
        except InvalidValue:
            return None
        with self._store.reading() as tables:
            return tables.users.find_named(key)

    def names(self, user_ids: Iterable[str]) -> Mapping[str, str]:
        """Return the names of those that are users here, by their ids."""
        with self._store.reading() as tables:
            return tables.users.names(set(user_ids))

    def list(self, *, after: str = "", limit: int = 100) -> Sequence[User]:
        """Return users in the order of their ids (oldest first), those after the id *after*."""
        with self._store.reading() as tables:
            return tables.users.page(after=after, limit=limit)

    def any(self) -> bool:
        """Return whether there is a user at all."""
        return bool(self.list(limit=1))

    # -- changing --

    def create(
        self, name: str, *, by: Actor, password: str | None = None, tenant: str = ""
    ) -> NewPassword:
        """Make a user called *name*.

        Args:
            password: Chosen by the person; left out, a one-time password is made, which works for
                24 hours and must be changed.

        Raises:
            Busy: Too many passwords are being hashed.
            Conflict: Somebody is called so.
            InvalidValue: The name or the password cannot be used.
        """
        key = name_key(name)
        check_line("tenant", tenant)
        if password is not None:
            check_strength(password, name=name)
        now = self._clock.now()
        draft = User(
            id=new_id(int(self._clock.time() * 1000)),
            name=name.strip(),
            name_key=key,
            password_hash="",
            tenant=tenant,
            created_at=now,
            created_by=by.name,
            password_set_at=now,
        )
        made = self._with_password(draft, password, now)

        def change(tables: Tables) -> None:
            tables.raise_epoch()
            tables.users.add(made.user)

        facts = {"must_change": made.user.must_change}
        event = self._event(EventType.USER_CREATED, by.name, made.user, facts)
        self._recorder.commit_with(event, change)
        return made

    def prove(self, user_id: str, password: str, *, source: str = "") -> None:
        """Return if *password* is the user's present one. Raises as ``authenticate``, NotFound."""
        self._sign_in.prove(self.get(user_id), password, source)

    def change_password(self, user_id: str, old: str, new: str, *, source: str = "") -> User:
        """Let a person replace the password; ends all their sessions and tokens.

        Args:
            source: The caller's address.

        Raises:
            Busy: Too many passwords are being hashed, or too many wrong ones were tried.
            Conflict: The password was changed meanwhile.
            InvalidValue: The new password cannot be used.
            NotFound: There is no such user.
            PasswordWrong: *old* is not the present password, or the user may not sign in.
        """
        user = self.get(user_id)
        check_strength(new, name=user.name)
        self._sign_in.prove(user, old, source)
        if normalised(new) == normalised(old):
            raise InvalidValue("password", "must differ from the present one")
        changed = self._with_password(user, new, self._clock.now()).user
        event = self._event(EventType.USER_PASSWORD_CHANGED, user.id, user, {"by": "owner"})

        def change(tables: Tables) -> User:
            replaced = _replace_password(tables, user, changed)
            self._end_tokens_of(tables, user.id)
            return replaced

        return self._recorder.commit_with(event, change)

    def reset_password(self, user_id: str, *, by: Actor) -> NewPassword:
        """Give a user a one-time password for 24 hours; ends all their sessions and tokens.

        Whoever has stolen a refresh token would otherwise outlast the reset by weeks.

        Raises:
            Busy: Too many passwords are being hashed.
            Conflict: The password was changed meanwhile.
            GrantExceeded: The actor holds less than the user, and could sign in as them.
            NotFound: There is no such user.
        """
        user = self.get(user_id)
        require_held(by, self._access.held_when_enabled(user_id))
        made = self._with_password(user, None, self._clock.now())
        event = self._event(EventType.USER_PASSWORD_CHANGED, by.name, user, {"by": "operator"})

        def change(tables: Tables) -> None:
            _replace_password(tables, user, made.user)
            self._end_tokens_of(tables, user.id)

        self._recorder.commit_with(event, change)
        return made

    def disable(self, user_id: str, *, by: Actor) -> User:
        """Take everything a user may do away, and end their sessions and tokens.

        Keys they own are refused as long as they are disabled; roles stay for later.

        Raises:
            Conflict: Nobody could administrate any more.
            NotFound: There is no such user.
        """
        now = self._clock.now()

        def disabled(tables: Tables, user: User) -> User:
            with self._roles.keeping_an_administrator(tables):
                changed = replace(user, disabled_at=now)
                tables.users.replace(changed)
            tables.sessions.end_all(user.id, now)
            # For good: nobody remembers, at enabling, which of them a thief may hold.
            self._end_tokens_of(tables, user.id)
            return changed

        return self._switch(user_id, by, EventType.USER_DISABLED, disabled)

    def enable(self, user_id: str, *, by: Actor) -> User:
        """Let a disabled user in again, with the roles and keys they still have; no old token.

        Raises:
            GrantExceeded: The actor holds less than the user would.
            NotFound: There is no such user.
        """
        require_held(by, self._access.held_when_enabled(user_id))

        def enabled(tables: Tables, user: User) -> User:
            changed = replace(user, disabled_at=None)
            tables.users.replace(changed)
            return changed

        return self._switch(user_id, by, EventType.USER_ENABLED, enabled)

    # -- how --

    def _switch(
        self,
        user_id: str,
        by: Actor,
        event_type: EventType,
        switched: Callable[[Tables, User], User],
    ) -> User:
        wants_disabled = event_type is EventType.USER_DISABLED
        user = self.get(user_id)
        if (user.disabled_at is not None) is wants_disabled:
            return user

        def change(tables: Tables) -> User:
            tables.raise_epoch()
            return switched(tables, _get(tables, user_id))

        return self._recorder.commit_with(self._event(event_type, by.name, user, {}), change)

    def _end_tokens_of(self, tables: Tables, user_id: str) -> None:
        if self._end_tokens is not None:
            self._end_tokens(tables, user_id)

    def _with_password(self, user: User, chosen: str | None, now: datetime) -> NewPassword:
        password = new_one_time_password() if chosen is None else chosen
        changed = replace(
            user,
            password_hash=self._passwords.hash(password),
            password_set_at=now,
            must_change=chosen is None,
            password_ends_at=now + ONE_TIME_LIFETIME if chosen is None else None,
        )
        return NewPassword(changed, password if chosen is None else "")

    def _event(
        self, event_type: EventType, actor: str, user: User, facts: Mapping[str, object]
    ) -> Event:
        return Event(
            id=new_id(),
            type=event_type,
            at=self._clock.now(),
            actor=actor,
            subject=user.id,
            tenant=user.tenant,
            facts=facts,
        )


def _get(tables: Tables, user_id: str) -> User:
    user = tables.users.find(user_id)
    if user is None:
        raise NotFound("user", user_id)
    return user


def _replace_password(tables: Tables, seen: User, changed: User) -> User:
    tables.raise_epoch()
    present = _get(tables, seen.id)
    if present.password_hash != seen.password_hash:
        raise Conflict("the password was changed meanwhile; try again")
    changed = replace(changed, disabled_at=present.disabled_at)
    tables.users.replace(changed)
    tables.sessions.end_all(seen.id, changed.password_set_at)
    return changed
