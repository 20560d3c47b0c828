"""Tables for people: they wrap, and never in the middle of what must be read whole."""

from __future__ import annotations

import pytest

from flask_jafsec.cli.output import print_table
from tests.apps import make_place


def test_no_permission_is_cut_in_two() -> None:
    place = make_place(bare=True)
    permissions = ["conversation:export:own", "analytics:dashboard:view", "agent:configuration"]
    declared = place.jafsec.require(*permissions, credentials=("token", "session"))
    place.app.add_url_rule(
        "/conversations/<conversation_id>/messages/<message_id>",
        "export",
        declared(lambda **_: ""),
        methods=["GET", "POST", "PUT"],
    )

    told = place.app.test_cli_runner().invoke(args=["jafsec", "routes"]).stdout

    assert [name for name in [*permissions, "<conversation_id>"] if name not in told] == []


def test_a_table_that_can_wrap_is_80_wide(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("Name", "Said"), [["a" * 26, "word " * 60], ["b", "c"]], empty="")

    lines = capsys.readouterr().out.splitlines()

    assert max(map(len, lines)) <= 80
    assert len(lines) > 5


def test_a_word_without_end_does_not_widen_a_table_without_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_table(("Name", "Said"), [["a" * 5_000, "b"]], empty="")

    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80
