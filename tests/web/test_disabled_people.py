"""A disabled built-in user is refused everywhere, whatever credential they still have."""

from __future__ import annotations

import pytest

from flask_jafsec.config.secrets import new_root_key
from flask_jafsec.errors import CredentialRejected, UserDisabled
from flask_jafsec.events import EventType
from flask_jafsec.records import TokenPair
from flask_jafsec.stores.memory import MemoryStore
from flask_jafsec.web.extension import state_of
from tests.apps import OPERATOR, Place, make_place

GOOD = "correct horse battery staple"
ROOT_KEYS = new_root_key("r1")


@pytest.fixture
def place() -> Place:
    return _process(MemoryStore())


def _process(store: MemoryStore) -> Place:
    """Return one process on *store*, with routes that name no permission."""
    place = make_place(store=store, JAFSEC_ROOT_KEYS=ROOT_KEYS)

    @place.app.get("/me")
    @place.jafsec.require(limit=None)
    def me() -> str:
        return "known"

    @place.app.get("/files/<owner>")
    @place.jafsec.require(owner="owner", limit=None)
    def files(owner: str) -> str:
        return owner

    return place


def _user(place: Place) -> str:
    user_id = state_of(place.app).users.create("Ann", by=OPERATOR, password=GOOD).user.id
    state_of(place.app).roles.grant(user_id, "user", by=OPERATOR)
    return user_id


def _disable(place: Place, user_id: str) -> None:
    state_of(place.app).users.disable(user_id, by=OPERATOR)


def _issue(place: Place, user_id: str) -> TokenPair:
    return state_of(place.app).tokens.issue(user_id)


def _headers(place: Place, user_id: str, kind: str) -> dict[str, str]:
    if kind == "token":
        return {"Authorization": f"Bearer {_issue(place, user_id).access}"}
    return {"X-API-Key": place.key("chat:basic", owner=user_id)}


@pytest.mark.parametrize("kind", ["token", "key"])
def test_neither_token_nor_key_of_a_disabled_user_opens_a_route(place: Place, kind: str) -> None:
    elsewhere = _process(state_of(place.app).store)  # type: ignore[arg-type]  # the one made above
    user_id = _user(place)
    headers = _headers(place, user_id, kind)
    paths = ["/me", f"/files/{user_id}", "/chat"]
    assert [elsewhere.client.get(path, headers=headers).status_code for path in paths] == [200] * 3

    _disable(place, user_id)
    elsewhere.clock.advance(5)
    place.clock.advance(5)

    for process in (place, elsewhere):
        answers = [process.client.get(path, headers=headers) for path in paths]
        assert [answer.status_code for answer in answers] == [401] * 3
        assert {answer.get_json()["code"] for answer in answers} == {"credential_invalid"}
        assert "disabled" not in "".join(answer.get_data(as_text=True) for answer in answers)


@pytest.mark.parametrize(
    ("kind", "event_type"),
    [("token", EventType.TOKEN_REJECTED), ("key", EventType.KEY_REJECTED)],
)
def test_the_operator_is_told_that_the_user_is_disabled(
    place: Place, kind: str, event_type: EventType
) -> None:
    user_id = _user(place)
    headers = _headers(place, user_id, kind)

    _disable(place, user_id)
    place.clock.advance(5)
    place.client.get("/me", headers=headers)

    (event,) = place.events(event_type)
    assert event.reason == "user_disabled"


def test_a_public_route_takes_a_disabled_user_for_anybody(place: Place) -> None:
    user_id = _user(place)
    headers = _headers(place, user_id, "token")

    _disable(place, user_id)
    place.clock.advance(5)

    assert place.client.get("/public", headers=headers).get_data(as_text=True) == "anonymous"


def test_no_token_is_issued_for_a_disabled_user(place: Place) -> None:
    user_id = _user(place)
    _disable(place, user_id)

    with pytest.raises(UserDisabled):
        _issue(place, user_id)


def test_no_token_of_a_disabled_user_is_refreshed(place: Place) -> None:
    user_id = _user(place)
    pair = _issue(place, user_id)

    _disable(place, user_id)

    with pytest.raises(UserDisabled):
        state_of(place.app).tokens.refresh(pair.refresh)


def test_tokens_from_before_stay_ended_when_the_user_is_enabled_again(place: Place) -> None:
    users = state_of(place.app).users
    user_id = _user(place)
    pair = _issue(place, user_id)
    old = {"Authorization": f"Bearer {pair.access}"}
    key = _headers(place, user_id, "key")

    users.disable(user_id, by=OPERATOR)
    users.enable(user_id, by=OPERATOR)
    place.clock.advance(5)

    assert place.client.get("/me", headers=old).status_code == 401
    with pytest.raises(CredentialRejected):
        state_of(place.app).tokens.refresh(pair.refresh)
    assert place.client.get("/me", headers=_headers(place, user_id, "token")).status_code == 200
    assert place.client.get("/me", headers=key).status_code == 200


def test_people_of_the_host_are_not_ours_to_disable(place: Place) -> None:
    _disable(place, _user(place))
    place.clock.advance(5)

    assert place.client.get("/me", headers=place.bearer("a-user-of-the-host")).status_code == 200
