"""A password that is reset throws out whoever had the old one, tokens included."""

from __future__ import annotations

import pytest

from flask_jafsec.errors import TokenRevoked
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
