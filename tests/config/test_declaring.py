"""Rates, roles and declarations by path."""

import pytest

from flask_jafsec.config.routes import NOT_YET
from flask_jafsec.config.settings import RouteRule
from tests.config.loaded import only_problem, problems_of, settings_of


def test_rates_are_merged_over_the_guides() -> None:
    named = settings_of({"JAFSEC_LIMITS": {"chat": "5/second", "search": "30 per hour"}})

    assert named.limits.named == {
        "default": "100/minute",
        "chat": "5/second",
        "api": "1000/hour",
        "upload": "5 per 5 minutes",
        "search": "30 per hour",
    }


@pytest.mark.parametrize(
    ("limits", "key"),
    [
        ({"chat": "often"}, "JAFSEC_LIMITS['chat']"),
        ({"chat": ""}, "JAFSEC_LIMITS['chat']"),
        ({"chat": 20}, "JAFSEC_LIMITS['chat']"),
        ({"chat": "0/minute"}, "JAFSEC_LIMITS['chat']"),
        ({"chat": "-1/minute"}, "JAFSEC_LIMITS['chat']"),
        ({"chat": None}, "JAFSEC_LIMITS['chat']"),
        ({"Chat": "1/minute"}, "JAFSEC_LIMITS (entry 1)"),
        ({"": "1/minute"}, "JAFSEC_LIMITS (entry 1)"),
        ({"a b": "1/minute"}, "JAFSEC_LIMITS (entry 1)"),
        ("20/minute", "JAFSEC_LIMITS"),
        ([("chat", "1/minute")], "JAFSEC_LIMITS"),
    ],
)
def test_these_are_no_rates(limits: object, key: str) -> None:
    assert only_problem({"JAFSEC_LIMITS": limits}).key == key


def test_a_problem_of_a_rate_says_what_to_write() -> None:
    problem = only_problem({"JAFSEC_LIMITS": {"chat": "often"}})

    assert problem.what == "is not a rate"
    assert "20/minute" in problem.instead


def test_roles_are_sets_of_permissions_and_wildcards() -> None:
    roles = settings_of(
        {
            "JAFSEC_ROLES": {
                "admin": ["*", "jafsec:*"],
                "user": ["chat:send", "agent:*", "agent:run:own"],
                "nobody": [],
                "reader": "page:read, page:list",
            }
        }
    ).roles

    assert roles == {
        "admin": frozenset({"*", "jafsec:*"}),
        "user": frozenset({"chat:send", "agent:*", "agent:run:own"}),
        "nobody": frozenset(),
        "reader": frozenset({"page:read", "page:list"}),
    }


@pytest.mark.parametrize(
    ("roles", "key"),
    [
        ({"a": ["Chat:send"]}, "JAFSEC_ROLES['a'] (entry 1)"),
        ({"a": ["chat"]}, "JAFSEC_ROLES['a'] (entry 1)"),
        ({"a": ["chat:send", "a:b:c:d"]}, "JAFSEC_ROLES['a'] (entry 2)"),
        ({"a": ["chat:se*"]}, "JAFSEC_ROLES['a'] (entry 1)"),
        ({"a": ["chat:"]}, "JAFSEC_ROLES['a'] (entry 1)"),
        ({"a": [5]}, "JAFSEC_ROLES['a'] (entry 1)"),
        ({"a": ["a:b", "a:b"]}, "JAFSEC_ROLES['a'] (entry 2)"),
        ({"a": None}, "JAFSEC_ROLES['a']"),
        ({"a": [f"a:b{n}" for n in range(201)]}, "JAFSEC_ROLES['a']"),
        ({"a b": []}, "JAFSEC_ROLES (entry 1)"),
        ({"": []}, "JAFSEC_ROLES (entry 1)"),
        (["admin"], "JAFSEC_ROLES"),
    ],
)
def test_these_are_no_roles(roles: object, key: str) -> None:
    assert only_problem({"JAFSEC_ROLES": roles}).key == key


def test_routes_are_declared_by_path() -> None:
    routes = settings_of(
        {
            "JAFSEC_ROUTES": {
                "/api/secure/*": {"permissions": ["chat:send"], "credentials": ["key", "token"]},
                "/chat*": {"limit": "chat"},
                "/status": {"public": True, "limit": ["5/second", "chat by address"]},
                "/heavy": {"permissions": "a:b, a:c", "any_of": True, "cost": 5, "limit": None},
            }
        }
    ).routes

    assert routes == (
        RouteRule(
            "/api/secure/*", {"permissions": ("chat:send",), "credentials": ("key", "token")}
        ),
        RouteRule("/chat*", {"limit": "chat"}),
        RouteRule("/status", {"public": True, "limit": ("5/second", "chat by address")}),
        RouteRule(
            "/heavy", {"permissions": ("a:b", "a:c"), "any_of": True, "cost": 5, "limit": None}
        ),
    )


