"""Verifies the tree as its leaves are met: checkpoints, anchors and stored nodes on the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from flask_jafsec.audit.findings import ODD, AnchorResult, Findings, Level
from flask_jafsec.audit.kinds import fitting
from flask_jafsec.audit.note_keys import NoteVerifier
from flask_jafsec.audit.notes import (
    Checkpoint,
    NoteInvalid,
    NoteUnsigned,
    open_checkpoint,
)
from flask_jafsec.audit.rows import LAST_US, SignedCheckpoint
from flask_jafsec.audit.store import AuditView
from flask_jafsec.audit.tree import STORED_STEP, Frontier, Growth

#: Checkpoints read at once.
PORTION: Final = 500

#: How far an event's time may lie before the checkpoint before it, and after its own, in
#: microseconds. Source: audit-log specification, 5.7.
LATE_US: Final = 300_000_000
AHEAD_US: Final = 5_000_000


class Anchored(NamedTuple):
    """A checkpoint that somebody else kept, and who."""

    name: str
    checkpoint: Checkpoint


class Span:
    """The earliest and the latest time of the events since something."""

    __slots__ = ("first", "last")

    def __init__(self) -> None:
        self.first: int | None = None
        self.last = 0

    def take(self, ts: int) -> None:
        """Take the time of an event."""
        if self.first is None or ts < self.first:
            self.first = ts
        if ts > self.last:
            self.last = ts

    def join(self, later: Span) -> None:
        """Take the times that another span has taken."""
        if later.first is not None:
            self.take(later.first)
            self.take(later.last)


class TreeCheck:
    """Grows the tree anew and compares it with everything that was said about it."""

    def __init__(
        self,
        view: AuditView,
        origin: str,
        verifiers: Sequence[NoteVerifier],
        anchors: Sequence[Anchored],
        findings: Findings,
        begin: Frontier,
    ) -> None:
        self._view = view
        self._origin = origin
        self._verifiers = verifiers
        self._findings = findings
        self._growth = Growth(begin)
        self.read = 0
        self._checkpoints = self._stored(begin.size)
        self._checkpoint = next(self._checkpoints, None)
        self._anchors = sorted(anchors, key=lambda one: -one.checkpoint.size)
        self.is_whole = True
        self.size = begin.size
        self.verified = 0
        self.newest: SignedCheckpoint | None = None
        self.results: list[AnchorResult] = []
        self.anchored = 0
        self.since_checkpoint = Span()
        self.since_anchor = Span()
        self._newest_times = Span()
        self._grow = self._growth.add
        self._next = 0
        self._look_ahead()
        if self._next == self.size:
            self._compare()

    def add(self, leaf_hash: bytes, ts: int | None) -> None:
        """Take the next leaf."""
        self._grow(leaf_hash)
        self.size += 1
        if ts is not None:
            self._newest_times.take(ts)
        if self.size == self._next:
            self._compare()

    def break_off(self, size: int) -> None:
        """Go on at *size*, whose leaves before are not all there: no root follows from now on."""
        self.is_whole = False
        while self.size < self._next <= size:
            self.size = self._next
            self._compare()
        self.size = size

    def check_nodes(self) -> None:
        """Compare the nodes that were completed since the last time with the stored ones."""
        done, self._growth.nodes = self._growth.nodes, []
        if not self.is_whole:
            return
        for height in sorted({node[0] for node in done}):
            due = {position: digest for level, position, digest in done if level == height}
            rows = self._view.node_rows(height, min(due), len(due))
            stored = {row.position: row.hash for row in rows}
            for position, digest in due.items():
                if stored.get(position) != digest:
                    what = "changed" if position in stored else "missing"
                    self._findings.tampered(f"NODE {height}/{position} {what}")

    def close(self) -> Frontier | None:
        """Report what lies beyond the last leaf; return the frontier there."""
        self._note_times()
        while self._checkpoint is not None:
            stored, self._checkpoint = self._checkpoint, next(self._checkpoints, None)
            text = f"TRUNCATED log has {self.size} leaves, checkpoint says {stored.size}"
            self._findings.tampered(text)
        for name, checkpoint in reversed(self._anchors):
            text = f"TRUNCATED log has {self.size} leaves, anchor says {checkpoint.size}"
            self._findings.tampered(text)
            self.results.append(AnchorResult(name, checkpoint.size, False))
        return self._growth.frontier() if self.is_whole else None

    def _stored(self, after: int) -> Iterator[SignedCheckpoint]:
        # A size of zero or less was never signed, but may have been written.
        after = -(2**63) if after == 0 else after - 1
        while some := self._view.checkpoints(after, PORTION):
            self.read += len(some)
            yield from fitting(some, self._misfit)
            after = some[-1].size

    def _misfit(self, stored: SignedCheckpoint, wrong: str) -> None:
        self._findings.tampered(f"CHECKPOINT at {stored.size} {ODD}: {wrong}")

    def _look_ahead(self) -> None:
        while self._checkpoint is not None and self._checkpoint.size < max(self.size, 1):
            text = f"CHECKPOINT at {self._checkpoint.size} is not of this log's beginning"
            self._findings.tampered(text)
            self._checkpoint = next(self._checkpoints, None)
        while self._anchors and self._anchors[-1].checkpoint.size < self.size:
            self._anchors.pop()
        sizes = [self._anchors[-1].checkpoint.size] if self._anchors else []
        sizes += [self._checkpoint.size] if self._checkpoint else []
        self._next = min(sizes, default=-1)

    def _note_times(self) -> None:
        times, self._newest_times = self._newest_times, Span()
        self.since_checkpoint.join(times)
        self.since_anchor.join(times)

    def _compare(self) -> None:
        self._note_times()
        root = self._growth.frontier().root() if self.is_whole else b""
        stored, is_stored = self._checkpoint, False
        if stored is not None and stored.size == self.size:
            self._check_checkpoint(stored, root)
            self._checkpoint, is_stored = next(self._checkpoints, None), True
        while self._anchors and self._anchors[-1].checkpoint.size == self.size:
            self._check_anchor(self._anchors.pop(), root, is_stored=is_stored)
        self._look_ahead()

    def _check_checkpoint(self, stored: SignedCheckpoint, root: bytes) -> None:
        before, self.newest = self.newest, stored
        self._check_times(before, stored)
        if stored.root != root:
            self._findings.tampered(f"CHECKPOINT root at {stored.size} not reproduced")
            return
        try:
            opened = open_checkpoint(stored.note, self._verifiers)
        except NoteUnsigned as error:
            self._findings.add(Level.INCOMPLETE, f"CHECKPOINT at {stored.size}: {error}")
            return
        except NoteInvalid as error:
            self._findings.tampered(f"CHECKPOINT at {stored.size}: {error}")
            return
        if opened != Checkpoint(self._origin, stored.size, root):
            self._findings.tampered(f"CHECKPOINT note at {stored.size} says something else")
            return
        self.verified += 1

    def _check_times(self, before: SignedCheckpoint | None, stored: SignedCheckpoint) -> None:
        span, self.since_checkpoint = self.since_checkpoint, Span()
        if not 0 <= stored.created_at <= LAST_US:
            self._findings.tampered(f"CHECKPOINT at {stored.size} is of a time that cannot be")
        if before is not None and stored.created_at <= before.created_at:
            self._findings.tampered(f"CHECKPOINT at {stored.size} is older than the one before it")
        if span.first is None:
            return
        note = f"leaves before {stored.size} have times long"
        if before is not None and span.first < before.created_at - LATE_US:
            self._findings.add(Level.NOTE, f"LATE {note} before the checkpoint before them")
        if span.last > stored.created_at + AHEAD_US:
            self._findings.add(Level.NOTE, f"CLOCK {note} after their checkpoint")

    def _check_anchor(self, anchor: Anchored, root: bytes, *, is_stored: bool) -> None:
        size = self.size
        is_reproduced = anchor.checkpoint == Checkpoint(self._origin, size, root or bytes(32))
        self.results.append(AnchorResult(anchor.name, size, is_reproduced))
        if not is_reproduced:
            self._findings.tampered(f"FORK anchored root at {size} not reproduced ({anchor.name})")
            return
        if size and not is_stored:
            self._findings.tampered(f"CHECKPOINT at {size} missing, but anchored ({anchor.name})")
        self.anchored, self.since_anchor = size, Span()


def stored_nodes(size: int) -> int:
    """Return how many nodes are stored for a tree of *size*."""
    return sum(size >> height for height in range(STORED_STEP, 64, STORED_STEP))
