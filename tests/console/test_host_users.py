"""The console of an app that has users of its own: ours get in by our form, theirs still count."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_login import LoginManager, UserMixin, login_user

from flask_jafsec import JafSecurity, current_identity
from flask_jafsec.stores.memory import MemoryStore
from flask_jafsec.testing import CapturedEvents, FrozenClock
from flask_jafsec.web.extension import state_of
from tests.apps import OPERATOR, ROLES, Place
from tests.console.test_door import BROWSER, CHOSEN, send


class HostUser(UserMixin):  # type: ignore[misc]  # Flask-Login ships no types
    """A user of the host application."""

    def __init__(self, user_id: str) -> None:
        self.id = user_id


@pytest.fixture(params=["manager before us", "manager after us"])
def host(request: pytest.FixtureRequest) -> Place:
    """A host with a LoginManager of its own, and the administrator of ``flask jafsec init``."""
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

    @app.get("/whoami")
    @jafsec.require()
    def whoami() -> dict[str, Any]:
        return {"subject": current_identity.subject}

    state = state_of(app)
    made = state.users.create("admin", by=OPERATOR)
    state.roles.grant(made.user.id, "jafsec_admin", by=OPERATOR)
    app.config["ONE_TIME"] = made.one_time_password
    assert app.login_manager is manager  # type: ignore[attr-defined]
    return Place(app, jafsec, clock, captured)


def sign_in(host: Place, client: FlaskClient) -> None:
    """Sign in by our form with the one-time password, and choose another."""
    old = host.app.config["ONE_TIME"]
    send(client, "/security/sign-in", name="admin", password=old)
    send(client, "/security/password", old=old, new=CHOSEN, again=CHOSEN)


def test_the_administrator_of_init_gets_in(host: Place) -> None:
    client = host.client

    sign_in(host, client)

    page = client.get("/security/routes", headers=BROWSER)
    assert page.status_code == 200
    assert "/whoami" in page.text


def test_a_handed_out_password_opens_the_console_no_more_than_elsewhere(host: Place) -> None:
    client = host.client
    send(client, "/security/sign-in", name="admin", password=host.app.config["ONE_TIME"])

    answer = client.get("/security/", headers=BROWSER)

    assert answer.status_code == 303


def test_outside_the_console_only_the_hosts_users_count(host: Place) -> None:
    client = host.client
    sign_in(host, client)

    assert client.get("/whoami").status_code == 401
    client.get("/login/ann")
    assert client.get("/whoami").get_json() == {"subject": "ann"}


def test_the_hosts_user_with_the_permission_sees_the_console(host: Place) -> None:
    state_of(host.app).roles.grant("root", "jafsec_admin", by=OPERATOR)
    client = host.client

    client.get("/login/root")

    assert client.get("/security/", headers=BROWSER).status_code == 200


def test_the_hosts_user_without_the_permission_may_sign_in_by_our_form(host: Place) -> None:
    client = host.client
    client.get("/login/ann")
    assert client.get("/security/", headers=BROWSER).status_code == 403

    sign_in(host, client)

    assert client.get("/security/", headers=BROWSER).status_code == 200
