"""The console's door: sign in with the one-time password, choose one's own, see the routes."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from flask_jafsec.events import EventType
from flask_jafsec.web.extension import state_of
from tests.apps import OPERATOR, Place, make_place

BROWSER = {"Accept": "text/html,*/*;q=0.8", "Sec-Fetch-Site": "same-origin"}
CHOSEN = "violet engines hum"


@pytest.fixture
def place() -> Place:
    place = make_place()
    state = state_of(place.app)
    made = state.users.create("admin", by=OPERATOR)
    state.roles.grant(made.user.id, "jafsec_admin", by=OPERATOR)
    place.app.config["ONE_TIME"] = made.one_time_password
    return place


def token_in(answer: TestResponse, action: str = "") -> str:
    form = answer.text.split(f'action="{action}"')[1] if action else answer.text
    found = re.findall(r'name="jafsec_token" value="([0-9a-f]+)"', form)
    return str(found[0] if action else found[-1])


def send(client: FlaskClient, path: str, **fields: str) -> TestResponse:
    """Open the form, fill it in, send it."""
    token = token_in(client.get(path, headers=BROWSER))
    return client.post(path, headers=BROWSER, data={"jafsec_token": token, **fields})


def sign_in(place: Place) -> FlaskClient:
    client = place.client
    send(client, "/security/sign-in", name="admin", password=place.app.config["ONE_TIME"])
    old = place.app.config["ONE_TIME"]
    send(client, "/security/password", old=old, new=CHOSEN, again=CHOSEN)
    return client


def test_nobody_signed_in_is_sent_to_the_door(place: Place) -> None:
    answer = place.client.get("/security/", headers=BROWSER)

    assert answer.status_code == 303
    assert answer.headers["Location"] == "/security/sign-in"


def test_the_one_time_password_leads_to_choosing_ones_own_and_then_in(place: Place) -> None:
    client = place.client
    one_time = place.app.config["ONE_TIME"]

    first = send(client, "/security/sign-in", name="Admin", password=one_time)
    assert first.headers["Location"] == "/security/password"
    assert client.get("/security/", headers=BROWSER).status_code == 303

    chosen = send(client, "/security/password", old=one_time, new=CHOSEN, again=CHOSEN)
    assert chosen.headers["Location"] == "/security/"
    page = client.get("/security/routes", headers=BROWSER)
    assert page.status_code == 200
    assert "/undeclared" in page.text
    assert "1 undeclared" in page.text
    assert "agent:manage" in page.text


def test_the_one_time_password_works_for_a_day(place: Place) -> None:
    place.clock.advance(24 * 3600 + 1)

    answer = send(
        place.client, "/security/sign-in", name="admin", password=place.app.config["ONE_TIME"]
    )

    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("name", "password"), [("admin", "wrong password"), ("nobody", "wrong password"), ("", "")]
)
def test_a_wrong_name_and_a_wrong_password_look_the_same(
    place: Place, name: str, password: str
) -> None:
    answer = send(place.client, "/security/sign-in", name=name, password=password)

    assert answer.status_code == 401
    assert "Name and password do not belong together." in answer.text
    assert (
        "Set-Cookie" not in answer.headers or "jafsec_session" not in answer.headers["Set-Cookie"]
    )
    (event,) = place.events(EventType.SIGN_IN_FAILED)
    assert "nobody" not in repr(event)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="foreign page"),
        pytest.param({"Origin": "https://evil.example"}, id="foreign origin"),
    ],
)
def test_a_foreign_page_cannot_send_the_form(place: Place, headers: dict[str, str]) -> None:
    client = place.client
    token = token_in(client.get("/security/sign-in"))
    fields = {"jafsec_token": token, "name": "admin", "password": place.app.config["ONE_TIME"]}

    answer = client.post("/security/sign-in", headers=headers, data=fields)

    assert answer.status_code == 400
    assert "expired" in answer.text


@pytest.mark.parametrize("token", ["", "0" * 64, "\xe9" * 10])
def test_a_form_without_its_token_is_shown_again(place: Place, token: str) -> None:
    client = place.client
    client.get("/security/sign-in")

    answer = client.post("/security/sign-in", headers=BROWSER, data={"jafsec_token": token})

    assert answer.status_code == 400


def test_sign_out_ends_the_session_on_the_server(place: Place) -> None:
    client = sign_in(place)
    page = client.get("/security/", headers=BROWSER)
    cookie = client.get_cookie("jafsec_session")
    assert cookie is not None

    token = token_in(page, "/security/sign-out")
    client.post("/security/sign-out", headers=BROWSER, data={"jafsec_token": token})

    stolen = {"Cookie": f"jafsec_session={cookie.value}", **BROWSER}
    assert place.raw.get("/security/", headers=stolen).status_code == 303
    assert len(place.events(EventType.SIGN_OUT)) == 1


def test_choosing_a_password_ends_the_other_sessions(place: Place) -> None:
    thief = place.client
    one_time = place.app.config["ONE_TIME"]
    send(thief, "/security/sign-in", name="admin", password=one_time)

    sign_in(place)

    assert thief.get("/security/password", headers=BROWSER).status_code == 303


@pytest.mark.parametrize(
    ("new", "again", "says"),
    [
        ("short", "short", "8"),
        ("password1", "password1", "common"),
        (CHOSEN, "another one here", "differ"),
    ],
)
def test_a_poor_choice_is_explained(place: Place, new: str, again: str, says: str) -> None:
    client = place.client
    old = place.app.config["ONE_TIME"]
    send(client, "/security/sign-in", name="admin", password=old)

    answer = send(client, "/security/password", old=old, new=new, again=again)

    assert answer.status_code == 400
    assert says in answer.text


def test_a_person_without_the_permission_does_not_see_the_page(place: Place) -> None:
    state = state_of(place.app)
    user = state.users.create("bob", by=OPERATOR, password=CHOSEN).user
    state.roles.grant(user.id, "manager", by=OPERATOR)
    client = place.client
    send(client, "/security/sign-in", name="bob", password=CHOSEN)

    assert client.get("/security/", headers=BROWSER).status_code == 403


def test_tokens_and_keys_do_not_open_the_console(place: Place) -> None:
    answer = place.client.get("/security/", headers=place.bearer("ann", "jafsec_admin"))

    assert answer.status_code == 403


def test_every_page_has_the_consoles_own_policy_and_is_not_kept(place: Place) -> None:
    client = sign_in(place)
    for path in ("/security/", "/security/sign-in", "/security/password"):
        answer = client.get(path, headers=BROWSER)

        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert answer.headers.getlist("Content-Security-Policy") == [policy]
        assert answer.headers["Cache-Control"] == "no-store"
        assert "style=" not in answer.text
        nonce = policy.partition("'nonce-")[2].partition("'")[0]
        assert len(nonce) >= 22
        assert re.findall("<script[^>]*>", answer.text) == [
            f'<script type="module" src="{script}" nonce="{nonce}">'
            for script in re.findall(r'src="([^"]+console\.js[^"]*)"', answer.text)
        ]


def test_without_a_user_the_door_names_the_command() -> None:
    answer = make_place().client.get("/security/sign-in", headers=BROWSER)

    assert "flask jafsec init" in answer.text
    assert 'name="password"' not in answer.text


def test_a_hostile_name_stays_text(place: Place) -> None:
    state = state_of(place.app)
    name = '<img src=x onerror=alert(1)>"'
    user = state.users.create(name, by=OPERATOR, password=CHOSEN).user
    state.roles.grant(user.id, "jafsec_admin", by=OPERATOR)
    client = place.client
    send(client, "/security/sign-in", name=name, password=CHOSEN)

    page = client.get("/security/", headers=BROWSER)

    assert page.status_code == 200
    assert "<img src=x" not in page.text


def test_the_console_may_be_elsewhere_or_nowhere() -> None:
    moved = make_place(JAFSEC_CONSOLE_PREFIX="/admin/guard")
    absent = make_place(JAFSEC_CONSOLE_ENABLED=False)

    assert moved.client.get("/admin/guard/sign-in").status_code == 200
    assert moved.client.get("/security/sign-in").status_code == 404
    assert absent.client.get("/security/sign-in").status_code == 404


def test_on_https_the_cookie_is_bound_to_the_host(place: Place) -> None:
    client = place.client
    page = client.get("/security/sign-in", base_url="https://localhost", headers=BROWSER)
    answer = client.post(
        "/security/sign-in",
        base_url="https://localhost",
        headers=BROWSER,
        data={
            "jafsec_token": token_in(page),
            "name": "admin",
            "password": place.app.config["ONE_TIME"],
        },
    )

    (cookie,) = [c for c in answer.headers.getlist("Set-Cookie") if "session" in c]
    assert cookie.startswith("__Host-jafsec_session=")
    for attribute in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert attribute in cookie
