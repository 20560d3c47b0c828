"""What workers were told is kept: one line each, written by one call, safe from their own death.

Nothing here knows the log. A line stands in the page cache when ``write`` returns, which no
SIGKILL takes back.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: An event whose request waited for it; a key that was minted, together with its event; an event
#: that nobody waited for, which only a worker that ends in good order must not lose.
EVENT, KEY, REFUSAL = "event", "key", "refusal"

#: What was refused instead, and so promises nothing.
REFUSED = {kind: f"{kind}-refused" for kind in (EVENT, KEY, REFUSAL)}


class AckFile:
    """Appends lines; threads and processes may share it."""

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o600)

    def write(self, kind: str, name: str, pid: int | None = None) -> None:
        """Append one line by one call, about this process or the one that answered."""
        os.write(self._descriptor, f"{kind} {pid or os.getpid()} {name}\n".encode())

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)


@dataclass(frozen=True, slots=True)
class Ack:
    """One line."""

    kind: str
    pid: int
    name: str


def read_acks(path: Path) -> Iterator[Ack]:
    """Yield the whole lines; a torn last one confirmed nothing."""
    for line in path.read_text().splitlines(keepends=True) if path.exists() else ():
        if line.endswith("\n"):
            kind, pid, name = line.split()
            yield Ack(kind, int(pid), name)
