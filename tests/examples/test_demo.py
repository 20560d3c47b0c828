"""The demo's data: kept for a day, and a password is printed as long as it opens something."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: Prepares the demo in a folder of its own; prints what would be shown, as JSON.
START = """
import json, sys
from pathlib import Path
sys.path.insert(0, {examples!r})
import demo, demo_data
kept = Path({kept!r})
demo_data.set_environment(kept)
shown = demo_data.prepare(kept, renew={renew})
print(json.dumps([shown, demo.page(shown, "http://127.0.0.1:65535")]))
"""

#: Does something to the administrator, as the console or the command line would.
CHANGE = """
import sys
from pathlib import Path
sys.path.insert(0, {examples!r})
import demo_data
demo_data.set_environment(Path({kept!r}))
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
        [sys.executable, "-c", text],
        env={**os.environ, "DEMO_SIZE": "small"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def start(kept: Path, *, renew: bool = False) -> tuple[dict[str, Any], str]:
    """Start the demo; return what it kept to show, and the page."""
    said = run(START, kept, renew=renew).splitlines()
    shown, page = json.loads(said[-1])
    return shown, f"{said[0]}\n{page}"


Start = tuple[dict[str, Any], str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Start]:
    """The folder of a demo that was started once, and what that start has shown."""
    folder = tmp_path_factory.mktemp("made") / "demo"
    return folder, start(folder)


@pytest.fixture
def kept(made: tuple[Path, Start], tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(made[0], tmp_path / "demo")


@pytest.fixture
def first(made: tuple[Path, Start]) -> dict[str, Any]:
    """What the first start has shown."""
    return made[1][0]


def test_a_second_start_prints_the_password_that_still_works(
    kept: Path, first: dict[str, Any]
) -> None:
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
def test_a_password_that_opens_nothing_any_more_is_not_printed(
    kept: Path, first: dict[str, Any], change: str
) -> None:
    run(CHANGE, kept, change=change.format(password=first["admin_password"]))

    second, page = start(kept)

    assert "admin_password" not in second
    assert first["admin_password"] not in page
    assert "demo.py new-password" in page


def test_a_new_one_can_be_made_and_is_printed_from_then_on(
    kept: Path, first: dict[str, Any]
) -> None:
    renewed, _ = start(kept, renew=True)
    later, page = start(kept)

    assert renewed["admin_password"] != first["admin_password"]
    assert later["admin_password"] == renewed["admin_password"]
    assert renewed["admin_password"] in page


# -- what is kept, and how long --


def made_at(kept: Path, at: float) -> None:
    """Pretend that the data was made *at* another time."""
    file = kept / "shown.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "made_at": at}))


def test_the_first_line_says_what_is_done(made: tuple[Path, Start], kept: Path) -> None:
    _, used = start(kept)

    assert made[1][1].startswith("Making the demo's data: 3,000 events and 40 API keys")
    assert used.startswith("The demo's data, made ")


def test_no_line_is_longer_than_a_terminal_is_wide(made: tuple[Path, Start], kept: Path) -> None:
    pages = [made[1][1]]
    run(CHANGE, kept, change='users.reset_password(admin.id, by=Actor.operator("tests"))')
    pages.append(start(kept)[1])

    assert [line for page in pages for line in page.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda kept: made_at(kept, time.time() - 25 * 3600), id="a day old"),
        pytest.param(lambda kept: made_at(kept, time.time() + 3600), id="made tomorrow"),
        pytest.param(lambda kept: (kept / "shown.json").unlink(), id="stopped half-way"),
        pytest.param(lambda kept: (kept / "shown.json").write_text("{"), id="cut short"),
        pytest.param(lambda kept: (kept / "demo.sqlite3").unlink(), id="without its database"),
    ],
)
def test_what_cannot_be_used_any_more_is_made_anew(
    kept: Path, first: dict[str, Any], change: Callable[[Path], object]
) -> None:
    change(kept)

    second, page = start(kept)

    assert page.startswith("Making the demo's data")
    assert second["key"] != first["key"]


def test_what_another_demo_serves_from_is_not_taken_away(kept: Path, first: dict[str, Any]) -> None:
    made_at(kept, time.time() - 25 * 3600)

    with (kept / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        second, page = start(kept)

    assert second["key"] == first["key"]
    assert page.startswith("The demo's data, made 25 hours ago")
