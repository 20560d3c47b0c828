"""Which foreign pages may read: origins, methods and headers, and what caches are told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.config.settings import CorsSettings
from flask_jafsec.errors import InvalidValue, OriginRefused
from flask_jafsec.transport.cors import Cors

APP = "https://app.example"
PORT = "https://app.example:8443"
PLAIN = "http://localhost:3000"


def make_cors(**changed: Any) -> Cors:
    settings: dict[str, Any] = {
        "origins": (APP, PORT, PLAIN),
        "credentials": True,
        "methods": ("GET", "POST", "DELETE"),
        "headers": ("Authorization", "Content-Type"),
        "expose": ("RateLimit", "Retry-After"),
        "max_age_s": 600,
        **changed,
    }
    return Cors(CorsSettings(**settings))


def preflight_reason(cors: Cors, origin: str, method: str = "GET", headers: str = "") -> str:
    """Return why a preflight is refused; empty where it is not."""
    try:
        cors.preflight(origin, method, headers)
    except OriginRefused as refused:
        return refused.reason
    return ""


ORIGINS = [
    pytest.param(APP, True, id="the listed one"),
    pytest.param(PORT, True, id="with its port"),
    pytest.param(PLAIN, True, id="plain http where listed"),
    pytest.param("null", False, id="null"),
    pytest.param("", False, id="empty"),
    pytest.param("*", False, id="the wildcard itself"),
    pytest.param("http://app.example", False, id="another scheme"),
    pytest.param("https://localhost:3000", False, id="another scheme the other way"),
    pytest.param("https://app.example:443", False, id="the default port written out"),
    pytest.param("https://app.example:8444", False, id="another port"),
    pytest.param("http://localhost", False, id="no port"),
    pytest.param("https://APP.example", False, id="another case"),
    pytest.param("HTTPS://app.example", False, id="the scheme in another case"),
    pytest.param("https://app.example/", False, id="a slash"),
    pytest.param("https://app.example.", False, id="a dot at the end"),
    pytest.param("https://app.example.evil.example", False, id="listed as a beginning"),
    pytest.param("https://evilapp.example", False, id="listed as an end"),
    pytest.param("https://evil.example?https://app.example", False, id="listed inside"),
    pytest.param("https://app.example@evil.example", False, id="listed as a user"),
    pytest.param("https://sub.app.example", False, id="a subdomain"),
    pytest.param("https://appxexample", False, id="a dot is no joker"),
    pytest.param("https://\u0430pp.example", False, id="a letter that looks alike"),
    pytest.param(f"{APP}, {PORT}", False, id="two at once"),
    pytest.param(f" {APP}", False, id="a space in front"),
    pytest.param(f"{APP}\r\nX: y", False, id="a second header"),
]


@pytest.mark.parametrize(("origin", "allowed"), ORIGINS)
def test_an_origin_is_allowed_as_written_or_not_at_all(origin: str, allowed: bool) -> None:
    cors = make_cors()

    assert preflight_reason(cors, origin) == ("" if allowed else "origin_not_listed")
    names = dict(cors.headers_for(origin))
    assert names.get("Access-Control-Allow-Origin") == (origin if allowed else None)
    assert bool(names) is allowed


@given(st.text() | st.text("htps:/ap.exml0123456789", max_size=30))
def test_nothing_of_a_foreign_origin_is_repeated(origin: str) -> None:
    cors = make_cors()
    headers = [("Content-Type", "text/plain")]

    cors.finish(headers, origin)

    allowed = [value for name, value in headers if name == "Access-Control-Allow-Origin"]
    assert allowed == ([origin] if origin in (APP, PORT, PLAIN) else [])


@pytest.mark.parametrize(
    ("method", "headers", "reason"),
    [
        pytest.param("POST", "", "", id="a listed method"),
        pytest.param("PUT", "", "method_not_listed", id="another method"),
        pytest.param("post", "", "method_not_listed", id="methods have a case"),
        pytest.param("", "", "method_not_listed", id="no method"),
        pytest.param("GET", "authorization", "", id="headers have none"),
        pytest.param("GET", " Authorization ,content-type,", "", id="spaces and a comma"),
        pytest.param("GET", "x-other", "header_not_listed", id="another header"),
        pytest.param("GET", "authorization, x-other", "header_not_listed", id="another among them"),
        pytest.param("GET", "*", "header_not_listed", id="the wildcard is a name here"),
    ],
)
def test_a_preflight_asks_for_listed_methods_and_headers(
    method: str, headers: str, reason: str
) -> None:
    assert preflight_reason(make_cors(), APP, method, headers) == reason


def test_the_answer_to_a_preflight_says_what_is_configured_and_varies() -> None:
    assert dict(make_cors().preflight(APP, "GET", "authorization")) == {
        "Access-Control-Allow-Origin": APP,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Allow-Methods": "GET, POST, DELETE",
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
        "Access-Control-Max-Age": "600",
        "Vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    }


def test_a_refused_preflight_opens_nothing_and_varies_all_the_same() -> None:
    with pytest.raises(OriginRefused) as refused:
        make_cors().preflight("https://evil.example", "GET", "")

    assert [name for name, _ in refused.value.headers] == ["Vary"]
    assert refused.value.status == 403


# -- every origin --


def test_every_origin_with_credentials_is_refused() -> None:
    with pytest.raises(InvalidValue) as refused:
        make_cors(origins=("*",), credentials=True)

    assert refused.value.field == "origins"


@pytest.mark.parametrize("origins", [("*",), (APP, "*")])
def test_every_origin_is_answered_with_the_wildcard_and_never_with_credentials(
    origins: tuple[str, ...],
) -> None:
    cors = make_cors(origins=origins, credentials=False)

    for origin in ("https://anybody.example", APP, "null"):
        said = dict(cors.headers_for(origin)) | dict(cors.preflight(origin, "GET", ""))
        assert said["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in said


@pytest.mark.parametrize("origins", [None, ()])
def test_without_origins_nobody_is_allowed(origins: tuple[str, ...] | None) -> None:
    cors = make_cors(origins=origins)

    assert cors.headers_for(APP) == ()
    assert preflight_reason(cors, APP) == "origin_not_listed"


def test_credentials_are_allowed_only_where_configured() -> None:
    assert "Access-Control-Allow-Credentials" not in dict(
        make_cors(credentials=False).headers_for(APP)
    )


# -- answers --


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param([], ["Origin"], id="none"),
        pytest.param(["Accept"], ["Accept, Origin"], id="another"),
        pytest.param(["origin"], ["origin"], id="it is there"),
        pytest.param(["Accept, ORIGIN"], ["Accept, ORIGIN"], id="among others, in another case"),
        pytest.param(["*"], ["*"], id="everything"),
        pytest.param([""], ["Origin"], id="an empty one"),
        pytest.param(["X-Origin"], ["X-Origin, Origin"], id="only part of a name"),
        pytest.param(["Accept", "Cookie"], ["Accept", "Cookie, Origin"], id="two of them"),
        pytest.param(["Accept", "Origin"], ["Accept", "Origin"], id="the second has it"),
    ],
)
@pytest.mark.parametrize("origin", [None, APP, "https://evil.example"])
def test_every_answer_varies_by_origin_whoever_asks(
    before: list[str], after: list[str], origin: str | None
) -> None:
    headers = [("vary", value) for value in before]

    make_cors().finish(headers, origin)

    assert [value for name, value in headers if name.lower() == "vary"] == after


def test_a_listed_page_may_read_the_exposed_headers() -> None:
    headers: list[tuple[str, str]] = []

    make_cors().finish(headers, APP)

    assert headers == [
        ("Vary", "Origin"),
        ("Access-Control-Allow-Origin", APP),
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Expose-Headers", "RateLimit, Retry-After"),
    ]


def test_an_answer_that_says_itself_who_may_read_keeps_its_word() -> None:
    headers = [("access-control-allow-origin", "https://partner.example")]

    make_cors().finish(headers, APP)

    assert headers == [
        ("access-control-allow-origin", "https://partner.example"),
        ("Vary", "Origin"),
    ]
