"""Nothing from outside becomes a 5xx, and nothing of it is logged in clear."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import EnvironBuilder, run_wsgi_app

from tests.apps import Place, make_place

CANARY = "c4n4ry"


def ask(place: Place, path: str = "/chat", method: str = "GET", **environ: Any) -> int:
    """Send exactly these values, past what a client library would refuse to send."""
    built = EnvironBuilder(path="/", method="GET").get_environ()
    built.update(PATH_INFO=path, REQUEST_METHOD=method, **environ)
    _, status, _ = run_wsgi_app(place.app, built, buffered=True)
    return int(status[:3])


@pytest.mark.parametrize(
    ("value", "status"),
    [
        pytest.param("", 401, id="empty"),
        pytest.param("Bearer", 400, id="scheme alone"),
        pytest.param("Bearer ", 400, id="no value"),
        pytest.param("Bearer " + CANARY * 11_000, 400, id="64 KB"),
        pytest.param("Bearer \xe9\xff.a.b", 400, id="not ASCII"),
        pytest.param("Bearer a.b\x00.c", 400, id="NUL"),
        pytest.param("Bearer a.b\x0b.c", 400, id="control character"),
        pytest.param("Bearer a.b.c,Bearer d.e.f", 400, id="doubled"),
        pytest.param("Basic Zm9vOmJhcg==", 401, id="another scheme"),
        pytest.param("Basic Zm9vOmJhcg==,Bearer a.b.c", 400, id="two schemes"),
        pytest.param("Bearer a.b.c", 401, id="somebody else's token"),
        pytest.param(f"Bearer jfk_live_{CANARY}", 401, id="a malformed key"),
        pytest.param("bearer  a.b.c ", 401, id="odd spaces"),
    ],
)
def test_an_authorization_header_of_any_kind_is_a_4xx(value: str, status: int) -> None:
    place = make_place()

    assert ask(place, HTTP_AUTHORIZATION=value) == status
    assert CANARY not in repr(place.events())


@pytest.mark.parametrize(
    ("value", "status"),
    [
        pytest.param("", 400, id="empty"),
        pytest.param(CANARY * 11_000, 400, id="64 KB"),
        pytest.param("\xe9", 400, id="not ASCII"),
        pytest.param("jfk_live_a,jfk_live_b", 400, id="doubled"),
        pytest.param("jfk_live_" + CANARY, 401, id="malformed"),
        pytest.param("anything", 401, id="not a key of ours"),
        pytest.param("\x00", 400, id="NUL"),
    ],
)
def test_an_api_key_header_of_any_kind_is_a_4xx(value: str, status: int) -> None:
    place = make_place()

    assert ask(place, HTTP_X_API_KEY=value) == status
    assert CANARY not in repr(place.events())


def test_two_credentials_at_once_are_refused_even_if_both_are_good(place: Place) -> None:
    headers = {**place.bearer(), "X-API-Key": place.key("chat:basic")}

    answer = place.client.get("/chat", headers=headers)

    assert answer.status_code == 400
    assert answer.get_json()["code"] == "credential_malformed"


def test_a_bearer_value_of_the_hosts_own_scheme_passes_the_gate(place: Place) -> None:
    answer = place.client.get("/public", headers={"Authorization": "Bearer opaque-host-token"})

    assert answer.status_code == 200
    assert answer.text == "anonymous"


@pytest.mark.parametrize("method", ["FOO", "TRACE", "PROPFIND", "A" * 10_000, "\x01", ""])
def test_an_unknown_method_is_405(place: Place, method: str) -> None:
    assert ask(place, method=method) == 405


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/static/../../etc/passwd",
        "/static/%00",
        "/static/\x00",
        "/chat%2Fstream",
        "/chat/\x00",
        "//chat",
        "/\xff\xfe",
        "/static/" + "a" * 5_000,
        "",
    ],
)
def test_an_odd_path_is_a_4xx_or_a_redirect(place: Place, path: str) -> None:
    assert 300 <= ask(place, path) < 500


@pytest.mark.parametrize(
    "cookie",
    [
        "=",
        ";;;",
        "jafsec_session",
        "jafsec_session=\x00",
        'a="',
        "\xff=\xff",
        "jafsec_session=" + "x" * 65_000,
    ],
)
def test_cookies_that_do_not_parse_sign_nobody_in(place: Place, cookie: str) -> None:
    assert ask(place, HTTP_COOKIE=cookie) == (401 if cookie.isascii() else 400)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        pytest.param("a=1", 200, id="ASCII"),
        pytest.param("%FF=%00", 200, id="escaped"),
        pytest.param("\xc3\xa9=1", 200, id="UTF-8 as some servers hand it over"),
        pytest.param("\xff=1", 400, id="no text"),
        pytest.param("a=1&b=\xe9", 400, id="Latin-1"),
    ],
)
def test_a_query_that_is_no_text_is_400(query: str, status: int) -> None:
    from flask import request

    place = make_place(bare=True)

    @place.app.get("/q")
    @place.jafsec.public()
    def read() -> dict[str, Any]:
        return {"read": list(request.args)}

    assert ask(place, "/q", QUERY_STRING=query) == status


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 100_000, b'{"a":', b"nul"])
def test_json_that_does_not_parse_is_400(body: bytes) -> None:
    from flask import request

    place = make_place(bare=True)

    @place.app.post("/json")
    @place.jafsec.public()
    def read() -> dict[str, Any]:
        return {"read": request.get_json()}

    answer = place.client.post("/json", data=body, content_type="application/json")

    assert answer.status_code == 400


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_unknown_addresses_are_flasks_own_404(place: Place, method: str) -> None:
    assert ask(place, "/nowhere", method) == 404


def test_a_wrong_method_is_flasks_own_405(place: Place) -> None:
    answer = place.client.delete("/chat")

    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_automatic_options_are_answered_without_a_credential(place: Place) -> None:
    answer = place.client.options("/chat")

    assert answer.status_code == 200
    assert "POST" in answer.headers["Allow"]


def test_head_is_refused_like_get_and_has_no_body(place: Place) -> None:
    answer = place.client.head("/chat")

    assert answer.status_code == 401
    assert answer.data == b""
