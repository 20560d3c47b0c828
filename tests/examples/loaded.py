"""The examples as a user imports them; no tests live here."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from flask import Flask

from flask_jafsec.web.extension import state_of

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples"


def imported(name: str, file: Path) -> ModuleType:
    """Return the module in *file*, read anew and known to nobody else."""
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def closing(app: Flask) -> Iterator[Flask]:
    """Let go of what *app* holds when the block ends."""
    yield app
    state = state_of(app)
    state.services.trail.close()
    state.store.close()
