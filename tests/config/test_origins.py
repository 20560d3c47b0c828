"""Which origins may be listed, and what to write instead of the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.config.origins import origin
from flask_jafsec.config.parsing import Unfit
from tests.config.loaded import only_problem, settings_of


@pytest.mark.parametrize(
    "written",
    [
        "https://app.example.com",
        "http://localhost",
        "http://localhost:3000",
        "https://app.example.com:8443",
        "http://127.0.0.1:5000",
        "http://[::1]:5000",
        "https://xn--bcher-kva.example",
        "https://a-b.example",
        "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb",
        "capacitor://localhost",
        "*",
    ],
)
def test_an_origin_as_browsers_write_it_is_taken_as_it_is(written: str) -> None:
    assert settings_of({"JAFSEC_CORS_ORIGINS": [written]}).cors.origins == (written,)
    assert settings_of(environ={"JAFSEC_CORS_ORIGINS": written}).cors.origins == (written,)


@pytest.mark.parametrize(
    ("written", "right"),
    [
        pytest.param("https://a.example/", "https://a.example", id="trailing slash"),
        pytest.param("https://a.example/app", "https://a.example", id="path"),
        pytest.param("https://a.example?x=1", "https://a.example", id="query"),
        pytest.param("https://a.example#x", "https://a.example", id="fragment"),
        pytest.param("https://A.Example", "https://a.example", id="upper-case host"),
        pytest.param("HTTPS://a.example", "https://a.example", id="upper-case scheme"),
        pytest.param("https://a.example:443", "https://a.example", id="default port of https"),
        pytest.param("http://a.example:80", "http://a.example", id="default port of http"),
        pytest.param("https://a.example:08443", "https://a.example:8443", id="zero before port"),
        pytest.param("https://a.example:", "https://a.example", id="colon without port"),
    ],
)
def test_a_nearly_right_origin_is_refused_with_the_right_one(written: str, right: str) -> None:
    problem = only_problem({"JAFSEC_CORS_ORIGINS": [written]})

    assert problem.key == "JAFSEC_CORS_ORIGINS (entry 1)"
    assert problem.instead == f"Write {right}."


@pytest.mark.parametrize(
    ("written", "what"),
    [
        pytest.param("null", "is the origin of every sandboxed page", id="null"),
        pytest.param("NULL", "is the origin of every sandboxed page", id="NULL"),
        pytest.param("https://*.example.com", "holds a wildcard", id="wildcard inside"),
        pytest.param("https://*", "holds a wildcard", id="wildcard host"),
        pytest.param("*://a.example", "holds a wildcard", id="wildcard scheme"),
        pytest.param("**", "holds a wildcard", id="two stars"),
        pytest.param("a.example", "has no scheme", id="no scheme"),
        pytest.param("//a.example", "has no scheme", id="no scheme but slashes"),
        pytest.param("localhost:3000", "has no scheme", id="host and port"),
        pytest.param("/", "has no scheme", id="a path"),
        pytest.param("file:///index.html", "has no scheme", id="a file"),
        pytest.param("file://host", "has a scheme whose", id="a file on a host"),
        pytest.param("data://a", "has a scheme whose", id="data"),
        pytest.param("https://", "has no scheme", id="no host"),
        pytest.param("https://:443", "does not name a host", id="only a port"),
        pytest.param("https://a_b.example", "does not name a host", id="underscore"),
        pytest.param("https://a..example", "does not name a host", id="empty label"),
        pytest.param("https://user:canary@a.example", "does not name a host", id="password"),
        pytest.param("https://a.example:99999", "is not an origin", id="port too large"),
        pytest.param("https://a.example:x", "is not an origin", id="port not a number"),
        pytest.param("https://[::1", "is not an origin", id="half a bracket"),
        pytest.param("https://bücher.example", "is too long or holds", id="not ASCII"),
        pytest.param("https://a.example https://b.example", "does not name", id="two in one"),
        pytest.param("", "is empty", id="empty entry"),
    ],
)
def test_these_are_no_origins(written: str, what: str) -> None:
    problem = only_problem({"JAFSEC_CORS_ORIGINS": [written]})

    assert problem.what.startswith(what)
    assert "canary" not in str(problem)


def test_a_trailing_comma_is_an_empty_entry() -> None:
    problem = only_problem(environ={"CORS_ORIGINS": "https://a.example,"})

    assert problem.key == "CORS_ORIGINS (entry 2)"


def test_every_origin_with_credentials_is_refused() -> None:
    problem = only_problem({"JAFSEC_CORS_ORIGINS": "*", "JAFSEC_CORS_CREDENTIALS": True})

    assert problem.key == "JAFSEC_CORS_ORIGINS"
    assert "JAFSEC_CORS_CREDENTIALS" in problem.instead


def test_every_origin_without_credentials_is_a_choice_of_public_apis() -> None:
    assert settings_of({"JAFSEC_CORS_ORIGINS": "*"}).cors.origins == ("*",)


def test_a_star_beside_other_origins_is_refused() -> None:
    problem = only_problem({"JAFSEC_CORS_ORIGINS": ["https://a.example", "*"]})

    assert "alone" in problem.instead


@given(st.text(max_size=60) | st.from_regex(r"https?://[a-zA-Z0-9.:\[\]@/*-]{0,40}"))
def test_whatever_is_accepted_is_the_form_browsers_send(written: str) -> None:
    try:
        accepted = origin(written)
    except Unfit:
        return

    assert accepted == "*" or accepted == accepted.lower()
    assert accepted == "*" or not set("*@?#/ ") & set(accepted.partition("://")[2])
    assert origin(accepted) == accepted
