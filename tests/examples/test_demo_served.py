"""`make demo`'s program runs for real, and every line it prints does what it says."""

from __future__ import annotations

import argparse
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
from dataclasses import dataclass
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
def started(
    folder: Path, *, end_with: signal.Signals = signal.SIGTERM
) -> Iterator[tuple[str, float]]:
    """Run the demo in *folder*; give what it printed, and after how many seconds it answered."""
    port = free_port()
    # Only what a newcomer's shell has; and the packages of this checkout.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JAFSEC_")}
    environment |= {"PORT": str(port), "PYTHONPATH": str(ROOT), "DEMO_SIZE": "small"}
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
            process.send_signal(end_with)
            assert process.wait(PATIENCE_S) == 0


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


@dataclass(frozen=True, slots=True)
class Answer:
    """What a line was answered with: the status of each request, and the last body."""

    statuses: list[int]
    body: str


def run_curl(words: list[str], folder: Path) -> Answer:
    """Do what curl does with *words* in *folder*."""
    assert words[0] == "curl"
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    for flag in ("-i", "-s"):
        parser.add_argument(flag, action="store_true")
    for option in ("-H", "-d", "-o", "-w"):
        parser.add_argument(option, action="append", default=[])
    said = parser.parse_args(words[1:])
    lines = [line for text in said.H for line in _content(text, folder).splitlines()]
    headers = dict(line.split(": ", 1) for line in lines)
    body = _content(said.d[0], folder).encode()
    base, times = re.fullmatch(r"([^[]+)(?:\[1-(\d)\])?", said.url).groups()  # type: ignore[union-attr]
    numbers = [str(number) for number in range(1, int(times) + 1)] if times else [""]
    answers = [ask(urllib.request.Request(base + n, data=body, headers=headers)) for n in numbers]
    return Answer([status for status, _ in answers], answers[-1][1])


def _content(text: str, folder: Path) -> str:
    return (folder / text[1:]).read_text() if text.startswith("@") else text


def ask(request: urllib.request.Request) -> tuple[int, str]:
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


#: Of each line: the statuses, and what stands in the last body.
EXPECTED = {
    "Good": ([200], '"to":"'),
    "Bad": ([401], "credential_invalid"),
    "Missing": ([401], "credential_missing"),
    "Over the limit": ([200, 200, 200, 429, 429, 429], "rate_exceeded"),
    "Replayed": ([200, 401], "Sign in again"),
}


@dataclass(frozen=True, slots=True)
class Start:
    """What one start has printed, and how its lines were answered."""

    page: str
    lines: dict[str, list[str]]
    answers: dict[str, Answer]
    door: str
    token: str
    took_s: float


@contextlib.contextmanager
def tried(folder: Path) -> Iterator[Start]:
    """Start the demo and send all lines; the demo runs on until the end of the block."""
    with started(folder) as (page, took_s):
        lines = curl_lines(page)
        answers = {heading: run_curl(words, folder) for heading, words in lines.items()}
        console = re.search(r"Console +(\S+)", page)
        assert console is not None
        with urllib.request.urlopen(console[1], timeout=PATIENCE_S) as door:
            html = door.read().decode()
        token = (folder / ".demo" / "token").read_text()
        yield Start(page, lines, answers, html, token, took_s)


@pytest.fixture(scope="module")
def first(folder: Path) -> Start:
    """The first start."""
    with tried(folder) as start:
        return start


def assert_all_as_printed(start: Start) -> None:
    found = {heading.partition(":")[0]: answer for heading, answer in start.answers.items()}
    assert set(found) == set(EXPECTED)
    for heading, (statuses, part) in EXPECTED.items():
        assert found[heading].statuses == statuses, heading
        assert part in found[heading].body.replace(": ", ":"), heading


def test_every_printed_line_does_what_it_says(first: Start) -> None:
    assert_all_as_printed(first)
    for heading, answer in first.answers.items():
        announced = [int(status) for status in re.findall(r"\b[245]\d\d\b", heading)]
        assert announced == list(dict.fromkeys(answer.statuses))


def test_the_printed_console_leads_to_its_door_and_its_password_is_there(first: Start) -> None:
    assert 'type="password"' in first.door
    assert re.search(r"password [0-9a-z]{4}(-[0-9a-z]{4}){4}$", first.page, re.MULTILINE)


def test_a_second_start_is_quick_makes_nothing_anew_and_prints_lines_that_work(
    folder: Path, first: Start
) -> None:
    with tried(folder) as second:
        old = folder / ".demo" / "token"
        old.write_text(first.token)
        good = next(words for heading, words in second.lines.items() if heading.startswith("Good"))
        with_old = run_curl(good, folder)

    assert second.took_s < SECOND_START_S
    assert_all_as_printed(second)
    assert with_old.statuses == [200]
    assert second.token != first.token
    with contextlib.closing(sqlite3.connect(folder / ".demo" / "demo.sqlite3")) as database:
        counted = "SELECT (SELECT count(*) FROM jafsec_api_key), (SELECT count(*) FROM jafsec_user)"
        assert database.execute(counted).fetchone() == (42, 27)


def test_its_log_is_intact(folder: Path, first: Start) -> None:
    finished = run_demo(folder, "verify")

    assert finished.returncode == 0
    assert "RESULT  OK" in finished.stdout
    assert finished.stderr == ""


def test_its_command_line_finds_who_was_refused_most(folder: Path, first: Start) -> None:
    finished = run_demo(folder, "jafsec", "audit", "search", "outcome:deny", "--json")

    assert finished.returncode == 0
    assert "authz.denied" in finished.stdout


def test_ctrl_c_ends_it_without_a_word(folder: Path, first: Start) -> None:
    with started(folder, end_with=signal.SIGINT) as (page, _):
        pass

    assert (folder / "log").read_text() == ""
    assert (folder / "printed").read_text() == page


def test_what_is_secret_is_for_its_owner_only(folder: Path, first: Start) -> None:
    kept = folder / ".demo"

    assert kept.stat().st_mode & 0o077 == 0
    for name in ("root-keys", "shown.json", "token", "wrong-key", "slow-key", "refresh"):
        assert (kept / name).stat().st_mode & 0o077 == 0


def run_demo(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "examples/demo.py", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "DEMO_SIZE": "small", **more},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )


@pytest.mark.parametrize(
    "port", ["", "http", "0", "65536", "70000", "-1", "80 80", "²", "٨", "1e3"]
)
def test_a_port_that_is_none_is_said(folder: Path, port: str) -> None:
    finished = run_demo(folder, PORT=port)

    assert finished.returncode == 1
    assert "PORT must be a number from 1 to 65535" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_port_that_is_taken_is_said_before_anything_is_made(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]

        finished = run_demo(tmp_path, PORT=str(port))

    assert finished.returncode == 1
    assert f"127.0.0.1:{port} is taken" in finished.stderr
    assert re.search(r"make demo PORT=\d+$", finished.stderr.strip())
    assert not (tmp_path / ".demo").exists()


def test_data_that_is_not_there_yet_is_said(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES, tmp_path / "examples")

    finished = run_demo(tmp_path, "verify")

    assert (finished.returncode, finished.stdout) == (1, "")
    assert "Say make demo first" in finished.stderr


def test_a_word_it_does_not_know_is_said(folder: Path) -> None:
    finished = run_demo(folder, "serve")

    assert finished.returncode == 1
    assert "'verify', 'new-password' or 'jafsec ...'" in finished.stderr
