"""What verifying a log has found, and the whole of its result."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from flask_jafsec.audit.rows import SignedCheckpoint

#: Findings kept of each level; of a log that is wrong everywhere the first ones tell enough.
MAX_KEPT: Final = 100


#: What is said of a row whose values do not fit their columns, before the names of those.
ODD: Final = "has values of another kind"


class Level(IntEnum):
    """How bad a finding is; the numbers are exit codes of ``audit verify``."""

    NOTE = 0
    """Worth knowing; the log is whole."""
    TAMPERED = 1
    """Something was changed, removed, inserted or signed anew."""
    INCOMPLETE = 2
    """Something could not be verified."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    level: Level
    text: str


class Findings:
    """Collects findings; counts those beyond the first hundred of a level."""

    def __init__(self) -> None:
        self._kept: list[Finding] = []
        self._counts = dict.fromkeys(Level, 0)

    def add(self, level: Level, text: str) -> None:
        """Take a finding."""
        self._counts[level] += 1
        if self._counts[level] <= MAX_KEPT:
            self._kept.append(Finding(level, text))

    def tampered(self, text: str) -> None:
        """Take a finding of level ``TAMPERED``."""
        self.add(Level.TAMPERED, text)

    def kept(self) -> tuple[Finding, ...]:
        """Return the findings, in the order they were made."""
        return tuple(self._kept)

    @property
    def count(self) -> int:
        """How many there are in all."""
        return sum(self._counts.values())

    @property
    def more(self) -> int:
        """How many were only counted."""
        return sum(max(0, count - MAX_KEPT) for count in self._counts.values())

    @property
    def exit_code(self) -> int:
        """The worst of them: 1 tampered, else 2 incomplete, else 0."""
        for level in (Level.TAMPERED, Level.INCOMPLETE):
            if self._counts[level]:
                return int(level)
        return 0


@dataclass(frozen=True, slots=True)
class AnchorResult:
    """What became of one anchor."""

    name: str
    size: int
    is_reproduced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The result of verifying a log."""

    origin: str
    first_leaf: int
    """Where verifying began; only from 0 on does it say everything."""
    events: int
    """Sequenced events that were looked at."""
    size: int
    """Leaves of the log."""
    waiting: int
    """Events that are not sequenced yet."""
    writers: int
    live_writers: int
    checkpoints: int
    """Checkpoints whose root and signature hold."""
    newest_checkpoint: SignedCheckpoint | None
    anchors: tuple[AnchorResult, ...]
    readable: int
    """Personal parts that are there and have their key."""
    erased: int
    """Personal parts whose key is destroyed."""
    missing: int
    """Personal parts that are gone without a receipt."""
    uncovered: int
    """Events beyond the newest anchor that was reproduced."""
    uncovered_since: int | None
    """The earliest time of those, in microseconds since 1970 UTC."""
    findings: tuple[Finding, ...] = field(repr=False)
    more: int
    """Findings that are counted only."""
    exit_code: int
    """0 OK, 1 tampered, 2 incomplete or not verifiable."""


def broken_off(origin: str, first_leaf: int, findings: Findings) -> Verification:
    """Return the result of a verification that could not go on: its findings, and no numbers."""
    return Verification(
        origin=origin,
        first_leaf=first_leaf,
        events=0,
        size=0,
        waiting=0,
        writers=0,
        live_writers=0,
        checkpoints=0,
        newest_checkpoint=None,
        anchors=(),
        readable=0,
        erased=0,
        missing=0,
        uncovered=0,
        uncovered_since=None,
        findings=findings.kept(),
        more=findings.more,
        exit_code=findings.exit_code,
    )