def test_a_route_may_use_a_rate_that_the_same_configuration_names() -> None:
    config = {"JAFSEC_LIMITS": {"search": "1/second"}, "JAFSEC_ROUTES": {"/s": {"limit": "search"}}}

    assert problems_of(config) == []


@pytest.mark.parametrize(
    "pattern", ["", "api", "/a*b", "/*/a", "//a", "/a//b", "/a?x", "/a#x", "/a/../b", "/a b", "/é"]
)
def test_these_are_no_patterns(pattern: str) -> None:
    problem = only_problem({"JAFSEC_ROUTES": {pattern: {"public": True}}})

    assert problem.key == "JAFSEC_ROUTES (entry 1)"


@pytest.mark.parametrize("pattern", ["/", "/*", "*"[:0] + "/a", "/a/", "/a/*", "/a*", "/a.b/~c"])
def test_these_are_patterns(pattern: str) -> None:
    assert problems_of({"JAFSEC_ROUTES": {pattern: {"public": True}}}) == []


@pytest.mark.parametrize(
    ("members", "place"),
    [
        ({}, ""),
        ("public", ""),
        ({"who": 1}, " (member 1)"),
        ({"owner": "user_id"}, "['owner']"),
        ({"permissions": []}, "['permissions']"),
        ({"permissions": ["a:*"]}, "['permissions'] (entry 1)"),
        ({"permissions": ["*"]}, "['permissions'] (entry 1)"),
        ({"permissions": None}, "['permissions']"),
        ({"credentials": []}, "['credentials']"),
        ({"credentials": ["password"]}, "['credentials'] (entry 1)"),
        ({"credentials": ["signature"]}, "['credentials'] (entry 1)"),
        ({"credentials": ["none"]}, "['credentials'] (entry 1)"),
        ({"limit": "often"}, "['limit']"),
        ({"limit": "5 sometimes"}, "['limit']"),
        ({"limit": "chat by moon"}, "['limit']"),
        ({"limit": ""}, "['limit']"),
        ({"limit": []}, "['limit']"),
        ({"limit": 20}, "['limit']"),
        ({"limit": ["chat", 5]}, "['limit']"),
        ({"cost": 0}, "['cost']"),
        ({"cost": "many"}, "['cost']"),
        ({"public": "perhaps"}, "['public']"),
        ({"public": True, "permissions": ["a:b"]}, ""),
        ({"public": True, "credentials": ["key"]}, ""),
        ({"public": True, "cost": 2}, ""),
        ({"any_of": True}, ""),
        ({"any_of": True, "permissions": ["a:b"]}, ""),
    ],
)
def test_these_declare_nothing_safe(members: object, place: str) -> None:
    problem = only_problem({"JAFSEC_ROUTES": {"/a": members}})

    assert problem.key == f"JAFSEC_ROUTES['/a']{place}"


@pytest.mark.parametrize(
    ("member", "part"),
    [
        ("signed", "signing"),
        ("body", "screening"),
        ("screen_input", "screening"),
        ("screen_output", "screening"),
        ("budget", "abuse control"),
        ("fresh", "the console's step-up"),
    ],
)
@pytest.mark.parametrize("value", [True, False, None, "x"])
def test_a_member_of_a_part_that_is_not_there_names_the_part(
    member: str, part: str, value: object
) -> None:
    problem = only_problem({"JAFSEC_ROUTES": {"/a": {"public": True, member: value}}})

    assert problem.key == f"JAFSEC_ROUTES['/a'][{member!r}]"
    assert f"'{part}'" in problem.what
    assert NOT_YET[member] == part


def test_every_bad_member_of_every_route_is_named() -> None:
    routes = {"/a": {"signed": True, "cost": 0}, "/b": {"limit": "x y"}, "/c": {"public": True}}

    found = [problem.key for problem in problems_of({"JAFSEC_ROUTES": routes})]

    assert found == [
        "JAFSEC_ROUTES['/a']['signed']",
        "JAFSEC_ROUTES['/a']['cost']",
        "JAFSEC_ROUTES['/b']['limit']",
    ]
