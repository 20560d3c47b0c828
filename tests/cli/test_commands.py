"""``flask jafsec ...`` on a real SQLite file, good and bad, for people and for programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from flask_jafsec import JafSecurity
from flask_jafsec.config.secrets import new_root_key
from flask_jafsec.events import EventType
from flask_jafsec.testing import CapturedEvents
from flask_jafsec.web.extension import state_of

ROLES = {"user": ["chat:basic"], "everything": ["*"]}


class Terminal:
    """An app and its command line."""

    def __init__(self, tmp_path: Path, **settings: Any) -> None:
        self.app = Flask("shop")
        self.app.testing = True
        self.app.config.from_mapping(
            {
                "JAFSEC_DATABASE_URL": f"sqlite:///{tmp_path / 'cli.sqlite3'}",
                "JAFSEC_ROLES": ROLES,
                **settings,
            }
        )
        self.captured = CapturedEvents()
        self.jafsec = JafSecurity(self.app, sinks=[self.captured])

    def run(self, line: str, code: int = 0, stdin: str | None = None) -> Result:
        """Run ``flask jafsec`` with the words of *line*; it must end with *code*."""
        words = [word.replace("_", " ") for word in line.split()]
        result = self.app.test_cli_runner().invoke(args=["jafsec", *words], input=stdin)
        assert result.exit_code == code, result.output
        if "--json" not in words:
            assert all(len(line) <= 80 for line in result.stdout.splitlines() if "jfk_" not in line)
        return result

    def told(self, line: str) -> Any:
        """Return what the command prints with ``--json``."""
        return json.loads(self.run(f"{line} --json").stdout)


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def test_init_makes_the_first_administrator_once(terminal: Terminal) -> None:
    first = terminal.told("init")
    assert first["created"] is True
    users = state_of(terminal.app).users
    assert users.authenticate("admin", first["password"]).must_change

    second = terminal.run("init")

    assert "already" in second.stdout
    assert len(users.list()) == 1


def test_init_prints_the_password_for_people(terminal: Terminal) -> None:
    shown = terminal.run("init --name Ada").stdout

    assert "One-time password (shown this once" in shown
    assert "/security/" in shown


def test_db_check_and_upgrade_say_where_it_stands(terminal: Terminal) -> None:
    terminal.run("db check", code=1)
    assert "Upgraded from empty" in terminal.run("db upgrade").stdout
    assert terminal.told("db check")["state"] == "current"
    assert "Already" in terminal.run("db upgrade").stdout


def test_secrets_new_needs_no_application(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text(
        "from flask import Flask\nfrom flask_jafsec import JafSecurity\n"
        "app = Flask('x')\nJafSecurity(app)\n"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JAFSEC_")}

    for program in (["flask", "--app", str(broken), "jafsec"], ["flask_jafsec"]):
        done = subprocess.run(  # our own interpreter and modules
            [sys.executable, "-m", *program, "secrets", "new"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        line = [line for line in done.stdout.splitlines() if line.startswith("JAFSEC_ROOT_KEYS=")]
        assert len(line) == 1
        app = Flask("fresh", instance_path=str(tmp_path))
        app.config["JAFSEC_ROOT_KEYS"] = line[0].partition("=")[2]
        JafSecurity(app, sinks=[])


def test_users_are_made_shown_disabled_and_enabled(terminal: Terminal) -> None:
    made = terminal.told("users new Ann --role user")
    assert made["roles"] == ["user"]
    assert made["password"]

    assert "Ann" in terminal.run("users list").stdout
    terminal.run("users disable ann --yes")
    assert terminal.told("users show Ann")["status"] == "disabled"
    terminal.run("users enable ann")
    assert terminal.told(f"users show {made['id']}")["status"] == "one-time password"
    assert terminal.told("users reset-password ann --yes")["password"] != made["password"]


def test_a_user_with_a_misspelt_role_is_not_made(terminal: Terminal) -> None:
    terminal.run("users new Ann --role usr", code=3)

    assert terminal.told("users list") == []


def test_roles_are_defined_granted_and_asked_about(terminal: Terminal) -> None:
    user = terminal.told("users new Ann")
    terminal.run("roles define editor text:write text:read --description Writes")
    assert "now holds editor" in terminal.run("roles grant ann editor").stdout

    assert terminal.told("roles who-can text:write") == [{"subject": user["id"], "role": "editor"}]
    assert "editor" in terminal.run("roles list").stdout
    terminal.run("roles withdraw ann editor")
    terminal.run("roles withdraw ann editor", code=1)
    terminal.run("roles remove editor --yes")
    terminal.run("roles remove editor --yes", code=3)


def test_keys_are_minted_shown_rotated_and_revoked(terminal: Terminal) -> None:
    made = terminal.told("keys new ci --scope chat:basic --days 30 --network 10.0.0.0/8")
    client = terminal.app.test_client()
    assert made["secret"].startswith("jfk_live_")
    assert "ci" in terminal.run("keys list").stdout
    assert "secret" not in terminal.told(f"keys show {made['id']}")

    successor = terminal.told(f"keys rotate {made['id']} --overlap 1h")
    assert terminal.told(f"keys show {made['id']}")["status"] == "rotating"
    terminal.run(f"keys revoke {successor['id']} --why leaked --yes")

    assert terminal.told(f"keys show {successor['id']}")["revoked_why"] == "leaked"
    listed = [key["id"] for key in terminal.told("keys list")]
    assert listed == [made["id"]]
    assert len(terminal.told("keys list --all")) == 2
    assert client.get("/nowhere").status_code == 404


def test_an_old_key_is_given_another_end(terminal: Terminal) -> None:
    made = terminal.told("keys new ci --scope chat:basic")
    terminal.told(f"keys rotate {made['id']} --until 2999-01-02T03:04")
    assert "2999-01-02" in terminal.told(f"keys show {made['id']}")["ends_at"]

    assert "2999-02-01" in terminal.told(f"keys extend {made['id']} --until 2999-02-01")["ends_at"]
    assert terminal.told(f"keys end-old {made['id']} --yes")["status"] == "rotated"
    terminal.run(f"keys end-old {made['id']} --yes", code=3)
    terminal.run(f"keys extend {made['id']} --until 2999-02-01", code=3)


def test_a_key_for_people_stands_alone_on_its_line(terminal: Terminal) -> None:
    shown = terminal.run("keys new ci --scope chat:basic").stdout

    (line,) = [line.strip() for line in shown.splitlines() if "jfk_live_" in line]
    assert line.startswith("jfk_live_")
    assert " " not in line


def test_tokens_are_issued_shown_and_revoked(terminal: Terminal) -> None:
    pair = terminal.told("tokens issue ann --scope chat:basic --seconds 600")

    shown = terminal.run("tokens show --json", stdin=pair["access_token"])
    assert json.loads(shown.stdout)["subject"] == "ann"
    terminal.run(f"tokens revoke {pair['token_id']} --yes")
    refused = terminal.run("tokens show", stdin="a.b.c", code=1)
    assert "not accepted" in refused.stderr
    terminal.run("tokens revoke-all ann --yes")


def test_the_table_of_routes_lists_undeclared_ones_first(terminal: Terminal) -> None:
    app, jafsec = terminal.app, terminal.jafsec
    app.add_url_rule("/z", "z", lambda: "")
    app.add_url_rule("/chat", "chat", jafsec.require("chat:basic", limit="chat")(lambda: ""))
    app.add_url_rule("/a", "a", jafsec.public()(lambda: ""))

    shown = terminal.run("routes").stdout
    rows = terminal.told("routes")

    assert rows[0]["rule"] == "/z"
    assert rows[0]["access"] == "undeclared"
    assert "UNDECLARED" in shown
    assert "1 undeclared" in shown
    terminal.run("routes --check", code=1)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("users show nobody", "no such user"),
        ("keys show nothing", "no such key"),
        ("keys new ci --scope Chat", "permission"),
        ("keys new ci --scope chat:basic --network everywhere", "network"),
        ("keys new ci --scope chat:basic --rate many", "rate"),
        ("roles define user chat:basic", "configuration"),
        ("roles grant ann nothing", "no such role"),
        ("tokens issue ann --scope x", "permission"),
        ("users new ann\x1b[2J", "name"),
    ],
)
def test_what_is_refused_is_one_line_and_code_3(terminal: Terminal, line: str, says: str) -> None:
    result = terminal.run(line, code=3)

    assert len(result.stderr.strip().splitlines()) == 1
    assert says in result.stderr.lower()
    assert "Traceback" not in result.output
    assert "\x1b" not in result.output


@pytest.mark.parametrize("line", ["users list", "keys list", "init", "db check", "roles list"])
def test_a_database_that_is_not_there_is_code_4(tmp_path: Path, line: str) -> None:
    gone = Terminal(tmp_path, JAFSEC_DATABASE_URL="postgresql://jafsec:c4n4ry@127.0.0.1:9/none")

    result = gone.run(line, code=4)

    assert "c4n4ry" not in result.output
    assert "Traceback" not in result.output


def test_a_question_is_asked_before_what_cannot_be_undone(terminal: Terminal) -> None:
    key = terminal.told("keys new ci --scope chat:basic")

    terminal.run(f"keys revoke {key['id']}", code=1, stdin="n\n")

    assert terminal.told(f"keys show {key['id']}")["status"] == "active"


def test_every_change_is_recorded_with_the_operator(terminal: Terminal) -> None:
    terminal.run("users new Ann --role user")

    for kind in (EventType.USER_CREATED, EventType.ROLE_GRANTED):
        (event,) = terminal.captured.of(kind, terminal.app)
        assert event.actor.startswith("cli:")


def test_a_hostile_name_cannot_move_the_cursor(terminal: Terminal) -> None:
    from tests.apps import OPERATOR

    keys = state_of(terminal.app).keys
    with pytest.raises(ValueError, match="name"):
        keys.mint("a\u202eb\x1b[2J", scopes=["chat:basic"], by=OPERATOR)


def test_what_is_printed_never_holds_a_raw_control_character() -> None:
    from flask_jafsec.cli.output import shown

    assert shown("a\x1b[2J\u202e\u200b\r\nb") == r"a\u{1b}[2J\u{202e}\u{200b}\u{d}\u{a}b"
    assert shown("Zoë, 日本") == "Zoë, 日本"


def test_an_app_without_the_extension_is_told_so() -> None:
    from flask_jafsec.cli import group

    app = Flask("plain")
    result = app.test_cli_runner().invoke(group, ["users", "list"])

    assert result.exit_code == 3
    assert "no JafSecurity" in result.stderr


def test_help_names_the_exit_codes(terminal: Terminal) -> None:
    assert "Exit codes" in terminal.run("--help").stdout
    assert "Exit codes" in terminal.run("keys new --help").stdout


def test_a_new_root_key_is_a_good_one(tmp_path: Path) -> None:
    app = Flask("x", instance_path=str(tmp_path))
    app.config["JAFSEC_ROOT_KEYS"] = new_root_key("r1")
    JafSecurity(app, sinks=[])
