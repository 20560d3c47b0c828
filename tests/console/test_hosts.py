"""The console among applications of others: a page and a form work in each."""

from __future__ import annotations

import logging
import re
from html import unescape
from importlib import import_module

import pytest
from flask import Flask, Response
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client, TestResponse

from flask_jafsec import JafSecurity
from flask_jafsec.stores.memory import MemoryStore
from flask_jafsec.web.extension import state_of
from tests.apps import OPERATOR
from tests.console.hosts import (
    HOSTS,
    REPLACING,
    Host,
    bare,
    odd_templates,
    policy_hook_first,
    policy_hook_last,
)

headers = import_module("flask_jafsec_console.headers")

BROWSER = {"Accept": "text/html,*/*;q=0.8", "Sec-Fetch-Site": "same-origin"}
PASSWORD = "violet engines hum"

each_host = pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.__name__)


def make_app(host: Host) -> Flask:
    """Return the application of a host, with our console in it."""
    app = Flask("host")
    app.testing = True
    app.config.update(SECRET_KEY="k" * 40, JAFSEC_ROUTES={"/theirs": {"public": True}})
    host(app, False)
    JafSecurity(app, store=MemoryStore(), sinks=[])
    host(app, True)
    user = state_of(app).users.create("ada", by=OPERATOR, password=PASSWORD).user
    state_of(app).roles.grant(user.id, "jafsec_admin", by=OPERATOR)
    return app


def fields_of(page: TestResponse, action: str = "") -> dict[str, str]:
    """Return the hidden fields of the form that is sent to *action*; of the last one otherwise."""
    forms = re.findall(r"<form([^>]*)>(.*?)</form>", page.text, re.DOTALL)
    _, body = next(form for form in reversed(forms) if action in form[0])
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', body)
    return {name: unescape(value) for name, value in found}


