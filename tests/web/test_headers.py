"""Headers that leave: data and pages each with their profile, the host's own word kept."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from flask import Response, render_template_string

from tests.apps import Place, make_place

OWASP = Path(__file__).parent.parent / "vectors" / "owasp_headers"


@pytest.fixture
def place() -> Place:
    place = make_place()

    @place.app.get("/page")
    @place.jafsec.public(limit=None)
    def page() -> str:
        return render_template_string("<!doctype html><script nonce='{{ csp_nonce() }}'>1</script>")

    @place.app.get("/own")
    @place.jafsec.public(limit=None)
    def own() -> Response:
        own = {"content-security-policy": "default-src *", "x-frame-options": "SAMEORIGIN"}
        return Response("{}", headers=own, mimetype="application/json")

    @place.app.get("/leaking")
    @place.jafsec.public(limit=None)
    def leaking() -> Response:
        return Response("{}", headers={"X-Powered-By": "secret 1.2"})

    return place


def names_to_add() -> list[str]:
    listed = json.loads((OWASP / "oshp_headers_add.json").read_text())["headers"]
    return [entry["name"].lower() for entry in listed]


#: Not for every answer: the first belongs to signing out, the second to what is private, the
#: last is sent on https.
SOMETIMES = {"clear-site-data", "cache-control", "strict-transport-security"}


@pytest.mark.parametrize("path", ["/public", "/page", "/chat", "/nowhere", "/static/none"])
def test_every_answer_carries_what_owasp_lists(place: Place, path: str) -> None:
    answer = place.client.get(path, base_url="https://localhost")

    sent = {name.lower() for name, _ in answer.headers}
    assert set(names_to_add()) - SOMETIMES - sent == set()
    assert "strict-transport-security" in sent


@pytest.mark.parametrize("path", ["/public", "/page", "/chat", "/own"])
def test_no_header_is_sent_twice(place: Place, path: str) -> None:
    for _ in range(3):
        answer = place.client.get(path, headers=place.bearer())
        names = [name.lower() for name, _ in answer.headers]
        assert len(names) == len(set(names))


def test_no_header_owasp_wants_removed_leaves(place: Place) -> None:
    removed = json.loads((OWASP / "oshp_headers_remove.json").read_text())["headers"]
    unwanted = {name.lower() for name in removed} - {"server"}

    sent = {name.lower() for name, _ in place.client.get("/leaking").headers}

    assert sent & unwanted == set()


def test_hsts_is_not_sent_on_plain_http(place: Place) -> None:
    assert "Strict-Transport-Security" not in place.client.get("/public").headers


def test_what_the_host_says_itself_is_kept(place: Place) -> None:
    for _ in range(2):
        headers = place.client.get("/own").headers
        assert headers.getlist("Content-Security-Policy") == ["default-src *"]
        assert headers.getlist("X-Frame-Options") == ["SAMEORIGIN"]


def test_what_is_made_for_a_known_caller_is_kept_by_no_cache(place: Place) -> None:
    assert "Cache-Control" not in place.client.get("/public").headers
    answer = place.client.get("/chat", headers=place.bearer())
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_page_has_a_nonce_and_its_policy_names_it(place: Place) -> None:
    answer = place.client.get("/page")

    (nonce,) = re.findall(r"nonce='([^']+)'", answer.text)
    policy = answer.headers["Content-Security-Policy"]
    assert f"script-src 'self' 'nonce-{nonce}'" in policy
    assert "unsafe" not in policy
    assert len(nonce) >= 16


def test_each_page_has_another_nonce(place: Place) -> None:
    pages = [place.client.get("/page") for _ in range(3)]

    assert len({page.headers["Content-Security-Policy"] for page in pages}) == 3


def test_data_after_a_page_and_a_page_after_data_keep_their_profiles(place: Place) -> None:
    for _ in range(2):
        page = place.client.get("/page").headers["Content-Security-Policy"]
        data = place.client.get("/chat", headers=place.bearer()).headers
        assert "script-src" in page
        assert data["Content-Security-Policy"].startswith("default-src 'none'")


def test_two_apps_have_policies_of_their_own() -> None:
    places = [make_place(bare=True, JAFSEC_CSP={"img-src": source}) for source in ("a.b", "c.d")]
    for place in places:
        view = place.jafsec.public()(lambda: "<p>page</p>")
        place.app.add_url_rule("/page", "page", view)

    policies = [p.client.get("/page").headers["Content-Security-Policy"] for p in places]

    assert "img-src a.b" in policies[0]
    assert "img-src c.d" in policies[1]
    assert "c.d" not in policies[0]


def test_a_hosts_own_csp_nonce_is_not_replaced() -> None:
    place = make_place(bare=True)
    place.app.jinja_env.globals["csp_nonce"] = lambda: "the-hosts"
    view = place.jafsec.public()(lambda: render_template_string("{{ csp_nonce() }}"))
    place.app.add_url_rule("/page", "page", view)

    assert place.client.get("/page").text == "the-hosts"


def test_headers_can_be_switched_off(place: Place) -> None:
    off = make_place(JAFSEC_HEADERS_ENABLED=False)

    headers = off.client.get("/public").headers

    assert "X-Content-Type-Options" not in headers
    assert "X-Request-ID" in headers


@pytest.mark.parametrize(
    ("method", "path", "to"),
    [
        ("GET", "/chat?a=1&b=%2F", "https://localhost/chat?a=1&b=%2F"),
        ("POST", "/chat", "https://localhost/chat"),
        ("GET", "/a b/%C3%A9", "https://localhost/a%20b/%C3%A9"),
    ],
)
def test_plain_http_is_redirected_by_308_to_the_same_place(method: str, path: str, to: str) -> None:
    place = make_place(JAFSEC_HTTPS_REDIRECT=True)

    answer = place.client.open(path, method=method, base_url="http://localhost")

    assert answer.status_code == 308
    assert answer.headers["Location"] == to


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [
        ("https", 200),
        ("HTTPS", 200),
        ("https, http", 200),
        ("https,https", 200),
        ("http", 308),
        ("http, https", 308),
        ("", 308),
        ("httpsx", 308),
    ],
)
def test_what_reached_the_first_proxy_by_https_is_not_redirected_for_ever(
    forwarded: str, status: int
) -> None:
    place = make_place(JAFSEC_HTTPS_REDIRECT=True)

    answer = place.client.get("/public", headers={"X-Forwarded-Proto": forwarded})

    assert answer.status_code == status


def test_health_checks_are_not_redirected() -> None:
    place = make_place(JAFSEC_HTTPS_REDIRECT=True)
    place.app.add_url_rule("/health", "health", place.jafsec.public()(lambda: "ok"))

    assert place.client.get("/health").status_code == 200


@pytest.mark.parametrize("host", ["a b", "evil.example/path", "x@y", "<b>", "", "[::1", "a" * 300])
def test_a_host_that_is_none_is_not_repeated(host: str) -> None:
    place = make_place(JAFSEC_HTTPS_REDIRECT=True)

    answer = place.client.get("/chat", headers={"Host": host})

    assert answer.status_code in {308, 400}
    if answer.status_code == 308:
        assert answer.headers["Location"].startswith("https://localhost")
