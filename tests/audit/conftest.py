"""An auditor's folder: one copied file, what was handed over, and the program run on it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flask_jafsec.audit import auditor
from flask_jafsec.audit.notes import NoteSigner
from tests.audit.tree_setting import SIGNER

Run = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(auditor.__file__, tmp_path / "auditor.py")
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    """Return what an auditor does: copies one file, writes others beside it, and runs it."""

    def run_there(
        command: str,
        *texts: str,
        anchors: tuple[str, ...] = (),
        signers: tuple[NoteSigner, ...] = (SIGNER,),
    ) -> tuple[int, list[str]]:
        arguments = [sys.executable, "-I", "auditor.py", command]
        for signer in signers:
            arguments += ["--vkey", signer.verifier_key]
        for number, text in enumerate(texts):
            (folder / f"given{number}").write_bytes(text.encode())
            arguments.append(f"given{number}")
        for number, text in enumerate(anchors):
            (folder / f"anchor{number}").write_bytes(text.encode())
            arguments += ["--anchor", f"anchor{number}"]
        done = subprocess.run(
            arguments, cwd=folder, capture_output=True, text=True, check=False, env={"LC_ALL": "C"}
        )
        assert done.stderr == ""
        return done.returncode, done.stdout.splitlines()

    return run_there
