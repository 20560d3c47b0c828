"""The command lines that stand in pages: each is really run, or parsed by what would run it."""

from __future__ import annotations

import configparser
import re
import shlex
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import flask.cli
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.docs.blocks import ROOT

#: Lines that are what they are: they make or enter a virtual environment.
AS_THEY_ARE = frozenset(
    {"python3 -m venv .venv", ". .venv/bin/activate", "python -m pytest", "flask jafsec --help"}
)


@dataclass(frozen=True, slots=True)
class Line:
    """One command line."""

    words: list[str]
    text: str
    comment: str
    stdin: str = ""

    @property
    def status(self) -> int | None:
        """The HTTP status the comment names."""
        found = re.match(r"(\d{3})\b", self.comment)
        return int(found[1]) if found else None

    @property
    def exit_code(self) -> int:
        """The exit code the comment names, else 0."""
        found = re.search(r"\bexits (\d+)", self.comment)
        return int(found[1]) if found else 0


def lines_of(text: str) -> list[str]:
    """Return the command lines of a block, each with its comment, continued ones in one."""
    joined = re.sub(r"\\\n\s*", "", text)
    return [line for line in joined.splitlines() if _split(line)[0]]


def read(line: str, variables: dict[str, str]) -> Line:
    """Return *line* with *variables* filled in."""
    code, comment = _split(line)
    filled = re.sub(r"\$([A-Z_]+)", lambda found: _value(found[1], variables), code)
    filled = filled.replace("jfk_live_...", variables.get("KEY", "jfk_live_..."))
    piped = re.fullmatch(r'echo "([^"]*)" \| (.+)', filled)
    if piped:
        return Line(shlex.split(piped[2]), code, comment, stdin=piped[1])
    return Line(shlex.split(filled), code, comment)


def _value(name: str, variables: dict[str, str]) -> str:
    assert name in variables, f"nothing on this page printed ${name} before it is used"
    return variables[name]


def _split(line: str) -> tuple[str, str]:
    found = re.match(r"(?P<code>.*?)(?:(?:^|\s+)#(?:\s(?P<comment>.*))?)?$", line)
    assert found is not None
    return found["code"].strip(), (found["comment"] or "").strip()


def check(line: Line, folder: Path) -> None:
    """Check a command that is not ours and not curl's; one nobody knows is a failure."""
    words = line.words
    if line.text in AS_THEY_ARE:
        return
    if words[:2] == ["pip", "install"]:
        _check_pip(words[2:])
    elif words[0] == "make":
        _check_make(words[1:])
    elif words[0] == "flask" and "run" in words:
        _check_flask_run(words[1:])
    elif words[0] == "gunicorn":
        _check_gunicorn(words[1:])
    elif words[:4] == ["openssl", "genpkey", "-algorithm", "ed25519"] and words[4] == "-out":
        _make_key(folder / words[5])
    elif words[:2] == ["chmod", "600"]:
        (folder / words[2]).chmod(0o600)
    else:
        raise AssertionError(f"nobody knows how to check the command: {line.text}")


def _check_pip(requirements: list[str]) -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    known = set(parser["options.extras_require"])
    for requirement in requirements:
        found = re.fullmatch(r"flask-jafsec(?:\[([a-z,]+)\])?", requirement)
        assert found, f"pages install nothing but the package: {requirement}"
        assert set((found[1] or "async").split(",")) <= known, requirement


def _check_make(words: list[str]) -> None:
    targets = re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"))
    for word in words:
        assert word in targets or re.match(r"(PORT|PYTHON|PYTEST_ARGS)=", word), word


def _check_flask_run(words: list[str]) -> None:
    # The command is parsed, and asked for its help instead of being run.
    result = CliRunner().invoke(flask.cli.cli, [*words, "--help"])
    assert result.exit_code == 0, result.output
    at = words.index("run")
    with flask.cli.run_command.make_context("run", words[at + 1 :], resilient_parsing=False):
        pass


def _check_gunicorn(words: list[str]) -> None:
    # It has no types, and stubs would be one more thing to install.
    said = import_module("gunicorn.config").Config().parser().parse_args(words)
    assert all(re.fullmatch(r"\w+(:\w+(\(\))?)?", app) for app in said.args), said.args
    assert len(said.args) == 1, said.args


def _make_key(path: Path) -> None:
    """Make what ``openssl genpkey -algorithm ed25519`` makes: an unencrypted PKCS #8 file."""
    key = Ed25519PrivateKey.generate()
    form = serialization.PrivateFormat.PKCS8
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    )
