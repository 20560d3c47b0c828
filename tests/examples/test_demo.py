"""The demo prints a password only as long as it opens something."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: Prepares the demo in a folder of its own; prints what would be shown, as JSON.
START = """
import json, sys
from pathlib import Path
sys.path.insert(0, {examples!r})
import demo
demo.KEPT = Path({kept!r})
demo._set_environment()
shown = demo.prepare(renew={renew})
print(json.dumps([shown, demo.page(shown, "http://demo")]))
"""

#: Does something to the administrator, as the console or the command line would.
CHANGE = """
import sys
from pathlib import Path
sys.path.insert(0, {examples!r})
import demo
demo.KEPT = Path({kept!r})
demo._set_environment()
from chat_agent.app import create_app
from flask_jafsec.identity.permissions import Actor
from flask_jafsec.web.extension import state_of
users = state_of(create_app()).users
admin = users.find("admin")
{change}
"""


def run(code: str, kept: Path, **more: object) -> str:
    """Run *code* in an interpreter of its own: the demo changes the environment."""
    text = code.format(examples=str(ROOT / "examples"), kept=str(kept), **more)
    return subprocess.run(
        [sys.executable, "-c", text], env=os.environ, check=True, capture_output=True, text=True
    ).stdout


def start(kept: Path, *, renew: bool = False) -> tuple[dict[str, Any], str]:
    """Start the demo; return what it kept to show, and the page."""
    shown, page = json.loads(run(START, kept, renew=renew).splitlines()[-1])
    return shown, page


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "demo"


def test_a_second_start_prints_the_password_that_still_works(kept: Path) -> None:
    first, _ = start(kept)

    second, page = start(kept)

    assert second["admin_password"] == first["admin_password"]
    assert first["admin_password"] in page


@pytest.mark.parametrize(
    "change",
    [
        'users.change_password(admin.id, {password!r}, "violet engines hum")',
        'users.reset_password(admin.id, by=Actor.operator("tests"))',
    ],
    ids=["it was changed", "another was made"],
)
def test_a_password_that_opens_nothing_any_more_is_not_printed(kept: Path, change: str) -> None:
    first, _ = start(kept)
    run(CHANGE, kept, change=change.format(password=first["admin_password"]))

    second, page = start(kept)

    assert "admin_password" not in second
    assert first["admin_password"] not in page
    assert "demo.py new-password" in page


def test_a_new_one_can_be_made_and_is_printed_from_then_on(kept: Path) -> None:
    first, _ = start(kept)

    renewed, _ = start(kept, renew=True)
    later, page = start(kept)

    assert renewed["admin_password"] != first["admin_password"]
    assert later["admin_password"] == renewed["admin_password"]
    assert renewed["admin_password"] in page
