"""What the writer does beside writing: old rows are forgotten, uses of keys are written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest

from flask_jafsec.ids import new_id
from flask_jafsec.protocols import Store
from flask_jafsec.records import Session, User
from flask_jafsec.stores.memory import MemoryStore
from flask_jafsec.stores.sql.store import SqlStore
from flask_jafsec.web.extension import state_of
from tests.apps import OPERATOR, Place, make_place

DAY_S = 86_400


@pytest.fixture(params=["memory", "sqlite"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    if request.param == "memory":
        yield made_on(MemoryStore())
        return
    with closing(SqlStore(request.getfixturevalue("sqlite_url"))) as store:
        yield made_on(store)


def made_on(store: Store) -> Place:
    return make_place(
        store=store, JAFSEC_SESSION_LIFETIME_S=DAY_S, JAFSEC_TOKEN_REFRESH_LIFETIME_S=DAY_S
    )


def tick(place: Place) -> None:
    """Do what the writer does once a second, now and not by its own time."""
    state_of(place.app).services.trail._tick()


def kept(place: Place, cookie: str, refresh: str, family: str) -> tuple[bool, bool, bool]:
    with state_of(place.app).store.reading() as tables:
        return (
            tables.sessions.find(hashlib.sha256(cookie.encode()).digest()) is not None,
            tables.tokens.find_refresh(refresh[4:30]) is not None,
            tables.tokens.is_family_revoked(family),
        )


@pytest.fixture
def user(place: Place) -> User:
    return state_of(place.app).users.create("Ann", by=OPERATOR, password="a long enough one").user


def test_old_rows_are_forgotten_a_week_after_their_end_and_not_before(
    place: Place, user: User
) -> None:
    state = state_of(place.app)
    cookie = state.sessions.open(user).cookie
    pair = state.tokens.issue(user.id)
    state.tokens.revoke_family(pair.family, by="cli:tests")
    rows = (cookie, pair.refresh, pair.family)

    place.clock.advance(8 * DAY_S - 60)
    tick(place)
    assert kept(place, *rows) == (True, True, True)

    place.clock.advance(2 * 3_600)
    tick(place)
    assert kept(place, *rows)[:2] == (False, False)


def test_a_ban_is_forgotten_when_all_it_bans_has_ended(place: Place, user: User) -> None:
    state = state_of(place.app)
    pair = state.tokens.issue(user.id)
    state.tokens.revoke_family(pair.family, by="cli:tests")
    rows = ("", pair.refresh, pair.family)

    place.clock.advance(state.tokens.longest_s)
    tick(place)
    assert kept(place, *rows)[2]

    place.clock.advance(60 * DAY_S)
    tick(place)
    assert not kept(place, *rows)[2]


def test_old_rows_are_looked_for_once_an_hour(place: Place, user: User) -> None:
    store = state_of(place.app).store
    tick(place)
    now = place.clock.now()
    old = Session(
        digest=hashlib.sha256(b"old").digest(),
        id=new_id(),
        user_id=user.id,
        created_at=now - timedelta(days=31),
        seen_at=now - timedelta(days=31),
        expires_at=now - timedelta(days=30),
    )
    with store.writing() as tables:
        tables.sessions.add(old)

    found = []
    for seconds in (1, 3_598, 1):
        place.clock.advance(seconds)
        tick(place)
        with store.reading() as tables:
            found.append(tables.sessions.find(old.digest) is not None)

    assert found == [True, True, False]


def test_uses_of_keys_are_written_by_the_chore_and_at_the_end(place: Place) -> None:
    state = state_of(place.app)
    headers = {"X-API-Key": place.key("chat:basic")}
    key_id = state.keys.list()[0].id

    place.client.get("/chat", headers=headers)
    tick(place)
    used_at = state.keys.get(key_id).last_used_at
    assert used_at == place.clock.now()

    place.clock.advance(1)
    place.client.get("/chat", headers=headers)
    tick(place)
    assert state.keys.get(key_id).last_used_at == used_at
    state.services.trail.close()
    assert state.keys.get(key_id).last_used_at == place.clock.now()
