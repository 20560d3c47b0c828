"""What comes in from nobody in particular: scanners, guesses, foreign pages, broken clients."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from flask_jafsec.events import EventType, Outcome, Severity
from flask_jafsec.records import Environment

from .cast import Cast
from .company import ADMIN_ROUTES, CHAT, PEOPLE, ROUTES, SCANNERS
from .pen import Caller, Pen

_PROGRAMS = ("curl/8.15.0", "python-requests/2.33.0", "Mozilla/5.0 zgrab/0.x", "Go-http-client/1.1")

#: Names that are guessed; the log keeps a keyed hash of each, never the name.
_GUESSED_NAMES = 14


class Strangers:
    """Writes one visit after another."""

    def __init__(self, pen: Pen, cast: Cast) -> None:
        self._pen = pen
        self._cast = cast
        self._names = [f"{pen.random.getrandbits(64):016x}" for _ in range(_GUESSED_NAMES)]
        self._visits: dict[Callable[[datetime], None], float] = {
            self._scan: 46,
            self._bad_key: 13,
            self._bad_token: 11,
            self._guess: 12,
            self._test_key: 6,
            self._foreign_page: 6,
            self._unreadable: 3,
            self._cross_site: 2,
            self._old_session: 1,
        }

    def one(self, at: datetime) -> None:
        """Write the visit that begins at *at*."""
        (visit,) = self._pen.random.choices(list(self._visits), list(self._visits.values()))
        visit(at)

    def _stranger(self, credential: str = "none") -> Caller:
        random = self._pen.random
        return Caller(random.choice(SCANNERS), random.choice(_PROGRAMS), credential=credential)

    def _scan(self, at: datetime) -> None:
        random, pen = self._pen.random, self._pen
        stranger = self._stranger()
        for number in range(random.randint(1, 3)):
            route = random.choice(ADMIN_ROUTES + ROUTES)
            pen.refuse(at + timedelta(seconds=number * 0.7), stranger, route, "credential_missing")

    def _bad_key(self, at: datetime) -> None:
        reason = self._pen.random.choice(("key_malformed", "key_checksum", "key_unknown"))
        self._pen.refuse(at, self._stranger("key"), CHAT, "credential_invalid", reason)

    def _bad_token(self, at: datetime) -> None:
        reasons = ("signature_wrong", "token_malformed", "algorithm_wrong", "audience_wrong")
        reason = self._pen.random.choice(reasons)
        self._pen.refuse(at, self._stranger("token"), CHAT, "credential_invalid", reason)

    def _guess(self, at: datetime) -> None:
        random = self._pen.random
        client, name = random.choice(SCANNERS), random.choice(self._names)
        for number in range(random.randint(1, 3)):
            self._pen.note(
                at + timedelta(seconds=number * 2.4),
                EventType.SIGN_IN_FAILED,
                severity=Severity.NOTICE,
                outcome=Outcome.FAIL,
                reason="user_unknown",
                client=client,
                facts={"name_ref": name},
            )

    def _test_key(self, at: datetime) -> None:
        """Write that a key of the test environment was tried here, by its owner in the office."""
        random = self._pen.random
        held = random.choice(
            [
                keys[0]
                for keys in self._cast.keys.values()
                if keys[0].key.environment is Environment.TEST
            ]
        )
        if at < held.key.created_at:
            return
        caller = Caller(random.choice(PEOPLE[3:6]).address, "python-httpx/0.28.1", credential="key")
        self._pen.refuse(at, caller, CHAT, "credential_invalid", "key_environment")

    def _foreign_page(self, at: datetime) -> None:
        reason = self._pen.random.choice(("origin_not_listed", "method_not_listed"))
        self._pen.refuse(at, self._stranger(), None, "origin_refused", reason)

    def _unreadable(self, at: datetime) -> None:
        reason = self._pen.random.choice(("host_not_trusted", "host_unreadable"))
        self._pen.refuse(at, self._stranger(), None, "request_malformed", reason)

    def _cross_site(self, at: datetime) -> None:
        person = self._pen.random.choice(PEOPLE[5:20])
        caller = Caller(person.address, person.browser, credential="session")
        self._pen.refuse(at, caller, CHAT, "cross_site_refused")

    def _old_session(self, at: datetime) -> None:
        person = self._pen.random.choice(PEOPLE[:5])
        caller = Caller(person.address, person.browser, credential="session")
        self._pen.refuse(at, caller, CHAT, "credential_invalid", "session_ended")
