"""The chat agent: who may do what, tokens over HTTP, the stream, and bad input."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from flask_jafsec import JafSecurity
from flask_jafsec.events import EventType
from flask_jafsec.identity.tokens import Tokens
from flask_jafsec.testing import CapturedEvents, FrozenClock
from flask_jafsec.web.extension import state_of
from tests.apps import OPERATOR
from tests.examples.loaded import EXAMPLES, closing

PASSWORD = "violet engines hum"


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def captured() -> CapturedEvents:
    return CapturedEvents()


@pytest.fixture
def app(
    monkeypatch: pytest.MonkeyPatch, sqlite_url: str, clock: FrozenClock, captured: CapturedEvents
) -> Iterator[Flask]:
    monkeypatch.syspath_prepend(EXAMPLES)
    from chat_agent import app as module

    # As it stands there, but with a clock that stands still.
    monkeypatch.setattr(module, "jafsec", JafSecurity(clock=clock, sinks=[captured]))
    made = module.create_app(
        TESTING=True, PROPAGATE_EXCEPTIONS=False, JAFSEC_DATABASE_URL=sqlite_url
    )
    for name in ("chat_agent", "chat_agent.app", "chat_agent.agent"):
        sys.modules.pop(name)
    with closing(made) as app:
        yield app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def tokens(app: Flask) -> Tokens:
    return state_of(app).tokens


def person(app: Flask, name: str, role: str) -> dict[str, str]:
    """Return the headers of a person with *role* (empty for none)."""
    if role:
        state_of(app).roles.grant(name, role, by=OPERATOR)
    return {"Authorization": f"Bearer {state_of(app).tokens.issue(name).access}"}


def ask(client: FlaskClient, what: str, headers: dict[str, str]) -> TestResponse:
    method, path = what.split(" ")
    sent = {"POST /agents": {"name": "a", "purpose": "b"}}.get(what, {"message": "hello"})
    options: dict[str, Any] = {"json": sent} if method == "POST" else {}
    return client.open(path, method=method, headers=headers, buffered=True, **options)


# -- who may do what --

CHAT = "POST /chat"
STREAM = "POST /chat/stream"
LIST = "GET /agents"
CREATE = "POST /agents"
EXPORT = "GET /export"


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        pytest.param("", [], id="no role"),
        pytest.param("user", [CHAT], id="user"),
        pytest.param("premium_user", [CHAT, STREAM], id="premium_user"),
        pytest.param("admin", [CHAT, STREAM, LIST, CREATE], id="admin"),
        pytest.param("system_admin", [CHAT, STREAM, LIST, CREATE, EXPORT], id="system_admin"),
    ],
)
def test_every_role_may_do_what_the_guide_says(
    app: Flask, client: FlaskClient, role: str, allowed: list[str]
) -> None:
    headers = person(app, "ann", role)

    statuses = {
        what: ask(client, what, headers).status_code
        for what in (CHAT, STREAM, LIST, CREATE, EXPORT)
    }

    assert [what for what, status in statuses.items() if status < 300] == allowed
    assert {status for status in statuses.values() if status >= 300} <= {403}


@pytest.mark.parametrize("what", [CHAT, STREAM, LIST, CREATE, EXPORT])
def test_nobody_may_do_anything_but_ask_for_its_health(client: FlaskClient, what: str) -> None:
    assert ask(client, what, {}).status_code == 401
    assert client.get("/health").get_json() == {"status": "ok"}


def test_every_route_says_who_may_call_it(app: Flask) -> None:
    from flask_jafsec.web.route_table import rows

    assert [row.rule for row in rows(app) if row.access == "undeclared"] == []


# -- what they answer --


def test_the_stream_says_word_by_word_what_the_chat_says(app: Flask, client: FlaskClient) -> None:
    headers = person(app, "ann", "premium_user")
    reply = ask(client, CHAT, headers).get_json()

    streamed = ask(client, STREAM, headers)

    assert streamed.mimetype == "text/event-stream"
    pieces = [
        json.loads(block.removeprefix("data: "))["text"]
        for block in streamed.text.split("\n\n")
        if block.startswith("data: ")
    ]
    assert "".join(pieces).strip() == reply["reply"]
    assert len(pieces) > 3
    assert reply["to"] == "ann"
    assert streamed.text.endswith("event: end\ndata: {}\n\n")


def test_what_was_created_is_listed_and_exported(app: Flask, client: FlaskClient) -> None:
    headers = person(app, "root", "system_admin")
    sent = {"name": "line\nbreak", "purpose": 'says "hi"'}

    created = client.post("/agents", json=sent, headers=headers)

    assert (created.status_code, created.get_json()) == (201, sent)
    listed = client.get("/agents", headers=headers).get_json()
    assert listed == {"agents": {sent["name"]: sent["purpose"]}}
    exported = ask(client, EXPORT, headers)
    assert exported.mimetype == "application/x-ndjson"
    assert [json.loads(line) for line in exported.text.splitlines()] == [
        {"agent": sent["name"], "purpose": sent["purpose"]}
    ]


def test_a_key_does_not_export_whatever_it_may(app: Flask, client: FlaskClient) -> None:
    secret = state_of(app).keys.mint("ci", scopes=["data:export"], by=OPERATOR).secret

    answer = ask(client, EXPORT, {"X-API-Key": secret})

    assert (answer.status_code, answer.get_json()["code"]) == (403, "credential_kind_refused")


@pytest.mark.parametrize("path", ["/chat", "/chat/stream", "/agents", "/auth/login"])
@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        '"text"',
        '{"message": 3, "name": 3}',
        '{"message": null, "name": null}',
        '{"message": {"a": []}, "name": []}',
        "[" * 5_000,
        json.dumps({"message": "m" * 10_001, "name": "n" * 10_001}),
        "\x00\ud800",
    ],
    ids=range(11),
)
def test_bad_input_is_answered_with_a_4xx(
    app: Flask, client: FlaskClient, path: str, body: str
) -> None:
    headers = person(app, "root", "system_admin")

    answer = client.post(
        path,
        data=body.encode("utf-8", "surrogatepass"),
        headers=headers,
        content_type="application/json",
    )

    assert 400 <= answer.status_code < 500


# -- tokens over HTTP --


def sign_in(app: Flask, client: FlaskClient) -> dict[str, Any]:
    user = state_of(app).users.create("Ann", by=OPERATOR, password=PASSWORD).user
    state_of(app).roles.grant(user.id, "user", by=OPERATOR)
    answer = client.post("/auth/login", json={"name": "ann", "password": PASSWORD})
    assert answer.status_code == 200
    said: dict[str, Any] = answer.get_json()
    return said


def refresh(client: FlaskClient, token: str) -> TestResponse:
    return client.post("/auth/refresh", json={"refresh_token": token})


def chats(client: FlaskClient, access: str) -> int:
    return ask(client, CHAT, {"Authorization": f"Bearer {access}"}).status_code


def test_signing_in_gives_tokens_that_work_and_are_renewed(
    app: Flask, client: FlaskClient, clock: FrozenClock
) -> None:
    pair = sign_in(app, client)
    assert pair["token_type"] == "Bearer"
    assert chats(client, pair["access_token"]) == 200

    clock.advance(pair["expires_in"] + 60)
    assert chats(client, pair["access_token"]) == 401
    renewed = refresh(client, pair["refresh_token"]).get_json()

    assert chats(client, renewed["access_token"]) == 200


def test_a_refresh_token_used_twice_ends_the_whole_family(
    app: Flask, client: FlaskClient, clock: FrozenClock, captured: CapturedEvents
) -> None:
    stolen = sign_in(app, client)
    renewed = refresh(client, stolen["refresh_token"]).get_json()
    assert chats(client, renewed["access_token"]) == 200

    assert refresh(client, stolen["refresh_token"]).status_code == 401
    clock.advance(5)

    assert refresh(client, renewed["refresh_token"]).status_code == 401
    assert chats(client, renewed["access_token"]) == 401
    assert chats(client, stolen["access_token"]) == 401
    assert len(captured.of(EventType.TOKEN_REUSED, app)) == 1


def test_a_wrong_name_and_a_wrong_password_look_the_same(app: Flask, client: FlaskClient) -> None:
    sign_in(app, client)

    answers = [
        client.post("/auth/login", json=said)
        for said in (
            {"name": "ann", "password": "another one"},
            {"name": "nobody", "password": PASSWORD},
            {},
        )
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.data for answer in answers}) == 1


def test_who_guesses_passwords_is_told_to_wait(app: Flask, client: FlaskClient) -> None:
    guesses = [
        client.post("/auth/login", json={"name": "ann", "password": "a guess"}) for _ in range(12)
    ]

    statuses = [answer.status_code for answer in guesses]
    assert statuses == [401] * 5 + [429] * 7
    assert int(guesses[5].headers["Retry-After"]) >= 1


def test_a_handed_out_password_gives_no_token_that_opens_anything(
    app: Flask, client: FlaskClient
) -> None:
    made = state_of(app).users.create("New", by=OPERATOR)
    state_of(app).roles.grant(made.user.id, "user", by=OPERATOR)

    said = {"name": "New", "password": made.one_time_password}
    answer = client.post("/auth/login", json=said)

    assert (
        400 <= answer.status_code < 500 or chats(client, answer.get_json()["access_token"]) == 401
    )
