"""Browser sessions of the built-in users: a random cookie, a row in the database."""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from flask_jafsec.errors import Conflict, StoreUnavailable
from flask_jafsec.events import Event, EventType
from flask_jafsec.ids import new_id
from flask_jafsec.protocols import Clock, Recorder, Store
from flask_jafsec.records import Session, User

#: Bytes of randomness in a session's cookie. Source: OWASP Session Management, at least 64 bits;
#: 256 as for every secret here.
COOKIE_BYTES: Final = 32

_COOKIE: Final = re.compile(r"[A-Za-z0-9_-]{43}")  # 32 bytes in base64url without padding

#: The time of last use is written at most this often, in seconds.
SEEN_EVERY_S: Final = 60


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A new session and its cookie value, which is stored nowhere."""

    session: Session
    cookie: str


class Sessions:
    """Opens, finds and ends sessions.

    Args:
        idle_s: Seconds without a request after which a session ends.
        lifetime_s: Seconds after which it ends in any case.
    """

    def __init__(
        self, store: Store, recorder: Recorder, clock: Clock, *, idle_s: int, lifetime_s: int
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._clock = clock
        self._idle = timedelta(seconds=idle_s)
        self._lifetime = timedelta(seconds=lifetime_s)

    def open(self, user: User) -> OpenedSession:
        """Open a session for *user*, who has just proved who they are."""
        cookie = secrets.token_urlsafe(COOKIE_BYTES)
        now = self._clock.now()
        session = Session(
            digest=_digest(cookie),
            id=new_id(),
            user_id=user.id,
            created_at=now,
            seen_at=now,
            expires_at=now + self._lifetime,
        )
        with self._store.writing() as tables:
            tables.sessions.add(session)
        return OpenedSession(session, cookie)

    def find(self, cookie: str) -> tuple[Session, User] | None:
        """Return the live session of *cookie* and its user, or None.

        Raises:
            StoreUnavailable: The database did not answer; nobody is signed in then.
        """
        if not _is_plausible(cookie):
            return None
        now = self._clock.now()
        with self._store.reading() as tables:
            session = tables.sessions.find(_digest(cookie))
            user = tables.users.find(session.user_id) if session else None
        if session is None or user is None or not self._is_live(session, user, now):
            return None
        if now - session.seen_at >= timedelta(seconds=SEEN_EVERY_S):
            self._touch(session.digest, now)
        return session, user

    def renew(self, session: Session) -> OpenedSession:
        """Put a new session in the place of *session*, whose user has just proved who they are.

        It ends when the old one would have. Another cookie, so that one that was stolen before
        gains nothing by the proof.

        Raises:
            Conflict: It has ended meanwhile, as by a new password.
        """
        cookie = secrets.token_urlsafe(COOKIE_BYTES)
        now = self._clock.now()
        renewed = replace(session, digest=_digest(cookie), id=new_id(), created_at=now, seen_at=now)
        with self._store.writing() as tables:
            present = tables.sessions.find(session.digest)
            if present is None or present.ended_at is not None:
                raise Conflict("the session has ended; sign in again")
            tables.sessions.replace(replace(present, ended_at=now))
            tables.sessions.add(renewed)
        return OpenedSession(renewed, cookie)

    def end(self, session: Session, user: User) -> None:
        """End one session: sign out."""
        now = self._clock.now()
        event = Event(id=new_id(), type=EventType.SIGN_OUT, at=now, actor=user.id, subject=user.id)
        self._recorder.commit_with(
            event, lambda tables: tables.sessions.replace(replace(session, ended_at=now))
        )

    def end_all(self, user_id: str) -> int:
        """End every session of a user; return how many there were."""
        with self._store.writing() as tables:
            return tables.sessions.end_all(user_id, self._clock.now())

    def _is_live(self, session: Session, user: User, now: datetime) -> bool:
        if session.ended_at is not None or user.disabled_at is not None:
            return False
        return now < session.expires_at and now - session.seen_at < self._idle

    def _touch(self, digest: bytes, now: datetime) -> None:
        """Note the use, unless the session ended meanwhile; a busy database forgoes the note."""
        with contextlib.suppress(StoreUnavailable), self._store.writing() as tables:
            session = tables.sessions.find(digest)
            if session is not None and session.ended_at is None:
                tables.sessions.replace(replace(session, seen_at=now))


def _digest(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode()).digest()


def _is_plausible(cookie: str) -> bool:
    """Return whether the value can be one of ours, before anything is looked up with it."""
    return _COOKIE.fullmatch(cookie) is not None