def sign_in(client: Client, root: str = "") -> TestResponse:
    page = client.get(f"{root}/security/sign-in", headers=BROWSER)
    fields = {**fields_of(page), "name": "ada", "password": PASSWORD}
    return client.post(f"{root}/security/sign-in", headers=BROWSER, data=fields)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was said about replaced policies."""
    told = [record.getMessage() for record in caplog.records]
    return [text for text in told if "Content-Security-Policy" in text]


@each_host
def test_a_page_and_its_form_work(host: Host) -> None:
    client = make_app(host).test_client()

    answer = sign_in(client)
    assert answer.status_code == 303
    assert answer.headers["Location"].partition("?")[0] == "/security/"

    page = client.get("/security/routes", headers=BROWSER)
    assert page.status_code == 200
    assert "BROKEN" not in page.text
    assert "Skip to content" in page.text
    assert "<code>/security/routes</code>" in page.text

    fields = {**fields_of(page, "/security/preferences"), "theme": "dark"}
    answer = client.post("/security/preferences", headers=BROWSER, data=fields)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/security/routes")
    assert 'data-theme="dark"' in client.get("/security/routes", headers=BROWSER).text


@each_host
def test_a_form_without_our_token_does_nothing(host: Host) -> None:
    client = make_app(host).test_client()
    page = client.get("/security/sign-in", headers=BROWSER)
    fields = {**fields_of(page), "name": "ada", "password": PASSWORD}
    del fields["jafsec_token"]

    answer = client.post("/security/sign-in", headers=BROWSER, data=fields)

    assert answer.status_code == 400
    assert client.get("/security/", headers=BROWSER).status_code == 303


@each_host
def test_the_files_of_a_page_are_there_and_the_policy_lets_them_through(host: Host) -> None:
    client = make_app(host).test_client()
    page = client.get("/security/sign-in", headers=BROWSER)
    policy = page.headers["Content-Security-Policy"]

    for tag, address in re.findall(r'<(link|script)[^>]*(?:href|src)="([^"]+)"', page.text):
        assert client.get(unescape(address)).status_code == 200, tag
    (nonce,) = set(re.findall(r'nonce="([^"]+)"', page.text))
    assert f"'nonce-{nonce}'" in policy or "'self'" in policy
    assert len(page.headers.getlist("Content-Security-Policy")) == 1


@each_host
def test_our_policy_leaves_unless_a_hook_from_before_us_replaces_it(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(host)
    client = app.test_client()
    with caplog.at_level(logging.WARNING, "flask_jafsec"):
        pages = [client.get("/security/sign-in", headers=BROWSER) for _ in range(3)]

    is_ours = ["trusted-types" in page.headers["Content-Security-Policy"] for page in pages]
    assert is_ours == [host not in REPLACING] * 3
    assert len(warnings(caplog)) == (1 if host in REPLACING else 0)
    assert (headers.REPLACED in app.extensions) == (host in REPLACING)


def test_the_warning_names_what_leaves_and_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    client = make_app(policy_hook_first).test_client()
    with caplog.at_level(logging.WARNING, "flask_jafsec"):
        client.get("/security/sign-in", headers=BROWSER)

    (told,) = warnings(caplog)
    assert "after JafSecurity(app)" in told
    assert "/security" in told
    assert "default-src 'self'" in told


def test_a_policy_that_was_taken_away_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    def take_away(app: Flask, is_after: bool) -> None:
        if not is_after:

            @app.after_request
            def take(response: Response) -> Response:
                response.headers.pop("Content-Security-Policy", None)
                return response

    client = make_app(take_away).test_client()
    with caplog.at_level(logging.WARNING, "flask_jafsec"):
        client.get("/security/sign-in", headers=BROWSER)

    (told,) = warnings(caplog)
    assert "left with: none" in told


@pytest.mark.parametrize("host", [policy_hook_first, policy_hook_last])
def test_the_hosts_own_pages_keep_the_hosts_policy(host: Host) -> None:
    app = make_app(host)
    app.add_url_rule("/theirs", "theirs", lambda: "<p>theirs</p>")
    page = app.test_client().get("/theirs", headers=BROWSER)

    assert page.text == "<p>theirs</p>"
    assert page.headers["Content-Security-Policy"] == "default-src 'self'"


def test_templates_of_the_host_stay_the_hosts() -> None:
    app = make_app(odd_templates)

    with app.test_request_context("/"):
        template = app.jinja_env.from_string("[[ 1 + 1 ]] [[ x | number ]] <b>[[ '<i>' ]]</b>")
        assert template.render(x=1) == "2 BROKEN <b><i></b>"


def test_one_app_mounted_twice_keeps_each_to_its_own_addresses() -> None:
    app = make_app(bare)
    mounted = DispatcherMiddleware(Flask("root"), {"/one": app, "/two": app})

    for root in ("/one", "/two"):
        client = Client(mounted, TestResponse)
        answer = sign_in(client, root)
        assert answer.headers["Location"] == f"{root}/security/"
        page = client.get(f"{root}/security/routes", headers=BROWSER)
        assert page.status_code == 200
        addresses = re.findall(r'(?:href|src|action)="(/[^"]*)"', page.text)
        assert addresses
        assert [a for a in addresses if not a.startswith(f"{root}/security/")] == []

        fields = {**fields_of(page, "/preferences"), "theme": "dark"}
        answer = client.post(f"{root}/security/preferences", headers=BROWSER, data=fields)
        assert answer.headers["Location"] == f"{root}/security/routes"
        again = client.get(f"{root}/security/routes", headers=BROWSER)
        assert 'data-theme="dark"' in again.text


def test_behind_a_proxy_with_a_prefix_links_have_it() -> None:
    app = make_app(bare)
    app.wsgi_app = ProxyFix(app.wsgi_app, x_prefix=1)  # type: ignore[method-assign]
    client = app.test_client()

    page = client.get("/security/sign-in", headers={**BROWSER, "X-Forwarded-Prefix": "/shop"})

    addresses = re.findall(r'(?:href|src|action)="(/[^"]*)"', page.text)
    assert [a for a in addresses if not a.startswith("/shop/security/")] == []


def test_two_apps_have_consoles_that_know_nothing_of_each_other() -> None:
    one, other = make_app(bare), make_app(policy_hook_first)
    other.test_client().get("/security/sign-in", headers=BROWSER)
    client = one.test_client()
    sign_in(client)
    cookie = client.get_cookie("jafsec_session")
    assert cookie is not None

    stranger = other.test_client()
    stranger.set_cookie("jafsec_session", cookie.value)

    assert stranger.get("/security/", headers=BROWSER).status_code == 303
    assert headers.REPLACED not in one.extensions
