"""People in browsers: the host's own users where it has them, else ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import flask_login
import pytest
from flask import Flask
from flask_login import LoginManager, UserMixin, login_user

from flask_jafsec import JafSecurity, current_identity
from flask_jafsec.events import EventType
from flask_jafsec.stores.memory import MemoryStore
from flask_jafsec.stores.memory_tables import MemoryTables
from flask_jafsec.testing import CapturedEvents, FrozenClock
from flask_jafsec.web.accounts import COOKIE, SECURE_COOKIE
from flask_jafsec.web.extension import state_of
from tests.apps import OPERATOR, ROLES, Place, make_place


class HostUser(UserMixin):  # type: ignore[misc]  # Flask-Login ships no types
    """A user of the host application."""

    def __init__(self, user_id: str) -> None:
        self.id = user_id


@pytest.fixture(params=["manager before us", "manager after us"])
def host(request: pytest.FixtureRequest) -> Place:
    """A host with a LoginManager of its own."""
    app = Flask("host")
    app.testing = True
    app.config.update(SECRET_KEY="k" * 40, JAFSEC_ROLES=ROLES)
    manager = LoginManager()
    manager.user_loader(HostUser)
    if request.param == "manager before us":
        manager.init_app(app)
    clock, captured = FrozenClock(), CapturedEvents()
    jafsec = JafSecurity(app, store=MemoryStore(), sinks=[captured], clock=clock)
    if request.param == "manager after us":
        manager.init_app(app)

    @app.get("/login/<name>")
    @jafsec.public()
    def login(name: str) -> str:
        login_user(HostUser(name))
        return "in"

    @app.route("/chat", methods=["GET", "POST"])
    @jafsec.require("chat:basic")
    def chat() -> dict[str, Any]:
        return {"subject": current_identity.subject, "credential": current_identity.credential}

    state_of(app).roles.grant("ann", "user", by=OPERATOR)
    assert app.login_manager is manager  # type: ignore[attr-defined]
    return Place(app, jafsec, clock, captured)


def test_the_hosts_signed_in_user_is_the_caller(host: Place) -> None:
    client = host.client
    assert client.get("/chat").status_code == 401

    client.get("/login/ann")

    assert client.get("/chat").json == {"subject": "ann", "credential": "session"}


def test_the_hosts_user_without_a_role_is_known_and_refused(host: Place) -> None:
    client = host.client
    client.get("/login/bob")

    assert client.get("/chat").status_code == 403


def test_a_session_does_not_count_beside_a_header_credential(host: Place) -> None:
    client = host.client
    client.get("/login/ann")

    answer = client.get("/chat", headers=host.bearer("eve", "manager"))

    assert answer.json is not None
    assert answer.json["subject"] == "eve"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Sec-Fetch-Site": "same-origin"}, 200, id="own page"),
        pytest.param({"Sec-Fetch-Site": "none"}, 200, id="typed in"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, 403, id="foreign page"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, 403, id="sister domain"),
        pytest.param({"Origin": "http://localhost"}, 200, id="old browser, own page"),
        pytest.param({"Origin": "http://localhost.evil.example"}, 403, id="look-alike origin"),
        pytest.param({"Origin": "null"}, 403, id="opaque origin"),
        pytest.param({}, 200, id="no browser"),
    ],
)
def test_a_foreign_page_cannot_use_the_session_for_a_change(
    host: Place, headers: dict[str, str], status: int
) -> None:
    client = host.client
    client.get("/login/ann")

    answer = client.post("/chat", headers=headers)

    assert answer.status_code == status
    if status == 403:
        assert answer.get_json()["code"] == "cross_site_refused"


def test_a_foreign_page_may_still_link_to_a_page(host: Place) -> None:
    client = host.client
    client.get("/login/ann")

    assert client.get("/chat", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


@pytest.fixture
def ours() -> Place:
    place = make_place()
    state = state_of(place.app)
    user = state.users.create("Ann", by=OPERATOR, password="a long enough one").user
    state.roles.grant(user.id, "user", by=OPERATOR)
    place.app.config["USER"] = user
    return place


def cookie_for(place: Place) -> str:
    return state_of(place.app).sessions.open(place.app.config["USER"]).cookie


@pytest.mark.parametrize("name", [COOKIE, SECURE_COOKIE])
def test_a_built_in_user_is_known_by_the_session_cookie(ours: Place, name: str) -> None:
    headers = {"Cookie": f"other=1; {name}={cookie_for(ours)}"}

    answer = ours.raw.get("/public", headers=headers)

    assert answer.text == ours.app.config["USER"].id
    assert ours.raw.get("/chat", headers=headers).status_code == 200


def test_flask_logins_current_user_is_the_built_in_user() -> None:
    place = make_place(bare=True)

    @place.app.get("/me")
    @place.jafsec.public()
    def me() -> str:
        return str(flask_login.current_user.get_id())

    user = state_of(place.app).users.create("Ann", by=OPERATOR, password="a long enough one").user
    cookie = state_of(place.app).sessions.open(user).cookie

    assert place.raw.get("/me", headers={"Cookie": f"{COOKIE}={cookie}"}).text == user.id
    assert place.raw.get("/me").text == "None"


def test_a_session_ends_when_idle_and_when_old(ours: Place) -> None:
    headers = {"Cookie": f"{COOKIE}={cookie_for(ours)}"}
    for _ in range(3):
        ours.clock.advance(29 * 60)
        assert ours.raw.get("/chat", headers=headers).status_code == 200

    ours.clock.advance(31 * 60)

    assert ours.raw.get("/chat", headers=headers).status_code == 401


def test_a_session_ends_after_twelve_hours_however_busy(ours: Place) -> None:
    headers = {"Cookie": f"{COOKIE}={cookie_for(ours)}"}
    for _ in range(24):
        assert ours.raw.get("/chat", headers=headers).status_code == 200
        ours.clock.advance(30 * 60 - 1)
    ours.clock.advance(60)

    assert ours.raw.get("/chat", headers=headers).status_code == 401


def test_a_disabled_user_is_out_at_once(ours: Place) -> None:
    headers = {"Cookie": f"{COOKIE}={cookie_for(ours)}"}
    state_of(ours.app).users.disable(ours.app.config["USER"].id, by=OPERATOR)

    assert ours.raw.get("/chat", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "ending",
    [
        pytest.param(lambda place: place.clock.advance(31 * 60), id="idle for too long"),
        pytest.param(
            lambda place: state_of(place.app).sessions.end_all(place.app.config["USER"].id),
            id="signed out elsewhere",
        ),
        pytest.param(lambda place: None, id="never one of ours"),
    ],
)
def test_a_session_that_opens_nothing_is_refused_by_its_name_where_somebody_is_wanted(
    ours: Place, ending: Callable[[Place], object], request: pytest.FixtureRequest
) -> None:
    value = "x" * 43 if "never" in request.node.name else cookie_for(ours)
    headers = {"Cookie": f"{COOKIE}={value}"}

    ending(ours)
    public = ours.raw.get("/public", headers=headers)
    answer = ours.raw.get("/chat", headers=headers)

    assert public.get_data(as_text=True) == "anonymous"
    assert (answer.status_code, answer.get_json()["code"]) == (401, "credential_invalid")
    (event,) = ours.events(EventType.SESSION_REJECTED)
    assert (event.reason, event.credential) == ("session_ended", "session")


def test_a_handed_out_password_opens_no_route(ours: Place) -> None:
    state = state_of(ours.app)
    user = state.users.create("New", by=OPERATOR).user
    state.roles.grant(user.id, "user", by=OPERATOR)
    headers = {"Cookie": f"{COOKIE}={state.sessions.open(user).cookie}"}

    assert ours.raw.get("/chat", headers=headers).status_code == 401


def test_a_handed_out_password_is_nobody_to_the_hosts_own_decorator() -> None:
    place = make_place(bare=True)

    @place.app.get("/mine")
    @place.jafsec.public()
    @flask_login.login_required  # type: ignore[untyped-decorator]  # Flask-Login ships no types
    def mine() -> str:
        return "let in"

    state = state_of(place.app)
    handed_out = state.users.create("New", by=OPERATOR).user
    chosen = state.users.create("Ann", by=OPERATOR, password="a long enough one").user
    answers = [
        place.raw.get("/mine", headers={"Cookie": f"{COOKIE}={state.sessions.open(user).cookie}"})
        for user in (handed_out, chosen)
    ]

    assert [answer.status_code for answer in answers] == [401, 200]


class Counting(MemoryStore):
    """Counts how often something is read."""

    reads = 0

    @contextmanager
    def reading(self) -> Iterator[MemoryTables]:
        self.reads += 1
        with super().reading() as tables:
            yield tables


@pytest.mark.parametrize(
    ("path", "reads"),
    [("/nowhere", 0), ("/static/none", 0), ("/security/static/console.css", 0), ("/public", 1)],
)
def test_a_static_file_and_an_unknown_address_look_nobody_up(path: str, reads: int) -> None:
    store = Counting()
    place = make_place(store=store)

    place.raw.get(path, headers={"Cookie": f"{COOKIE}={'x' * 43}"})

    assert store.reads == reads


def test_who_reads_the_table_of_sessions_cannot_sign_in(ours: Place) -> None:
    cookie = cookie_for(ours)
    with state_of(ours.app).store.reading() as tables:
        import hashlib

        session = tables.sessions.find(hashlib.sha256(cookie.encode()).digest())

    assert cookie not in repr(session)
    assert session is not None
    assert session.digest.hex() != cookie
