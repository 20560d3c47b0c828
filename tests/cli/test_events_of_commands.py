"""What becomes of the events of commands: kept in the log, not shown to whoever types."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_jafsec import JafSecurity
from flask_jafsec.config.secrets import new_root_key
from flask_jafsec.stores.memory import MemoryStore
from flask_jafsec.testing import CapturedEvents
from flask_jafsec.web.extension import state_of


def make_app(tmp_path: Path, **plugins: Any) -> Flask:
    app = Flask("shop")
    app.testing = True
    app.config["JAFSEC_DATABASE_URL"] = f"sqlite:///{tmp_path / 'cli.sqlite3'}"
    JafSecurity(app, **plugins)
    return app


def run(app: Flask, line: str) -> str:
    """Run a command; return what it wrote to standard error, its last events with it."""
    words = ["jafsec", *line.split()]
    result = app.test_cli_runner().invoke(args=words)
    assert result.exit_code == 0, result.output
    state_of(app).services.trail.close()
    return result.stderr


def test_a_command_that_changes_something_shows_no_event_to_its_very_end(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "from flask import Flask\nfrom flask_jafsec import JafSecurity\n"
        "app = Flask(__name__)\njafsec = JafSecurity(app)\n"
    )
    environment = {**os.environ, "JAFSEC_ROOT_KEYS": new_root_key("r1")}

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "flask", "jafsec", *words],
            cwd=tmp_path,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )

    made = command("init")
    told = command("audit", "tail", "--json")

    assert "Administrator admin made" in made.stdout
    assert made.stderr + told.stderr == ""
    assert [event["type"] for event in json.loads(told.stdout)] == [
        "user.created",
        "role.granted",
        "audit.writer_closed",
    ]


def test_after_the_command_the_app_shows_events_again(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    app = make_app(tmp_path)
    run(app, "init")

    app.test_client().get("/nothing")
    state_of(app).services.trail.close()

    assert '"type"' in capfd.readouterr().err


def test_sinks_of_the_apps_own_get_the_events_of_commands(tmp_path: Path) -> None:
    captured = CapturedEvents()
    app = make_app(tmp_path, sinks=[captured])

    run(app, "users new ann")

    assert [event.type for event in captured.all(app)] == ["user.created"]


def test_where_the_store_keeps_no_log_the_lines_stay(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    app = make_app(tmp_path, store=MemoryStore())

    shown = run(app, "users new ann")

    assert "user.created" in shown + capfd.readouterr().err
