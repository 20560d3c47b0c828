"""The console's files: each under an address that changes with its content, ready compressed."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

#: Types of what is served. Anything else in the folder is for developers.
_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}

#: Characters of the hash in an address: enough that two releases never meet.
_HASH_CHARS: Final = 12


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is served."""

    content_type: str
    plain: bytes
    packed: bytes
    """The same as gzip."""
    version: str


@cache
def assets() -> dict[str, Asset]:
    """Return what is served, by name. Read once for each process, at the first page."""
    found: dict[str, Asset] = {}
    for file in files("flask_jafsec_console").joinpath("static").iterdir():
        content_type = _TYPES.get(file.name.rpartition(".")[2])
        if content_type is not None:
            found[file.name] = _asset(content_type, file.read_bytes())
    return found


def _asset(content_type: str, content: bytes) -> Asset:
    version = hashlib.sha256(content).hexdigest()[:_HASH_CHARS]
    return Asset(content_type, content, gzip.compress(content, 9, mtime=0), version)
