"""The table of routes and path rules: it never calls closed what may be open."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from flask_jafsec.web.reach import Reach
from flask_jafsec.web.route_table import RouteRow, rows
from tests.apps import Place, make_place

PUBLIC = {"public": True}


def row_of(
    rules: dict[str, Any], address: str, *, declare: bool = False, **options: Any
) -> tuple[Place, RouteRow]:
    """Return an app with one view and its row in the table."""
    place = make_place(bare=True, JAFSEC_ROUTES=rules)
    view: Any = lambda **_: "read"  # noqa: E731
    if declare:
        view = place.jafsec.require("chat:basic")(view)
    place.app.add_url_rule(address, "view", view, **options)
    (row,) = [row for row in rows(place.app) if row.endpoint == "view"]
    return place, row


def test_a_catch_all_below_which_something_is_public_is_not_called_undeclared() -> None:
    place, row = row_of({"/pub/*": PUBLIC}, "/<path:q>")

    assert place.client.get("/pub/x").status_code == 200
    assert place.client.get("/other").status_code == 403
    assert (row.access, row.path_rules, row.otherwise) == ("depends", ("/pub/*",), "undeclared")


def test_a_rule_for_one_path_wins_over_any_rule_for_many() -> None:
    place, _ = row_of({"/a/*": PUBLIC, "/a/b": {"permissions": ["x:y"]}}, "/a/<x>")

    assert place.client.get("/a/c").status_code == 200
    assert place.client.get("/a/b").status_code == 401


def test_the_command_says_on_which_paths_it_depends() -> None:
    place, _ = row_of({"/pub/*": PUBLIC}, "/<path:q>")

    printed = place.app.test_cli_runner().invoke(args=["jafsec", "routes"]).output
    told = " ".join(printed.split())  # cells wrap

    assert "depends on the" in told
    assert "/pub/*" in told
    assert "UNDECLARED" not in told
    assert "undeclared: refused for everybody" not in told


@pytest.mark.parametrize(
    ("rules", "address", "access", "patterns"),
    [
        pytest.param({"/a/*": PUBLIC}, "/a/<x>", "public", (), id="all of it"),
        pytest.param({"/a*": PUBLIC}, "/a/<x>/b", "public", (), id="all of it, by its beginning"),
        pytest.param({"/a/*": PUBLIC}, "/a", "public", (), id="the folder itself"),
        pytest.param({"/b/*": PUBLIC}, "/a/<x>", "undeclared", (), id="elsewhere"),
        pytest.param({"/a/b/c/*": PUBLIC}, "/a/<x>", "undeclared", (), id="too deep"),
        pytest.param({"/a/b/c": PUBLIC}, "/a/<path:x>", "depends", ("/a/b/c",), id="one path"),
        pytest.param({"/a/b*": PUBLIC}, "/<x>/bc/<y>", "depends", ("/a/b*",), id="in the middle"),
        pytest.param({"/a/b*": PUBLIC}, "/<x>/c/<y>", "undeclared", (), id="another middle"),
        pytest.param(
            {"/a/*": PUBLIC, "/a/b": {"permissions": ["x:y"]}},
            "/a/<x>",
            "depends",
            ("/a/b", "/a/*"),
            id="a longer rule wins for one path",
        ),
        pytest.param(
            {"/*": {"permissions": ["x:y"]}, "/pub/*": PUBLIC},
            "/<path:x>",
            "depends",
            ("/pub/*", "/*"),
            id="everything, and something else within",
        ),
    ],
)
def test_who_may_call_is_told_for_all_paths_of_a_rule(
    rules: dict[str, Any], address: str, access: str, patterns: tuple[str, ...]
) -> None:
    _, row = row_of(rules, address)

    assert (row.access, row.path_rules) == (access, patterns)


def test_a_view_that_says_who_may_call_depends_in_its_limits_only() -> None:
    _, row = row_of({"/a/b": {"limit": "3/minute"}}, "/a/<x>", declare=True)

    assert row.access == "require"
    assert row.permissions == ("chat:basic",)
    assert row.limits == ("depends on the path: /a/b",)


@pytest.mark.parametrize(
    ("limit", "told"),
    [
        ("10/minute by address", "10/minute by address"),
        ("10/minute", "10/minute"),
        ("chat by person", "chat by person"),
        ("chat", "chat"),
    ],
)
def test_a_limit_is_told_as_it_was_written(limit: str, told: str) -> None:
    place = make_place(bare=True)
    place.app.add_url_rule("/a", "view", place.jafsec.public(limit=limit)(lambda: "read"))

    (row,) = [row for row in rows(place.app) if row.endpoint == "view"]

    assert row.limits == (told,)


def test_a_slash_that_may_be_left_out_is_another_path() -> None:
    _, row = row_of({"/pub": PUBLIC}, "/pub/", strict_slashes=False)

    assert (row.access, row.otherwise) == ("depends", "undeclared")


@pytest.mark.parametrize("pattern", ["/*", "/a*", "/a/*", "/a/b*", "/a/b/*", "/a", "/a/b", "/b/c"])
@pytest.mark.parametrize(
    "address", ["/", "/a", "/a/<x>", "/<x>/b", "/<path:x>", "/a/<int:x>", "/a<x>", "/<x>/<y>/c"]
)
def test_no_path_rule_that_matches_is_missing(pattern: str, address: str) -> None:
    from flask_jafsec.web.declarations import path_rule

    app = Flask("reach")
    app.add_url_rule(address, "view", lambda **_: "")
    (rule,) = [rule for rule in app.url_map.iter_rules() if rule.endpoint == "view"]
    reach = Reach(rule, app.url_map.converters)
    matcher = app.url_map.bind("localhost")
    parts = ["a", "b", "c", "ab", "5"]
    paths = ["/", *(f"/{x}" for x in parts), *(f"/{x}/{y}" for x in parts for y in parts)]
    paths += [f"/{x}/{y}/c" for x in parts for y in parts]
    asked = [path for path in paths if matcher.test(path)]

    matches = [path_rule(pattern, PUBLIC).matches(path) for path in asked]

    assert reach.may_match(pattern) or not any(matches)
    assert all(matches) or not reach.lies_within(pattern)
