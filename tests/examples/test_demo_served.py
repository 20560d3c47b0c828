"""`make demo`'s program runs for real, and every line it prints does what it says."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.examples.loaded import EXAMPLES, ROOT

#: How long a start may take before a test gives up, in seconds.
PATIENCE_S = 60.0

#: A second start makes nothing anew. Ten times what it takes: a slow machine decides nothing.
SECOND_START_S = 20.0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def started(folder: Path) -> Iterator[tuple[str, float]]:
    """Run the demo in *folder*; give what it printed, and after how many seconds it answered."""
    port = free_port()
    # Only what a newcomer's shell has; and the packages of this checkout.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JAFSEC_")}
    environment |= {"PORT": str(port), "PYTHONPATH": str(ROOT)}
    began = time.monotonic()
    with (folder / "log").open("wb") as log, (folder / "printed").open("wb") as printed:
        process = subprocess.Popen(
            [sys.executable, "examples/demo.py"],
            cwd=folder,
            env=environment,
            stdout=printed,
            stderr=log,
            start_new_session=True,
        )
        try:
            wait_for(port, process, folder / "log")
            yield (folder / "printed").read_text(), time.monotonic() - began
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_S)


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"the demo did not start:\n{log.read_text()}")


def curl_lines(page: str) -> dict[str, list[str]]:
    """Return the words of each printed curl line, by the heading above it."""
    joined = re.sub(r"\\\n\s*", "", page)
    found = re.findall(r"^  (\S[^\n]*):\n    (curl [^\n]*)$", joined, re.MULTILINE)
    return {heading: shlex.split(line) for heading, line in found}


def run_curl(words: list[str]) -> tuple[int, str]:
    """Do what curl does with *words*; return status and body."""
    assert words[:2] == ["curl", "-i"]
    (url,) = [word for word in words if word.startswith("http://127.0.0.1:")]
    options = [word for word in words[2:] if word != url]
    headers, body = {}, None
    for option, value in zip(options[::2], options[1::2], strict=True):
        if option == "-H":
            name, _, text = value.partition(": ")
            headers[name] = text
        else:
            assert option == "-d"
            body = value.encode()
    request = urllib.request.Request(url, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout that holds nothing but the examples; the demo keeps its data beside them."""
    folder = tmp_path_factory.mktemp("a folder with spaces")
    shutil.copytree(EXAMPLES, folder / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


EXPECTED = {
    "A person with an access token": (200, '"to":"'),
    "A client with an API key": (200, '"to":"key:'),
    "Nobody": (401, "credential_missing"),
}


@pytest.fixture(scope="module")
def first(folder: Path) -> tuple[dict[str, list[str]], str, dict[str, tuple[int, str]]]:
    """The printed lines, the page, and what the lines were answered with, of the first start."""
    with started(folder) as (page, _):
        lines = curl_lines(page)
        answers = {heading: run_curl(words) for heading, words in lines.items()}
        console = re.search(r"Console +(\S+)", page)
        assert console is not None
        with urllib.request.urlopen(console[1], timeout=PATIENCE_S) as door:
            answers["Console"] = (door.status, door.read().decode())
    return lines, page, answers


def test_every_printed_line_does_what_it_says(
    first: tuple[dict[str, list[str]], str, dict[str, tuple[int, str]]],
) -> None:
    lines, _, answers = first

    assert set(lines) == set(EXPECTED)
    for heading, (status, part) in EXPECTED.items():
        assert answers[heading][0] == status, heading
        assert part in answers[heading][1].replace(": ", ":"), heading


def test_the_printed_console_leads_to_its_door_and_its_password_is_there(
    first: tuple[dict[str, list[str]], str, dict[str, tuple[int, str]]],
) -> None:
    _, page, answers = first

    assert answers["Console"][0] == 200
    assert 'type="password"' in answers["Console"][1]
    assert re.search(r"one-time password [0-9a-z]{4}(-[0-9a-z]{4}){4}$", page, re.MULTILINE)


def test_a_second_start_is_quick_makes_nothing_anew_and_prints_lines_that_work(
    folder: Path, first: tuple[dict[str, list[str]], str, dict[str, tuple[int, str]]]
) -> None:
    before, _, _ = first

    with started(folder) as (page, took_s):
        lines = curl_lines(page)
        answers = {heading: run_curl(words) for heading, words in lines.items()}
        old = run_curl(relocated(before["A person with an access token"], page))

    assert took_s < SECOND_START_S
    assert {heading: status for heading, (status, _) in answers.items()} == {
        heading: status for heading, (status, _) in EXPECTED.items()
    }
    assert old[0] == 200
    key, token = "A client with an API key", "A person with an access token"
    assert lines[key][-1] == before[key][-1]
    assert lines[token][-1] != before[token][-1]
    with contextlib.closing(sqlite3.connect(folder / ".demo" / "demo.sqlite3")) as database:
        counted = "SELECT (SELECT count(*) FROM jafsec_api_key), (SELECT count(*) FROM jafsec_user)"
        assert database.execute(counted).fetchone() == (1, 2)


def relocated(words: list[str], page: str) -> list[str]:
    """Return *words* with the port of *page*."""
    found = re.search(r"http://127\.0\.0\.1:\d+", page)
    assert found is not None
    return [re.sub(r"^http://127\.0\.0\.1:\d+", found[0], word) for word in words]


def test_what_is_secret_is_for_its_owner_only(
    folder: Path, first: tuple[dict[str, list[str]], str, dict[str, tuple[int, str]]]
) -> None:
    kept = folder / ".demo"

    assert kept.stat().st_mode & 0o077 == 0
    for name in ("root-keys", "shown.json"):
        assert (kept / name).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("port", ["", "http", "0", "65536", "-1", "80 80"])
def test_a_port_that_is_none_is_said(folder: Path, port: str) -> None:
    finished = subprocess.run(
        [sys.executable, "examples/demo.py"],
        cwd=folder,
        env={**os.environ, "PORT": port, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )

    assert finished.returncode == 1
    assert "PORT must be a number from 1 to 65535" in finished.stderr
    assert "Traceback" not in finished.stderr
