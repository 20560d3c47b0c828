"""Calls from pages of other origins: exact origins only, preflights answered at the gate."""

from __future__ import annotations

import pytest
from werkzeug.test import TestResponse

from flask_jafsec.errors import SettingsError
from flask_jafsec.events import EventType
from tests.apps import Place, make_place

GOOD = "https://app.example.com"


@pytest.fixture
def place() -> Place:
    return make_place(JAFSEC_CORS_ORIGINS=[GOOD], JAFSEC_CORS_CREDENTIALS=True)


def preflight(place: Place, origin: str, method: str = "POST", asked: str = "") -> TestResponse:
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    if asked:
        headers["Access-Control-Request-Headers"] = asked
    return place.client.options("/chat", headers=headers)


def test_a_preflight_of_a_listed_origin_is_answered_without_a_credential(place: Place) -> None:
    answer = preflight(place, GOOD, "POST", "authorization, content-type")

    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == GOOD
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "Origin" in answer.headers["Vary"]
    assert answer.data == b""


LOOK_ALIKES = [
    "null",
    "https://evilapp.example.com",
    "https://app.example.com.evil.example",
    "http://app.example.com",
    "https://app.example.com:8443",
    "https://APP.example.com",
    "https://app.example.com.",
    "https://user@app.example.com",
    "https://app.example.com/",
    "https://app.example.com, https://evil.example",
    "",
]


@pytest.mark.parametrize("origin", LOOK_ALIKES)
def test_a_look_alike_origin_is_refused(place: Place, origin: str) -> None:
    answer = preflight(place, origin)

    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert place.events(EventType.CORS_REFUSED)[0].reason == "origin_not_listed"


@pytest.mark.parametrize("origin", LOOK_ALIKES)
def test_an_answer_to_a_look_alike_cannot_be_read_by_its_page(place: Place, origin: str) -> None:
    answer = place.client.get("/public", headers={"Origin": origin})

    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize(
    ("method", "asked"), [("TRACE", ""), ("post", ""), ("POST", "x-secret-header")]
)
def test_a_method_or_header_that_is_not_listed_is_refused(
    place: Place, method: str, asked: str
) -> None:
    assert preflight(place, GOOD, method, asked).status_code == 403


@pytest.mark.parametrize("path", ["/chat", "/public", "/undeclared", "/nowhere"])
def test_a_listed_page_may_read_answers_and_refusals(place: Place, path: str) -> None:
    answer = place.client.get(path, headers={"Origin": GOOD})

    assert answer.headers["Access-Control-Allow-Origin"] == GOOD
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert "RateLimit" in answer.headers["Access-Control-Expose-Headers"]


def test_a_page_of_any_origin_may_read_where_the_operator_says_so() -> None:
    place = make_place(JAFSEC_CORS_ORIGINS="*")

    answer = place.client.get("/public", headers={"Origin": "https://any.example"})

    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_any_origin_with_credentials_is_refused_at_the_start() -> None:
    with pytest.raises(SettingsError, match="JAFSEC_CORS"):
        make_place(JAFSEC_CORS_ORIGINS="*", JAFSEC_CORS_CREDENTIALS=True)


def test_without_a_setting_cors_is_the_hosts() -> None:
    place = make_place()

    answer = preflight(place, GOOD)

    assert answer.status_code == 200
    assert "Vary" not in answer.headers


def test_a_vary_of_the_hosts_is_kept_and_added_to(place: Place) -> None:
    from flask import Response

    view = place.jafsec.public()(lambda: Response("x", headers={"Vary": "Accept"}))
    place.app.add_url_rule("/vary", "vary", view)

    for _ in range(2):
        assert place.client.get("/vary").headers["Vary"] == "Accept, Origin"


def test_the_console_is_nobody_elses_to_read() -> None:
    place = make_place(
        JAFSEC_CORS_ORIGINS=["https://app.example.com"], JAFSEC_CORS_CREDENTIALS=True
    )
    asked = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "GET"}

    page = place.client.get("/security/sign-in", headers={"Origin": asked["Origin"]})
    preflight = place.client.options("/security/sign-in", headers=asked)
    own = place.client.get("/public", headers={"Origin": asked["Origin"]})

    assert "Access-Control-Allow-Origin" not in page.headers
    assert preflight.status_code == 403
    assert own.headers["Access-Control-Allow-Origin"] == asked["Origin"]
