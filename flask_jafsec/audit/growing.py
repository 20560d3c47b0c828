"""One transaction of the sequencer: what it may build on, what it adds, what it signs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from flask_jafsec.audit.checking import epoch_of
from flask_jafsec.audit.gathering import Gathered, Gathering, Problem, Ready
from flask_jafsec.audit.kinds import fitted, misfits
from flask_jafsec.audit.note_keys import NoteSigner
from flask_jafsec.audit.notes import Checkpoint, checkpoint_text, signed_note
from flask_jafsec.audit.rows import LAST_US, Entry, Head, Leaf, Node, Rollup, SignedCheckpoint
from flask_jafsec.audit.store import AuditGrowth
from flask_jafsec.audit.stored_hashes import StoredHashes
from flask_jafsec.audit.tree import (
    Frontier,
    Growth,
    MissingLeaves,
    frontier_at,
    leaf_hash,
    root_at,
)
from flask_jafsec.errors import InvalidValue

#: Between two checkpoints at least, in microseconds. Source: audit-log specification, 5.6.
CHECKPOINT_US: Final = 1_000_000

#: Lengths of the buckets of charts, in seconds. Source: audit-log specification, 5.3.
STEPS: Final = (300, 3_600)


@dataclass(frozen=True, slots=True)
class Left:
    """How this process left the log: what need not be computed again."""

    size: int = -1
    frontier: bytes = b""
    signed: tuple[int, bytes] = (0, b"")
    """Size and root of the newest checkpoint."""


class Turn:
    """One transaction of the sequencer."""

    def __init__(
        self,
        growth: AuditGrowth,
        origin: str,
        left: Left,
        anchored: Callable[[], Checkpoint | None],
    ) -> None:
        self._growth = growth
        self._origin = origin
        self._before = left
        self._anchored = anchored
        self._hashes = StoredHashes(growth)
        self._last, self._misfit = _fitted(growth.last_checkpoint())
        self.problems: list[Problem] = []
        self._is_sound = True
        self._is_as_left = False
        self._frontier = self._trusted_frontier(growth.head())

    def _trusted_frontier(self, head: Head | None) -> Frontier | None:
        """Return the frontier to build on; None where the stored one is not that of the leaves."""
        if head is None:
            head = Head(self._origin, 1, 0, b"")
        if wrong := misfits(head):
            self._refuse("head_changed", f"the head has values of another kind: {wrong}")
            return None
        if head.origin != self._origin:
            self._refuse("origin_changed", f"the head is of the log {head.origin}")
            return None
        self._is_as_left = (head.size, head.frontier) == (self._before.size, self._before.frontier)
        if self._is_as_left:
            return Frontier.from_bytes(head.size, head.frontier)
        if self._growth.has_leaves_from(head.size):
            self._refuse("head_changed", f"there are leaves beyond the head's {head.size}")
            return None
        try:
            stored = Frontier.from_bytes(head.size, head.frontier)
            if stored == frontier_at(head.size, self._hashes):
                return stored
        except (MissingLeaves, InvalidValue) as error:
            self._refuse("head_changed", str(error))
            return None
        self._refuse("head_changed", f"{head.size} leaves have another frontier than the head's")
        return None

    def grow(self, gathering: Gathering, max_rows: int | None) -> Gathered | None:
        """Return what was added to the tree; None where there is nothing to build on."""
        if self._frontier is None:
            return None
        gathered = gathering.gather(self._growth, max_rows or self._growth.max_rows)
        self.problems += gathered.problems
        if gathered.ready:
            self._add(self._frontier, gathered.ready)
            self._growth.put_sequenced(gathered.sequenced)
        return gathered

    def _add(self, frontier: Frontier, ready: Sequence[Ready]) -> None:
        growth = self._growth
        tree = Growth(frontier)
        type_ids = growth.type_ids(sorted({one.reading.type_name for one in ready}))
        leaves, entries = [], []
        for index, (_, writer_id, row, reading) in enumerate(ready, frontier.size):
            leaf = leaf_hash(row.envelope)
            tree.add(leaf)
            leaves.append(Leaf(index, writer_id, row.n, leaf))
            entries.append(reading.entry(index, type_ids[reading.type_name]))
        growth.add_leaves(leaves)
        growth.add_nodes([Node(*node) for node in tree.nodes])
        for repeated in growth.add_entries(entries):
            what = f"leaf {repeated.leaf_index} has the id of an older event: {repeated.event_id}"
            self.problems.append(Problem("event_repeated", what))
        growth.add_rollups(_rollups(entries))
        self._frontier = tree.frontier()
        growth.put_head(_head(self._origin, self._frontier))

    def sign(
        self, signers: Sequence[NoteSigner], now: int, *, force: bool
    ) -> SignedCheckpoint | None:
        """Return the new checkpoint, if one is due and may be signed."""
        frontier, last = self._frontier, self._last
        if frontier is None or not self._may_sign(frontier):
            return None
        if frontier.size == (last.size if last else 0):
            return None
        if last is not None and not force and 0 <= now - last.created_at < CHECKPOINT_US:
            return None
        root = frontier.root()
        text = checkpoint_text(Checkpoint(self._origin, frontier.size, root))
        created_at = now if last is None else max(now, last.created_at + 1)
        if created_at > LAST_US:
            what = f"the newest checkpoint is of a time that cannot be: {last and last.created_at}"
            self._refuse("checkpoint_changed", what)
            return None
        made = SignedCheckpoint(frontier.size, root, created_at, signed_note(text, signers))
        self._growth.add_checkpoint(made)
        self._last = made
        return made

    def _may_sign(self, frontier: Frontier) -> bool:
        """Return whether the tree still begins with all that was signed before."""
        if self._misfit:
            what = f"the newest checkpoint has values of another kind: {self._misfit}"
            self._refuse("checkpoint_changed", what)
            return False
        known, last = self._before.signed, self._last
        size, root = (last.size, last.root) if last else (0, b"")
        if size < known[0]:
            self._refuse("rolled_back", f"{known[0]} leaves were signed, now the newest is {size}")
            return False
        if not self._is_as_left and not self._begins_with_anchor(frontier):
            return False
        if last is None or (size, root) == known or self._begins_with(frontier, size, root):
            return True
        self._refuse("root_changed", f"the root signed at {size} is not that of the leaves")
        return False

    def _begins_with_anchor(self, frontier: Frontier) -> bool:
        anchor = self._anchored()
        if anchor is None or anchor.size == 0:
            return True
        is_ours = anchor.origin == self._origin
        if is_ours and self._begins_with(frontier, anchor.size, anchor.root):
            return True
        what = f"{anchor.size} leaves are anchored"
        missing = anchor.size - frontier.size
        if is_ours and missing > 0:
            what += f", the log has {frontier.size}: {missing} are gone"
        else:
            what += " that are not the beginning of this log"
        self._refuse("rolled_back", what)
        return False

    def _begins_with(self, frontier: Frontier, size: int, root: bytes) -> bool:
        try:
            return size <= frontier.size and root_at(size, self._hashes) == root
        except (MissingLeaves, InvalidValue):
            return False

    def left(self) -> Left:
        """Return how the log stands if this transaction is kept."""
        # A tree that was found wrong is looked at again the next time.
        if self._frontier is None or not self._is_sound:
            return Left(signed=self._before.signed)
        signed = (self._last.size, self._last.root) if self._last else (0, b"")
        return Left(self._frontier.size, self._frontier.to_bytes(), signed)

    def _refuse(self, kind: str, what: str) -> None:
        self._is_sound = False
        self.problems.append(Problem(kind, what))


def _fitted(last: SignedCheckpoint | None) -> tuple[SignedCheckpoint | None, str]:
    return (None, "") if last is None else fitted(last)


def _head(origin: str, frontier: Frontier) -> Head:
    return Head(origin, epoch_of(origin), frontier.size, frontier.to_bytes())


def _rollups(entries: Sequence[Entry]) -> list[Rollup]:
    amounts: dict[tuple[int, int, int, int], list[int]] = {}
    shortest = min(STEPS)
    for entry in entries:
        bucket = entry.ts // 1_000_000 // shortest * shortest
        key = (bucket, entry.type_id, entry.outcome, entry.severity)
        amount = amounts.setdefault(key, [0, 0])
        amount[0] += 1
        amount[1] += entry.decisions
    sums: dict[tuple[int, ...], list[int]] = {}
    for (bucket, *rest), (events, decisions) in amounts.items():
        for step in STEPS:
            total = sums.setdefault((step, bucket // step * step, *rest), [0, 0])
            total[0] += events
            total[1] += decisions
    return [Rollup._make((*key, *total)) for key, total in sorted(sums.items())]
