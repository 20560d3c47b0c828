"""What programs need of the command line: JSON from every command, and exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_commands import Terminal


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def test_every_change_can_be_told_to_a_program(terminal: Terminal) -> None:
    assert terminal.told("db upgrade") == {"was": "", "current": "0004"}
    user = terminal.told("users new ann")
    assert terminal.told("users disable ann --yes")["status"] == "disabled"
    assert terminal.told("users enable ann")["id"] == user["id"]
    assert terminal.told("roles define help chat:basic ticket:read") == {
        "name": "help",
        "permissions": ["chat:basic", "ticket:read"],
        "description": "",
        "built_in": False,
    }
    held = {"subject": user["id"], "role": "help"}
    assert terminal.told("roles grant ann help") == {**held, "granted": True}
    assert terminal.told("roles grant ann help") == {**held, "granted": False}
    assert terminal.told("roles withdraw ann help") == {**held, "withdrawn": True}
    assert terminal.told("roles remove help --yes") == {"name": "help", "removed": True}


def test_what_is_revoked_can_be_told_to_a_program(terminal: Terminal) -> None:
    key = terminal.told("keys new ci --scope chat:basic")
    pair = terminal.told("tokens issue ann")

    assert terminal.told(f"keys revoke {key['id']} --yes")["status"] == "revoked"
    assert terminal.told(f"tokens revoke {pair['token_id']} --yes") == {
        "token_id": pair["token_id"],
        "revoked": True,
    }
    assert terminal.told("tokens revoke-all ann --yes") == {"subject": "ann", "revoked": True}


def test_a_role_that_was_not_held_is_told_and_is_code_1(terminal: Terminal) -> None:
    result = terminal.run("roles withdraw ann user --json", code=1)

    assert json.loads(result.stdout)["withdrawn"] is False


@pytest.mark.parametrize(
    ("scopes", "told"), [("", None), (" --scope chat:basic --scope a:b", ["a:b", "chat:basic"])]
)
def test_the_scopes_of_a_token_are_a_list_or_null(
    terminal: Terminal, scopes: str, told: list[str] | None
) -> None:
    pair = terminal.told(f"tokens issue ann{scopes}")

    shown = terminal.run("tokens show --json", stdin=pair["access_token"])
    for_people = terminal.run("tokens show", stdin=pair["access_token"])

    assert json.loads(shown.stdout)["scopes"] == told
    assert ("all of the subject's" in for_people.stdout) is (told is None)


def test_a_rate_that_is_none_is_said_once(terminal: Terminal) -> None:
    result = terminal.run("keys new ci --scope chat:basic --rate lots", code=3)

    assert result.stderr.startswith("jafsec: rate: is not a rate.")


def test_long_names_stay_within_the_terminal(terminal: Terminal) -> None:
    name = "nightly-export-of-everything-" * 8
    key = terminal.told(f"keys new {name} --scope chat:basic")

    for line in (
        f"keys show {key['id']}",
        "keys list",
        f"keys revoke {key['id']} --yes",
        f"keys new {name}2 --scope chat:basic",
        f"users new {name}",
        f"users disable {name} --yes",
    ):
        shown = terminal.run(line).stdout  # which compares the width of every line
        assert name in "".join(shown.split()) or "list" in line


@pytest.mark.parametrize("program", [["-m", "flask", "jafsec"], ["-m", "flask_jafsec"]])
@pytest.mark.parametrize("command", [["routes"], ["users", "list"], ["db", "upgrade"]])
def test_a_bad_configuration_is_code_78_and_lists_everything(
    tmp_path: Path, program: list[str], command: list[str]
) -> None:
    (tmp_path / "app.py").write_text(
        "from flask import Flask\n"
        "from flask_jafsec import JafSecurity\n"
        "app = Flask(__name__)\n"
        "app.config.update(JAFSEC_ROOT_KEYS='short', JAFSEC_REALMS='x')\n"
        "JafSecurity(app)\n"
    )

    ended = subprocess.run(
        [sys.executable, *program, *command],
        cwd=tmp_path,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 78, ended.stderr
    assert "JAFSEC_ROOT_KEYS" in ended.stderr
    assert "JAFSEC_REALM" in ended.stderr
    assert "Traceback" not in ended.stderr
