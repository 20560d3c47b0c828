"""The README's first commands in an empty folder, as a newcomer types them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from flask_jafsec.config.secrets import new_root_key
from tests.docs.page import DEFAULT_APP


def test_init_works_in_a_folder_that_holds_nothing_but_the_app(tmp_path: Path) -> None:
    shutil.copy(DEFAULT_APP, tmp_path)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("JAFSEC_")
    }

    finished = subprocess.run(
        [sys.executable, "-m", "flask", "jafsec", "init"],
        cwd=tmp_path,
        env={**environment, "JAFSEC_ROOT_KEYS": new_root_key("r1")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    assert (tmp_path / "instance" / "jafsec.sqlite3").is_file()
