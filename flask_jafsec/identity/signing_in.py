"""Signing in: is this the password of that user? Sessions and tokens are made elsewhere."""

from __future__ import annotations

import contextlib
import hmac
import math
from dataclasses import replace
from datetime import datetime
from typing import Final, Protocol

from flask_jafsec.errors import Busy, InvalidValue, PasswordWrong, StoreUnavailable
from flask_jafsec.events import Event, EventType, Outcome, Severity
from flask_jafsec.identity.names import MAX_NAME_CHARS, name_key
from flask_jafsec.identity.passwords import Passwords
from flask_jafsec.ids import new_id
from flask_jafsec.protocols import Clock, Derive, Recorder, Store, Tables
from flask_jafsec.records import User

#: The key under which names in events are hashed. Source: answers.md, "Purposes of the root key".
PURPOSE: Final = "audit-mac"
CONTEXT: Final = "name"

#: Half of SHA-256: enough to tell names apart.
NAME_REF_CHARS: Final = 32


class Throttle(Protocol):
    """Makes guessing slow, by a reference to the name and the source of the attempt."""

    def wait_s(self, name_ref: str, source: str) -> float:
        """Return the seconds until the next attempt is looked at; 0.0 for now."""

    def failed(self, name_ref: str, source: str) -> None:
        """Count a wrong attempt."""

    def succeeded(self, name_ref: str, source: str) -> None:
        """Note a right one."""


class SignIn:
    """Compares names and passwords.

    Whether a user is unknown, disabled or somebody else, the answer and the work are the same.
    Events hold a keyed hash of the name that was typed: people type passwords there.
    """

    def __init__(
        self,
        store: Store,
        recorder: Recorder,
        passwords: Passwords,
        clock: Clock,
        derive: Derive,
        throttle: Throttle,
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._passwords = passwords
        self._clock = clock
        self._derive = derive
        self._throttle = throttle

    def authenticate(self, name: str, password: str, *, source: str = "") -> User:
        """Return the user called *name*, who may have to change the password (``must_change``).

        Args:
            source: Where the attempt comes from: the caller's address. Without it guessing is
                slowed down by two seconds at most, because the victim would wait as well.

        Raises:
            Busy: Too many passwords are being hashed, or too many wrong ones were tried.
            PasswordWrong: No such user, another password, disabled, or a one-time password whose
                time is over.
            StoreUnavailable: It cannot be known now.
        """
        try:
            key = name_key(name)
        except InvalidValue:
            key = None
        user = None
        if key is not None:
            with self._store.reading() as tables:
                user = tables.users.find_named(key)
        self._compare(user, self._reference(key or name[:MAX_NAME_CHARS]), password, source)
        if user is None:  # a password was compared with nothing, which cannot succeed
            raise PasswordWrong
        self._let_in(user, password, source)
        return user

    def prove(self, user: User, password: str, source: str) -> None:
        """Return if *password* is *user*'s present one. Raises as ``authenticate``."""
        self._compare(user, self._reference(user.name_key), password, source)

    def _compare(self, user: User | None, name_ref: str, password: str, source: str) -> None:
        wait_s = self._throttle.wait_s(name_ref, source)
        if wait_s > 0:
            raise Busy(math.ceil(wait_s))
        try:
            self._passwords.verify(user.password_hash if user else None, password)
            reason = _why_not(user, self._clock.now())
        except PasswordWrong:
            reason = "password_wrong" if user else "user_unknown"
        if reason:
            self._throttle.failed(name_ref, source)
            self._recorder.record(self._failed(user, name_ref, reason, source))
            raise PasswordWrong
        self._throttle.succeeded(name_ref, source)

    def _let_in(self, user: User, password: str, source: str) -> None:
        event = Event(
            id=new_id(),
            type=EventType.SIGN_IN_SUCCEEDED,
            at=self._clock.now(),
            actor=user.id,
            subject=user.id,
            tenant=user.tenant,
            client=source,
        )
        if self._passwords.needs_rehash(user.password_hash):
            # A sign-in does not fail because the better hash must wait for the next one.
            with contextlib.suppress(Busy, StoreUnavailable):
                better = self._passwords.hash(password)
                self._recorder.commit_with(
                    event, lambda tables: _replace_hash(tables, user, better)
                )
                return
        self._recorder.record(event)

    def _failed(self, user: User | None, name_ref: str, reason: str, source: str) -> Event:
        return Event(
            id=new_id(),
            type=EventType.SIGN_IN_FAILED,
            at=self._clock.now(),
            severity=Severity.NOTICE,
            outcome=Outcome.FAIL,
            reason=reason,
            client=source,
            subject=user.id if user else "",
            tenant=user.tenant if user else "",
            facts={"name_ref": name_ref},
        )

    def _reference(self, name: str) -> str:
        key = self._derive.derive(PURPOSE, self._derive.active, CONTEXT)
        # Half a surrogate pair can be typed, too, and must not end in an error of its own.
        digest = hmac.digest(key, name.encode("utf-8", "surrogatepass"), "sha256")
        return digest.hex()[:NAME_REF_CHARS]


def _why_not(user: User | None, now: datetime) -> str:
    """Return why a user with the right password may not sign in; empty if they may."""
    if user is None:
        return "user_unknown"
    if user.disabled_at is not None:
        return "user_disabled"
    if user.password_ends_at is not None and now >= user.password_ends_at:
        return "password_ended"
    return ""


def _replace_hash(tables: Tables, seen: User, password_hash: str) -> None:
    # Raised first: puts this in one order with disabling, which it must not undo.
    tables.raise_epoch()
    present = tables.users.find(seen.id)
    if present is not None and present.password_hash == seen.password_hash:
        tables.users.replace(replace(present, password_hash=password_hash))
