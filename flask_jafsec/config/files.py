"""Reads files that hold keys, and refuses those that others on the machine can read."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from flask_jafsec.config.parsing import refuse

#: No list of keys is longer; a larger file is another file.
MAX_FILE_BYTES: Final = 64 * 1024


def always(_text: str) -> bool:
    """Return True: whatever the file holds is secret."""
    return True


def read_key_file(path: object, folder: str, *, is_secret: Callable[[str], bool] = always) -> str:
    """Return the text of the file at *path*, which is absolute or relative to *folder*.

    Args:
        is_secret: Whether a file with this text must be closed to other users of the machine.

    Raises Unfit, with a message that does not show the path: a key may stand in its place.
    """
    if not isinstance(path, str) or not path.strip() or "\0" in path:
        raise refuse("is not a path", "Write the path of a file.")
    raw, mode = _read(Path(folder, path.strip()))
    text = _text(raw)
    if mode & (stat.S_IROTH | stat.S_IWOTH) and is_secret(text):
        raise refuse(
            "names a file that every user of this machine can read or write",
            "Run `chmod 600` on it; for a mounted secret, set its mode to 0400.",
        )
    return text


def _read(file: Path) -> tuple[bytes, int]:
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise refuse("does not name a file", "Write the path of a file.")
        with file.open("rb") as opened:
            return opened.read(MAX_FILE_BYTES + 1), status.st_mode
    except OSError:
        pass
    raise refuse(
        "names a file that cannot be read",
        "Check the path (relative to the instance folder), and that this process may read it.",
    )


def _text(raw: bytes) -> str:
    if len(raw) <= MAX_FILE_BYTES:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            pass
    raise refuse("names a file that does not hold keys", "Put the keys into a text file.")
