"""The profile of every answer: appended where absent, leaks taken away."""

from __future__ import annotations

import pytest

from flask_jafsec.config.settings import HeaderSettings
from flask_jafsec.transport.headers import (
    API_HEADERS,
    LEAKING,
    ApiProfile,
    Profile,
    append_absent,
)

Pairs = list[tuple[str, str]]


def finished(
    headers: Pairs | None = None,
    *,
    is_https: bool = False,
    is_private: bool = False,
    kept: tuple[str, ...] = (),
    settings: HeaderSettings | None = None,
) -> Pairs:
    pairs = list(headers or [])
    profile = ApiProfile(settings or HeaderSettings(), kept=kept)
    profile.finish(pairs, is_https=is_https, is_private=is_private)
    return pairs


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Embedder-Policy", "require-corp"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("X-Permitted-Cross-Domain-Policies", "none"),
        ("X-DNS-Prefetch-Control", "off"),
    ],
)
def test_an_answer_gets_what_owasp_lists(name: str, value: str) -> None:
    assert dict(finished())[name] == value


def test_features_that_reach_into_a_room_are_off() -> None:
    policy = dict(finished())["Permissions-Policy"]

    assert {"camera=()", "microphone=()", "geolocation=()", "usb=()"} <= set(policy.split(", "))
    assert "*" not in policy


@pytest.mark.parametrize(
    ("is_https", "is_private", "hsts", "cache"),
    [
        pytest.param(False, False, False, False, id="http, for anybody"),
        pytest.param(True, False, True, False, id="https, for anybody"),
        pytest.param(False, True, False, True, id="http, for one caller"),
        pytest.param(True, True, True, True, id="https, for one caller"),
    ],
)
def test_hsts_is_for_https_and_no_store_for_known_callers(
    is_https: bool, is_private: bool, hsts: bool, cache: bool
) -> None:
    said = dict(finished(is_https=is_https, is_private=is_private))

    assert ("Strict-Transport-Security" in said) is hsts
    assert (said.get("Cache-Control") == "no-store") is cache


@pytest.mark.parametrize(
    ("settings", "value"),
    [
        (HeaderSettings(hsts_max_age_s=60, hsts_subdomains=False), "max-age=60"),
        (HeaderSettings(hsts_max_age_s=60, hsts_subdomains=True), "max-age=60; includeSubDomains"),
    ],
)
def test_hsts_says_what_is_configured(settings: HeaderSettings, value: str) -> None:
    said = dict(finished(is_https=True, settings=settings))

    assert said["Strict-Transport-Security"] == value


@pytest.mark.parametrize("name", [name for name, _ in API_HEADERS] + ["Cache-Control"])
@pytest.mark.parametrize("written", [str.lower, str.upper, str.title])
def test_what_the_application_says_is_kept_in_any_case(name: str, written: object) -> None:
    own = (written(name), "its own")  # type: ignore[operator]  # a method of str

    pairs = finished([own], is_private=True)

    assert [pair for pair in pairs if pair[0].lower() == name.lower()] == [own]


@pytest.mark.parametrize(
    "name", ["X-Powered-By", "x-powered-by", "X-ASPNET-VERSION", "X-Generator"]
)
def test_what_tells_strangers_what_runs_here_is_taken_away(name: str) -> None:
    pairs = finished([("A", "1"), (name, "secret 1.2"), ("B", "2"), (name, "again")])

    assert "secret" not in repr(pairs)
    assert [pair for pair in pairs if pair[0] in "AB"] == [("A", "1"), ("B", "2")]


def test_every_leaking_name_is_taken_away() -> None:
    pairs = finished([(name, "leak") for name in sorted(LEAKING)])

    assert "leak" not in {value for _, value in pairs}
    assert len(LEAKING) > 50


def test_a_leaking_header_can_be_meant() -> None:
    own = [("X-Powered-By", "us"), ("X-Generator", "secret")]

    pairs = finished(own, kept=("x-POWERED-by",))

    assert pairs[0] == ("X-Powered-By", "us")
    assert "X-Generator" not in dict(pairs)


def test_no_header_is_said_twice() -> None:
    names = [name.lower() for name, _ in finished(is_https=True, is_private=True)]

    assert len(names) == len(set(names))


def test_a_profile_is_appended_in_order_where_its_names_are_absent() -> None:
    headers = [("b", "theirs")]

    append_absent(headers, Profile([("A", "1"), ("B", "2"), ("C", "3")]))

    assert headers == [("b", "theirs"), ("A", "1"), ("C", "3")]
