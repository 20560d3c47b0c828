"""A credential that has ended leaves its reason, wherever the request went on to."""

from __future__ import annotations

from flask_jafsec.events import EventType
from flask_jafsec.web.extension import state_of
from tests.apps import OPERATOR, Place


def refused_uses(place: Place, key_id: str) -> int:
    """Return how often the key was refused, as the console counts it."""
    state = state_of(place.app)
    state.services.key_use.flush_all(place.clock.time())
    with state.store.reading() as tables:
        since = place.clock.now().replace(year=2000)
        return sum(use.refused for use in tables.keys.uses(key_id, since))


def test_a_revoked_key_on_a_public_route_is_named_in_the_event(place: Place) -> None:
    key = place.key("chat:basic")
    keys = state_of(place.app).keys
    key_id = keys.list()[0].id
    place.client.get("/public")  # an anonymous caller of the same address and minute
    keys.revoke(key_id, by=OPERATOR)
    place.clock.advance(6)

    answer = place.client.get("/public", headers={"X-API-Key": key})

    assert answer.text == "anonymous"
    event = place.events(EventType.REQUEST_ALLOWED)[-1]
    assert (event.reason, event.key_id, event.actor) == ("key_revoked", key_id, "anonymous")


def test_an_ended_token_on_a_public_route_is_named_in_the_event(place: Place) -> None:
    headers = place.bearer("ann", lifetime_s=60)
    place.clock.advance(600)

    place.client.get("/public", headers=headers)

    (event,) = place.events(EventType.REQUEST_ALLOWED)
    assert event.reason == "token_expired"


def test_a_key_from_outside_its_networks_is_a_refused_use_every_time(place: Place) -> None:
    key = place.key("chat:basic", networks=["203.0.113.0/24"])
    key_id = state_of(place.app).keys.list()[0].id

    statuses = {
        place.client.get("/public", headers={"X-API-Key": key}).status_code for _ in range(40)
    }

    assert statuses == {401}
    assert refused_uses(place, key_id) == 40


def test_guessing_a_keys_secret_is_not_a_use_of_the_key(place: Place) -> None:
    key = place.key("chat:basic")
    key_id = state_of(place.app).keys.list()[0].id

    place.client.get("/chat", headers={"X-API-Key": key[:-1]})

    assert refused_uses(place, key_id) == 0
