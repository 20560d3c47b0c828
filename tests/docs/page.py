"""Runs the blocks of one page, in order, in folders of its own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_jafsec.config.loading import load
from flask_jafsec.config.secrets import new_root_key
from flask_jafsec.web.extension import EXTENSION, state_of
from tests.docs.blocks import ROOT, Block
from tests.docs.serving import Answer, curl, served
from tests.docs.shell import Line, check, lines_of, read

#: What commands print that later lines of the page use, and under which name.
PRINTED = {
    "KEY": r"(jfk_(?:live|test)_\w+)",
    "KEY_ID": r"has the id (\w{26})\.\nAPI key",
    "USER_ID": r"has the id (\w{26})\.\nOne-time",
    "TOKEN_ID": r"Access token (\w{26})",
    "TOKEN": r"(eyJ[\w-]+\.[\w-]+\.[\w-]+)",
    "REFRESH": r"(jfr_[\w-]+)",
}

#: The program of the README, for pages that show commands and no app.
DEFAULT_APP = ROOT / "examples" / "minimal" / "app.py"


class Page:
    """What the blocks of a page have done so far."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, errors: Callable[[], str]
    ) -> None:
        self._root = folder
        self._monkeypatch = monkeypatch
        self._errors = errors
        self._log = ""
        self._number = 0
        self._stack = contextlib.ExitStack()
        self._served: tuple[Flask, int] | None = None
        self._sources: list[str] = []
        self._namespace: dict[str, Any] = {}
        self.variables: dict[str, str] = {}
        self.output = ""
        self.answer: Answer | None = None
        for name in [name for name in os.environ if name.startswith("JAFSEC_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("JAFSEC_ROOT_KEYS", new_root_key("r1"))
        self._begin_anew()

    def run(self, block: Block) -> None:
        """Run or check *block*; an AssertionError or any other error says what is wrong."""
        runners = {
            "http": self._check_headers,
            "json": self._check_json,
            "python": self._run_python,
            "sh": self._run_shell,
            "text": self._check_text,
        }
        assert block.language in runners, f"no known language: {block.language!r}"
        runners[block.language](block)

    def close(self) -> None:
        """Stop the server, and write what waits."""
        self._stack.close()
        app = self._namespace.get("app")
        if isinstance(app, Flask) and EXTENSION in app.extensions:
            self._flush()

    # -- python --

    def _begin_anew(self) -> None:
        self._stack.close()
        self._served = None
        self._number += 1
        self.folder = self._root / f"part{self._number}"
        self.folder.mkdir()
        self._monkeypatch.chdir(self.folder)
        self._sources = []
        self._namespace = {"__name__": "app"}

    def _run_python(self, block: Block) -> None:
        if block.hint == "pytest":
            self._run_pytest(block)
            return
        assert block.hint in {"", "continues"}, block.hint
        if block.hint != "continues":
            self._begin_anew()
        self._execute(block.text, str(block.page), block.line)

    def _execute(self, text: str, name: str, line: int) -> None:
        self._sources.append(text)
        code = compile("\n" * (line - 1) + text, name, "exec", dont_inherit=True)
        exec(code, self._namespace)

    def _run_pytest(self, block: Block) -> None:
        """Run the block as the tests of the app that stands above it, as a reader would."""
        (self.folder / "app.py").write_text("\n\n".join(self._sources), encoding="utf-8")
        (self.folder / "test_app.py").write_text(block.text, encoding="utf-8")
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("JAFSEC_")
        }
        finished = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_app.py"],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr

    @property
    def app(self) -> Flask:
        """The app of the page: its own, made by its factory where it has one, else the README's."""
        if "app" not in self._namespace and "create_app" in self._namespace:
            self._namespace["app"] = self._namespace["create_app"]()
        if "app" not in self._namespace:
            shutil.copy(DEFAULT_APP, self.folder)
            self._execute(DEFAULT_APP.read_text(encoding="utf-8"), str(DEFAULT_APP), 1)
        found = self._namespace["app"]
        assert isinstance(found, Flask)
        return found

    # -- sh --

    def _run_shell(self, block: Block) -> None:
        if block.hint == "environment":
            self._check_environment(block)
            return
        assert not block.hint, block.hint
        for line in lines_of(block.text):
            self._run_line(read(line, self.variables))

    def _run_line(self, line: Line) -> None:
        if line.words[0] == "export":
            name, _, value = line.words[1].partition("=")
            if value != "...":
                self._monkeypatch.setenv(name, value)
                self.variables[name] = value
        elif line.words[0] == "curl":
            self._call(line)
        elif line.words[:2] == ["flask", "jafsec"] and line.words[2:] != ["--help"]:
            self._command(line)
        else:
            check(line, self.folder)

    def _command(self, line: Line) -> None:
        runner = self.app.test_cli_runner()
        result = runner.invoke(args=line.words[1:], input=line.stdin)
        assert result.exit_code == line.exit_code, f"{line.text}\n{result.output}"
        self.output = result.stdout
        self.answer = None
        for name, pattern in PRINTED.items():
            found = re.search(pattern, self.output)
            if found:
                self.variables[name] = found[1]

    def _call(self, line: Line) -> None:
        if self._served is None or self._served[0] is not self.app:
            self._served = (self.app, self._stack.enter_context(served(self.app)))
        answer = curl(line.words[1:], self._served[1])
        self.answer, self.output = answer, answer.body
        if line.status is not None:
            assert answer.status == line.status, f"{line.text}\n{answer}"
        else:
            assert answer.status < 400, f"{line.text}\n{answer}"

    def _check_environment(self, block: Block) -> None:
        """Load the settings that the block would set, with the ones that are in force."""
        said = {"JAFSEC_ROOT_KEYS": os.environ["JAFSEC_ROOT_KEYS"]}
        for line in lines_of(block.text):
            name, _, value = read(line, {}).words[-1].partition("=")
            said[name] = value
        about: dict[str, Any] = {"app_name": "app", "instance_path": str(self.folder / "instance")}
        load({}, said, debug=False, testing=False, **about)

    # -- answers --

    def _check_json(self, block: Block) -> None:
        shown = json.loads(block.text)
        kind, _, command = block.hint.partition(" ")
        if kind == "event":
            self._flush()
            events = [event for event in self._events() if event["type"] == shown["type"]]
            assert events, f"no such event was written: {shown['type']}\n{self._log}"
            wanted, real = sorted(shown), sorted(events[-1])
            assert wanted == real, f"shown {wanted}, written {real}"
            return
        assert kind == "answers", "say which answer this is, or which event"
        if command:
            self._run_line(read(command, self.variables))
        wanted, real = _keys(shown), _keys(json.loads(self.output))
        assert wanted == real, f"shown {wanted}, answered {real}"

    def _check_headers(self, block: Block) -> None:
        assert self.answer is not None, "there was no answer before these headers"
        for line in block.text.splitlines():
            name, _, value = line.partition(": ")
            assert name.lower() in self.answer.headers, f"{name} is not in {self.answer.headers}"
            told = self.answer.headers[name.lower()]
            if "..." not in value:
                assert _without_digits(told) == _without_digits(value), name

    def _check_text(self, block: Block) -> None:
        """Compare each line with the last output; ``...`` stands for anything."""
        printed = [" ".join(line.split()) for line in self.output.splitlines()]
        for line in filter(None, (" ".join(line.split()) for line in block.text.splitlines())):
            pattern = re.escape(line).replace(r"\.\.\.", ".*")
            assert any(re.fullmatch(pattern, one) for one in printed), f"{line}\n{self.output}"

    def _flush(self) -> None:
        state_of(self.app).services.trail.close()
        self._log += self._errors()

    def _events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log.splitlines() if line.startswith("{")]


def _keys(value: Any) -> Any:
    """Return the names in *value*, all the way down; of a list, those of its first entry."""
    if isinstance(value, dict):
        return {name: _keys(inner) for name, inner in value.items()}
    return [_keys(value[0])] if isinstance(value, list) and value else None


def _without_digits(text: str) -> str:
    return re.sub(r"\d+", "0", text)
