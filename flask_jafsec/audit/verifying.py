"""Verifies a stored log from first leaf to last, in constant memory. Trusts nothing derived.

Source: audit-log specification, 5.7.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from flask_jafsec.audit.checking import Macs, epoch_of
from flask_jafsec.audit.findings import ODD, Findings, Level, Verification, broken_off
from flask_jafsec.audit.kinds import fitted
from flask_jafsec.audit.leaf_checking import EventCheck
from flask_jafsec.audit.note_keys import NoteVerifier
from flask_jafsec.audit.remainder_checking import RemainderCheck
from flask_jafsec.audit.rows import NO_HASH, Head
from flask_jafsec.audit.store import AuditStore, AuditView
from flask_jafsec.audit.stored_hashes import StoredHashes
from flask_jafsec.audit.tree import EMPTY_FRONTIER, Frontier, MissingLeaves, frontier_at
from flask_jafsec.audit.tree_checking import Anchored, TreeCheck
from flask_jafsec.errors import InvalidValue, StoreDamaged

#: Leaves read at once: enough to hide the cost of asking, little enough for the memory.
PORTION: Final = 200

#: Leaves that are under no checkpoint for this long, in microseconds, are not just new.
UNSIGNED_US: Final = 60_000_000

#: Of SHA-256.
HASH_BYTES: Final = 32

#: No leaf index is smaller, and none larger, whatever was written.
SMALLEST: Final = -(2**63)
LARGEST: Final = 2**63 - 1


class Verifier:
    """Verifies one log.

    Args:
        origin: The log's name, known from elsewhere than the log.
        verifiers: Keys whose signatures count; the log's own among them.
        mac_key: Gives the MAC key of a root key's id, None if that is not known (any more).
    """

    def __init__(
        self,
        store: AuditStore,
        *,
        origin: str,
        verifiers: Sequence[NoteVerifier],
        mac_key: Callable[[str], bytes | None],
    ) -> None:
        self._store = store
        self._origin = origin
        self._verifiers = tuple(verifiers)
        self._mac_key = mac_key

    def run(
        self,
        *,
        now: int,
        first_leaf: int = 0,
        anchors: Sequence[Anchored] = (),
        check_mac: bool = True,
        progress: Callable[[int, int], object] = lambda _done, _of: None,
    ) -> Verification:
        """Return what there is to say about the log.

        Raises:
            InvalidValue: The log has no leaf before *first_leaf*.
            StoreUnavailable: The database does not answer.

        Args:
            now: Microseconds since 1970 UTC.
            first_leaf: Where to begin; what lies before is not looked at.
            anchors: Checkpoints that somebody else kept.
            progress: Told how many leaves are done, of how many.
        """
        findings = Findings()
        ours = [one for one in anchors if one.checkpoint.origin == self._origin]
        for name in sorted({one.name for one in anchors if one not in ours}):
            findings.add(Level.INCOMPLETE, f"ANCHOR {name} has checkpoints of another log")
        with self._store.reading() as view:
            try:
                run = _Run(self, view, findings, ours, first_leaf, check_mac=check_mac)
                run.walk(progress)
                return run.result(first_leaf, now)
            except StoreDamaged as error:
                findings.tampered(f"DATABASE cannot be verified any further: {error}")
        return broken_off(self._origin, first_leaf, findings)

    def event_check(self, findings: Findings, *, check_mac: bool, from_start: bool) -> EventCheck:
        """Return a check of events of this log."""
        macs = Macs(self._mac_key) if check_mac else None
        return EventCheck(self._origin, macs, findings, from_start=from_start)

    def tree_check(
        self, view: AuditView, findings: Findings, anchors: Sequence[Anchored], begin: Frontier
    ) -> TreeCheck:
        """Return a check of the tree of this log, from *begin* on."""
        return TreeCheck(view, self._origin, self._verifiers, anchors, findings, begin)

    @property
    def origin(self) -> str:
        """The name of the log."""
        return self._origin


class _Run:
    """One walk along the leaves, all at one moment."""

    def __init__(
        self,
        verifier: Verifier,
        view: AuditView,
        findings: Findings,
        anchors: Sequence[Anchored],
        first_leaf: int,
        *,
        check_mac: bool,
    ) -> None:
        self._verifier = verifier
        self._view = view
        self._findings = findings
        self._head = self._read_head()
        begin = self._begin(first_leaf)
        self._is_whole_log = begin.size == 0
        self._start = begin.size
        self._leaves = 0
        is_first = self._is_whole_log
        self._events = verifier.event_check(findings, check_mac=check_mac, from_start=is_first)
        self._tree = verifier.tree_check(view, findings, anchors, begin)

    def _read_head(self) -> Head | None:
        stored = self._view.head()
        if stored is None:
            return None
        head, wrong = fitted(stored)
        if wrong:
            self._findings.tampered(f"HEAD {ODD}: {wrong}")
        return head

    def _begin(self, first_leaf: int) -> Frontier:
        if first_leaf <= 0:
            return EMPTY_FRONTIER
        try:
            return frontier_at(first_leaf, StoredHashes(self._view))
        except (MissingLeaves, InvalidValue) as error:
            size = self._head.size if self._head else 0
            if first_leaf > size and not self._view.leaves(first_leaf - 1, 1):
                raise InvalidValue("from", f"the log has {size} leaves") from error
            self._findings.tampered(f"LEAF {first_leaf} cannot be begun at: {error}")
            return EMPTY_FRONTIER

    def walk(self, progress: Callable[[int, int], object]) -> None:
        """Verify every leaf from the start on."""
        tree, take_leaf = self._tree, self._events.take_leaf
        total = self._head.size if self._head else 0
        first = SMALLEST if self._is_whole_log else self._start
        while first <= LARGEST and (some := self._view.leaves(first, PORTION)):
            for stored in some:
                if stored.leaf_index != tree.size:
                    self._misplaced(stored.leaf_index)
                ts, digest = take_leaf(stored), stored.leaf_hash
                # One of another length was reported just now, and is no hash at all.
                tree.add(digest if len(digest) == HASH_BYTES else NO_HASH, ts)
            self._leaves += len(some)
            first = some[-1].leaf_index + 1
            tree.check_nodes()
            progress(tree.size, max(total, tree.size))

    def _misplaced(self, index: int) -> None:
        expected = self._tree.size
        upto = f" to {index - 1}" if index > expected + 1 else ""
        self._findings.tampered(f"LEAF {expected}{upto} missing, {index} in its place")
        self._tree.break_off(index)

    def result(self, first_leaf: int, now: int) -> Verification:
        """Return the result, after looking at what is no leaf."""
        tree, findings = self._tree, self._findings
        self._check_head(tree.close())
        rest = RemainderCheck(self._view, self._events, findings, now)
        rest.check_writers(is_whole_log=self._is_whole_log)
        if self._is_whole_log:
            rest.check_rollups()
            rest.check_counts(self._leaves, tree.size, tree.read)
        self._events.close()
        self._check_coverage(now)
        seen = self._events.seen
        return Verification(
            origin=self._verifier.origin,
            first_leaf=self._start if first_leaf else 0,
            events=self._leaves,
            size=tree.size,
            waiting=rest.waiting,
            writers=rest.writers,
            live_writers=rest.live,
            checkpoints=tree.verified,
            newest_checkpoint=tree.newest,
            anchors=tuple(tree.results),
            readable=seen.readable,
            erased=seen.erased,
            missing=seen.missing,
            uncovered=tree.size - tree.anchored,
            uncovered_since=tree.since_anchor.first,
            findings=findings.kept(),
            more=findings.more,
            exit_code=findings.exit_code,
        )

    def _check_head(self, frontier: Frontier | None) -> None:
        head, size = self._head, self._tree.size
        if head is None:
            if size:
                self._findings.tampered(f"HEAD missing, there are {size} leaves")
            return
        origin = self._verifier.origin
        if (head.origin, head.epoch) != (origin, epoch_of(origin)):
            self._findings.tampered(f"HEAD is of the log {head.origin}, epoch {head.epoch}")
        if head.size != size:
            self._findings.tampered(f"HEAD says {head.size} leaves, there are {size}")
        elif frontier is not None and head.frontier != frontier.to_bytes():
            self._findings.tampered(f"HEAD has another frontier than {size} leaves have")

    def _check_coverage(self, now: int) -> None:
        newest, span = self._tree.newest, self._tree.since_checkpoint
        unsigned = self._tree.size - (newest.size if newest else self._start)
        if unsigned > 0 and span.last < now - UNSIGNED_US:
            self._findings.add(Level.INCOMPLETE, f"UNSIGNED {unsigned} leaves, no checkpoint newer")
