"""A host's own Authorization header is no credential of ours, and switches nothing off."""

from __future__ import annotations

import pytest

from flask_jafsec.web.accounts import COOKIE
from flask_jafsec.web.extension import state_of
from tests.apps import OPERATOR, Place

FOREIGN = [
    pytest.param("Basic c3RhZ2luZzpzZWNyZXQ=", id="a staging proxy"),
    pytest.param("Bearer opaque-host-token", id="an opaque token"),
    pytest.param("Bearer eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJvdGhlciJ9.c2ln", id="another's token"),
    pytest.param('Digest username="x", realm="y"', id="Digest"),
]


def cookie(place: Place) -> str:
    """Return the Cookie header of a signed-in person who may chat."""
    state = state_of(place.app)
    user = state.users.create("Ann", by=OPERATOR, password="a long enough one").user
    state.roles.grant(user.id, "user", by=OPERATOR)
    return f"{COOKIE}={state.sessions.open(user).cookie}"


@pytest.mark.parametrize("authorization", FOREIGN)
def test_a_session_counts_beside_it(place: Place, authorization: str) -> None:
    headers = {"Cookie": cookie(place), "Authorization": authorization}

    assert place.raw.get("/chat", headers=headers).status_code == 200


@pytest.mark.parametrize("authorization", FOREIGN)
def test_an_api_key_counts_beside_it(place: Place, authorization: str) -> None:
    headers = {"X-API-Key": place.key("chat:basic"), "Authorization": authorization}

    assert place.client.get("/chat", headers=headers).status_code == 200


def test_an_api_key_beside_a_key_or_token_of_ours_is_two_credentials(place: Place) -> None:
    key = place.key("chat:basic")
    for authorization in (f"Bearer {key}", place.bearer()["Authorization"]):
        headers = {"X-API-Key": key, "Authorization": authorization}

        assert place.client.get("/chat", headers=headers).status_code == 400


def test_a_session_does_not_count_beside_a_token_of_ours_that_has_ended(place: Place) -> None:
    headers = {**place.bearer("eve", lifetime_s=60), "Cookie": cookie(place)}
    place.clock.advance(600)

    assert place.raw.get("/chat", headers=headers).status_code == 401


def test_a_session_does_not_count_beside_a_revoked_key(place: Place) -> None:
    key = place.key("chat:basic")
    keys = state_of(place.app).keys
    keys.revoke(keys.list()[0].id, by=OPERATOR)
    place.clock.advance(6)

    headers = {"X-API-Key": key, "Cookie": cookie(place)}
    assert place.raw.get("/chat", headers=headers).status_code == 401
