"""Browser sessions: how long they last, how they end, and what is kept of the cookie."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from flask_jafsec.events import EventType
from flask_jafsec.identity.sessions import SEEN_EVERY_S, Sessions
from flask_jafsec.records import User
from tests.identity.raced_store import RacedStore
from tests.identity.rights_setting import GOOD, OPERATOR, House, UntouchableStore

IDLE_S = 1_800
LIFETIME_S = 12 * 3_600


@pytest.fixture
def user(raced_house: House) -> User:
    return raced_house.users.create("Ann", by=OPERATOR, password=GOOD).user


@pytest.fixture
def sessions(raced_house: House) -> Sessions:
    return Sessions(
        raced_house.store,
        raced_house.notebook,
        raced_house.clock,
        idle_s=IDLE_S,
        lifetime_s=LIFETIME_S,
    )


def test_a_cookie_finds_its_session_and_user(sessions: Sessions, user: User) -> None:
    opened = sessions.open(user)

    found = sessions.find(opened.cookie)

    assert found is not None
    assert (found[0].id, found[1].id) == (opened.session.id, user.id)


@pytest.mark.parametrize(
    ("every_s", "times", "lives"),
    [
        pytest.param(IDLE_S - 1, 1, True, id="just not idle"),
        pytest.param(IDLE_S, 1, False, id="idle to the second"),
        pytest.param(IDLE_S - 1, 24, True, id="busy, just not old"),
        pytest.param(IDLE_S - 1, 25, False, id="old, however busy"),
        pytest.param(600, 71, True, id="the last ten minutes"),
        pytest.param(600, 72, False, id="twelve hours to the second"),
    ],
)
def test_a_session_ends_when_idle_and_when_old(
    sessions: Sessions, user: User, raced_house: House, every_s: int, times: int, lives: bool
) -> None:
    cookie = sessions.open(user).cookie
    for _ in range(times - 1):
        raced_house.clock.advance(every_s)
        assert sessions.find(cookie) is not None

    raced_house.clock.advance(every_s)

    assert (sessions.find(cookie) is not None) is lives


def test_an_ended_session_stays_ended(sessions: Sessions, user: User, raced_house: House) -> None:
    opened, other = sessions.open(user), sessions.open(user)

    sessions.end(opened.session, user)

    assert sessions.find(opened.cookie) is None
    assert sessions.find(other.cookie) is not None
    (event,) = raced_house.notebook.of(EventType.SIGN_OUT)
    assert event.actor == user.id


def test_all_sessions_of_a_person_end_and_nobody_elses(
    sessions: Sessions, user: User, raced_house: House
) -> None:
    other = raced_house.users.create("Bob", by=OPERATOR, password=GOOD).user
    theirs = sessions.open(other).cookie
    cookies = [sessions.open(user).cookie for _ in range(3)]

    assert sessions.end_all(user.id) == 3

    assert [sessions.find(cookie) for cookie in cookies] == [None] * 3
    assert sessions.find(theirs) is not None


def test_a_disabled_user_has_no_session(sessions: Sessions, user: User, raced_house: House) -> None:
    raced_house.users.disable(user.id, by=OPERATOR)

    # Opened after the disabling: the session itself was never ended.
    assert sessions.find(sessions.open(user).cookie) is None


def test_only_the_digest_of_the_cookie_is_kept(
    sessions: Sessions, user: User, raced_house: House, tmp_path: Path
) -> None:
    opened = sessions.open(user)

    assert opened.session.digest == hashlib.sha256(opened.cookie.encode()).digest()
    assert opened.cookie not in repr(opened.session)
    assert opened.cookie not in repr(raced_house.notebook.events)
    for file in tmp_path.glob("*.sqlite*"):
        assert opened.cookie.encode() not in file.read_bytes()
    with raced_house.store.reading() as tables:
        assert tables.sessions.find(opened.session.digest) == opened.session
        assert tables.sessions.find(opened.cookie.encode()) is None


def test_cookies_have_256_random_bits_and_never_come_twice(sessions: Sessions, user: User) -> None:
    cookies = {sessions.open(user).cookie for _ in range(50)}

    assert len(cookies) == 50
    assert {len(cookie) for cookie in cookies} == {43}
    assert len({cookie[:8] for cookie in cookies} | {cookie[-8:] for cookie in cookies}) == 100


@pytest.mark.parametrize(
    "cookie", ["", "x", "x" * 42, "x" * 44, "\u00e9" * 43, "x" * 42 + "\n", "x" * 42 + "%"]
)
def test_a_value_that_cannot_be_ours_is_not_looked_up(raced_house: House, cookie: str) -> None:
    sessions = Sessions(
        UntouchableStore(), raced_house.notebook, raced_house.clock, idle_s=1, lifetime_s=1
    )

    assert sessions.find(cookie) is None


def test_the_last_use_is_written_once_a_minute(
    sessions: Sessions, user: User, raced_house: House
) -> None:
    cookie = sessions.open(user).cookie
    before = raced_house.store.writes

    for _ in range(SEEN_EVERY_S * 3):
        raced_house.clock.advance(1)
        sessions.find(cookie)

    assert raced_house.store.writes == before + 3


def test_noting_a_use_does_not_bring_an_ended_session_back(
    sessions: Sessions, user: User, raced: RacedStore, raced_house: House
) -> None:
    opened = sessions.open(user)
    raced_house.clock.advance(SEEN_EVERY_S)
    raced.meanwhile.append(lambda: sessions.end(opened.session, user))

    sessions.find(opened.cookie)

    assert raced.meanwhile == []
    assert sessions.find(opened.cookie) is None


def test_a_database_that_cannot_be_written_signs_nobody_out(
    sessions: Sessions, user: User, raced_house: House
) -> None:
    cookie = sessions.open(user).cookie
    raced_house.clock.advance(SEEN_EVERY_S)
    raced_house.store.cannot_write = True

    assert sessions.find(cookie) is not None


def test_an_absolute_lifetime_is_counted_from_the_sign_in(
    sessions: Sessions, user: User, raced_house: House
) -> None:
    opened = sessions.open(user)

    assert opened.session.expires_at - opened.session.created_at == timedelta(seconds=LIFETIME_S)
    assert opened.session.created_at == raced_house.clock.now()
