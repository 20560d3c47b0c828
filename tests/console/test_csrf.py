"""The token of a form opens that form, for that session, and nothing else."""

from __future__ import annotations

import re
from importlib import import_module

import pytest
from flask.testing import FlaskClient

from flask_jafsec.web.extension import state_of
from tests.apps import OPERATOR, Place, make_place

#: Its folder has another name, under which mypy does not find it.
csrf = import_module("flask_jafsec_console.csrf")

BROWSER = {"Accept": "text/html,*/*;q=0.8", "Sec-Fetch-Site": "same-origin"}
PASSWORD = "violet engines hum"
OTHER = "orange engines hum"


@pytest.fixture
def place() -> Place:
    place = make_place()
    state = state_of(place.app)
    for name in ("ann", "bob"):
        user = state.users.create(name, by=OPERATOR, password=PASSWORD).user
        state.roles.grant(user.id, "jafsec_admin", by=OPERATOR)
    return place


def tokens_of(client: FlaskClient, path: str) -> dict[str, str]:
    """Return the token of each form on a page, by where the form is sent."""
    page = client.get(path, headers=BROWSER).text
    found: dict[str, str] = {}
    for tag, form in re.findall(r"<form([^>]*)>(.*?)</form>", page, re.DOTALL):
        action = re.search(r'action="([^"]*)"', tag)
        token = re.search(r'name="jafsec_token" value="([0-9a-f]+)"', form)
        assert token is not None, "a form without a token"
        found[action[1] if action and action[1] else path] = token[1]
    return found


def signed_in(place: Place, name: str = "ann") -> FlaskClient:
    client = place.client
    token = tokens_of(client, "/security/sign-in")["/security/sign-in"]
    fields = {"jafsec_token": token, "name": name, "password": PASSWORD}
    answer = client.post("/security/sign-in", headers=BROWSER, data=fields)
    assert answer.status_code == 303
    return client


def is_in(client: FlaskClient) -> bool:
    return client.get("/security/", headers=BROWSER).status_code == 200


def change_password(client: FlaskClient, token: str) -> int:
    fields = {"jafsec_token": token, "old": PASSWORD, "new": OTHER, "again": OTHER}
    return client.post("/security/password", headers=BROWSER, data=fields).status_code


def sign_out(client: FlaskClient, token: str) -> None:
    client.post("/security/sign-out", headers=BROWSER, data={"jafsec_token": token})


def test_each_form_of_a_page_has_a_token_of_its_own(place: Place) -> None:
    client = signed_in(place)

    found = tokens_of(client, "/security/password")

    assert set(found) == {"/security/password", "/security/preferences", "/security/sign-out"}
    assert len({bare(token) for token in found.values()}) == 3


def test_the_token_of_the_password_form_does_not_sign_out(place: Place) -> None:
    client = signed_in(place)
    found = tokens_of(client, "/security/password")

    sign_out(client, found["/security/password"])
    assert is_in(client)

    sign_out(client, found["/security/sign-out"])
    assert not is_in(client)


def test_the_token_of_the_sign_out_form_changes_no_password(place: Place) -> None:
    client = signed_in(place)
    found = tokens_of(client, "/security/password")

    assert change_password(client, found["/security/sign-out"]) == 400
    assert is_in(client)
    assert change_password(client, found["/security/password"]) == 303


def test_the_token_of_another_session_changes_nothing(place: Place) -> None:
    thief, victim = signed_in(place, "bob"), signed_in(place)
    again = signed_in(place)

    for other in (thief, again):
        token = tokens_of(other, "/security/password")["/security/password"]
        assert change_password(victim, token) == 400


def test_a_token_from_before_signing_in_is_worth_nothing_afterwards(place: Place) -> None:
    client = place.client
    before = tokens_of(client, "/security/sign-in")["/security/sign-in"]
    fields = {"jafsec_token": before, "name": "ann", "password": PASSWORD}
    client.post("/security/sign-in", headers=BROWSER, data=fields)

    assert change_password(client, before) == 400


def bare(token: str) -> bytes:
    """Return what is behind the mask of a token."""
    mask, masked = bytes.fromhex(token)[:32], bytes.fromhex(token)[32:]
    return bytes(a ^ b for a, b in zip(mask, masked, strict=True))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(("s", "sign_out"), ("s", "password"), id="another form"),
        pytest.param(("s", "sign_out"), ("t", "sign_out"), id="another session"),
        pytest.param(("ab", "c"), ("a", "bc"), id="the border between the two"),
        pytest.param(("", "1:x"), ("x", ""), id="a length that is written in"),
    ],
)
def test_tokens_differ_wherever_what_they_are_for_differs(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    key = b"k" * 32

    assert bare(csrf.token(key, *one)) == bare(csrf.token(key, *one))
    assert bare(csrf.token(key, *one)) != bare(csrf.token(key, *other))
    assert bare(csrf.token(key, *one)) != bare(csrf.token(b"l" * 32, *one))


def test_a_token_never_looks_the_same_twice() -> None:
    # Pages are compressed: what repeats could be guessed from their length.
    key = b"k" * 32

    assert csrf.token(key, "s", "sign_out") != csrf.token(key, "s", "sign_out")
