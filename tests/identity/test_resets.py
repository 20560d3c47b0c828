"""A password that is reset throws out whoever had the old one, tokens included."""

from __future__ import annotations

import pytest

from flask_jafsec.errors import TokenInvalid, TokenRevoked
from flask_jafsec.events import EventType
from flask_jafsec.web.extension import state_of
from tests.apps import OPERATOR, make_place


def test_a_thiefs_tokens_end_with_the_reset() -> None:
    place = make_place()
    state = state_of(place.app)
    user = state.users.create("Ann", by=OPERATOR, password="a long enough one").user
    state.roles.grant(user.id, "user", by=OPERATOR)
    stolen = state.tokens.issue(user.id)
    headers = {"Authorization": f"Bearer {stolen.access}"}
    assert place.client.get("/chat", headers=headers).status_code == 200

    state.users.reset_password(user.id, by=OPERATOR)
    place.clock.advance(5)

    with pytest.raises(TokenRevoked):
        state.tokens.refresh(stolen.refresh)
    assert place.client.get("/chat", headers=headers).status_code == 401


def test_tokens_issued_after_the_reset_work() -> None:
    state = state_of(make_place().app)
    user = state.users.create("Ann", by=OPERATOR, password="a long enough one").user
    state.users.reset_password(user.id, by=OPERATOR)

    fresh = state.tokens.issue(user.id)

    assert state.tokens.refresh(fresh.refresh).access


def test_a_thiefs_tokens_end_when_the_person_chooses_another_password() -> None:
    place = make_place()
    state = state_of(place.app)
    user = state.users.create("Ann", by=OPERATOR, password="a long enough one").user
    stolen = state.tokens.issue(user.id)

    state.users.change_password(user.id, "a long enough one", "quite another one")

    with pytest.raises(TokenRevoked):
        state.tokens.refresh(stolen.refresh)


@pytest.mark.parametrize("text", ["jfr_nonsense", "", "a.b.c"])
def test_a_refresh_token_that_is_refused_is_an_event(text: str) -> None:
    place = make_place()

    with pytest.raises(TokenInvalid):
        state_of(place.app).tokens.refresh(text)

    (event,) = place.events(EventType.TOKEN_REJECTED)
    assert event.reason == "refresh:refresh_malformed"
    assert not text or text not in repr(event)
