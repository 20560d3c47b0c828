"""What the tests of the configuration share: good values, and a short way to load."""

import base64
import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask_jafsec.config.loading import load
from flask_jafsec.config.settings import Settings
from flask_jafsec.errors import Problem, SettingsError


def made_key(seed: str) -> str:
    """Return 32 bytes in base64 that look random and are the same every time."""
    return base64.b64encode(hashlib.sha256(f"tests/config {seed}".encode()).digest()).decode()


def made_hex(seed: str) -> str:
    """Return the same bytes in hexadecimal, which is base64url too."""
    return base64.b64decode(made_key(seed)).hex()


#: Good values, none of them used anywhere.
ROOT_KEY = f"r1:{made_key('one')}"
OLD_ROOT_KEY = f"r0:{made_key('zero')}"
GUIDE_SECRET = made_key("guide")


def settings_of(
    config: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    **circumstances: Any,
) -> Settings:
    """Load with a good root key, unless the arguments say something about root keys."""
    config, environ = dict(config or {}), dict(environ or {})
    if not any(name.startswith("JAFSEC_ROOT_KEYS") for name in {*config, *environ}):
        environ["JAFSEC_ROOT_KEYS"] = ROOT_KEY
    about: dict[str, Any] = {"app_name": "shop", "instance_path": "/srv/shop/instance"}
    about |= {"debug": False, "testing": False, **circumstances}
    return load(config, environ, **about)


def problems_of(
    config: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    **circumstances: Any,
) -> list[Problem]:
    """Return what loading complains about; nothing when it does not."""
    try:
        settings_of(config, environ, **circumstances)
    except SettingsError as error:
        return list(error.problems)
    return []


def only_problem(*args: Any, **circumstances: Any) -> Problem:
    """Return the one problem, which must be the only one and be written as a sentence or two."""
    (problem,) = problems_of(*args, **circumstances)
    assert not problem.what.endswith(".")
    assert re.search(r"[.?]$", problem.instead)
    return problem


def private_file(folder: Path, name: str, text: str, mode: int = 0o600) -> Path:
    """Write *text* to a file that only its owner can read, or has another *mode*."""
    file = folder / name
    file.write_text(text)
    os.chmod(file, mode)  # noqa: PTH101 - one line with the mode beside it
    return file
