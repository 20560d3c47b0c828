"""The ten lines of the README: they import, refuse and answer."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask

from flask_jafsec.config.secrets import new_root_key
from flask_jafsec.web.extension import state_of
from tests.apps import OPERATOR
from tests.examples.loaded import EXAMPLES, ROOT, closing, imported


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, sqlite_url: str) -> Iterator[Flask]:
    monkeypatch.setenv("JAFSEC_ROOT_KEYS", new_root_key("r1"))
    monkeypatch.setenv("JAFSEC_DATABASE_URL", sqlite_url)
    with closing(imported("minimal_app", EXAMPLES / "minimal" / "app.py").app) as app:
        yield app


def test_everybody_may_ask_for_its_health(app: Flask) -> None:
    answer = app.test_client().get("/health")

    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})


def test_a_key_opens_the_chat_and_nothing_else_does(app: Flask) -> None:
    client, keys = app.test_client(), state_of(app).keys
    right = keys.mint("right", scopes=["chat:basic"], by=OPERATOR)
    wrong = keys.mint("wrong", scopes=["agent:read"], by=OPERATOR)

    greeted = client.post("/chat", headers={"X-API-Key": right.secret})
    statuses = [
        client.post("/chat", headers=headers).status_code
        for headers in ({}, {"X-API-Key": wrong.secret}, {"X-API-Key": right.secret[:-1]})
    ]

    assert greeted.get_json() == {"reply": f"Hello key:{right.key.id}"}
    assert statuses == [401, 403, 401]


def test_the_21st_message_of_a_minute_must_wait(app: Flask) -> None:
    client = app.test_client()
    secret = state_of(app).keys.mint("busy", scopes=["chat:basic"], by=OPERATOR).secret

    statuses = [client.post("/chat", headers={"X-API-Key": secret}).status_code for _ in range(21)]

    assert statuses == [200] * 20 + [429]


def test_it_is_what_the_readme_shows() -> None:
    code = (EXAMPLES / "minimal" / "app.py").read_text("utf-8").partition('"""\n\n')[2]
    shown = (ROOT / "README.md").read_text("utf-8")

    without_gaps = [re.sub("\n+", "\n", text) for text in (code.strip(), shown)]

    assert without_gaps[0] in without_gaps[1]
