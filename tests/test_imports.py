"""What importing the package does, seen in a fresh interpreter: next to nothing."""

import subprocess
import sys

import pytest

#: Folders that hold rules only. The import contracts say so statically; this is the measured half.
FREE_OF_FLASK_AND_SQL = [
    "audit",
    "config",
    "encryption",
    "identity",
    "limiting",
    "pipeline",
    "transport",
]

_WATCH = """
import os, sys

def watch(event, args):
    if event.startswith(("socket.", "subprocess.", "os.mkdir", "os.remove", "os.rename")):
        seen.append((event, args))
    elif event == "open" and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        seen.append((event, args))

seen = []
sys.addaudithook(watch)
import flask_jafsec
{more}
print(*seen, sep=chr(10), end="")
"""

_EVERY_PUBLIC_NAME = """
for name in getattr(flask_jafsec, "__all__", ()):
    getattr(flask_jafsec, name)
"""

_SUBJECT = """
import importlib, pkgutil, sys

subject = importlib.import_module("flask_jafsec.{subject}")
for module in pkgutil.walk_packages(subject.__path__, subject.__name__ + "."):
    importlib.import_module(module.name)
print(*({{"flask", "sqlalchemy"}} & sys.modules.keys()), end="")
"""


def _printed_by(program: str) -> str:
    # -B: compiled files are Python's own, and may be written; -I: only what is installed counts.
    finished = subprocess.run(
        [sys.executable, "-B", "-I", "-c", program], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.mark.parametrize(
    "more",
    [
        pytest.param("", id="the package"),
        pytest.param(_EVERY_PUBLIC_NAME, id="every public name"),
    ],
)
def test_importing_opens_no_socket_and_writes_no_file(more: str) -> None:
    assert _printed_by(_WATCH.format(more=more)) == ""


@pytest.mark.parametrize("subject", FREE_OF_FLASK_AND_SQL)
def test_importing_a_subject_imports_neither_flask_nor_sqlalchemy(subject: str) -> None:
    assert _printed_by(_SUBJECT.format(subject=subject)) == ""


def test_the_watch_notices_a_written_file_and_a_socket() -> None:
    program = _WATCH.format(more="import socket; open(os.devnull, 'w'); socket.socket()")

    assert "open" in _printed_by(program)
    assert "socket.__new__" in _printed_by(program)
