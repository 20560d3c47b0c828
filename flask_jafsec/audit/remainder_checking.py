"""Verifies what is no leaf: writers and their waiting events, rows that belong nowhere, rollups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from flask_jafsec.audit.envelope import time_or_number
from flask_jafsec.audit.findings import ODD, Findings, Level
from flask_jafsec.audit.kinds import fitted, fitting, misfits
from flask_jafsec.audit.leaf_checking import NOBODY, EventCheck, Newest
from flask_jafsec.audit.rows import Rollup, StoredEvent, Writer
from flask_jafsec.audit.store import AuditView
from flask_jafsec.audit.tree_checking import stored_nodes

#: Waiting events read at once.
PORTION: Final = 500

#: Rows that belong nowhere, named of each table.
MAX_STRAYS: Final = 20

#: A writer that said neither goodbye nor anything else for this long is gone, in microseconds:
#: two heartbeats.
SILENT_US: Final = 7_200_000_000

#: How long events may wait for their leaf before that is said, in microseconds: as long as leaves
#: may be under no checkpoint.
WAITING_US: Final = 60_000_000

#: Rollups are compared day by day, so that memory does not grow with the log.
WINDOW_S: Final = 86_400

#: The two lengths of buckets.
FINE_S: Final = 300
COARSE_S: Final = 3_600

#: Before and after all buckets that 64 bits hold; only what was tampered with comes near.
DAWN_S: Final = -(2**63)
DUSK_S: Final = 2**63 - 1


class RemainderCheck:
    """Verifies the rest of a log whose leaves are done."""

    def __init__(self, view: AuditView, events: EventCheck, findings: Findings, now: int) -> None:
        self._view = view
        self._events = events
        self._findings = findings
        self._now = now
        self._counts = view.counts()
        self._oldest_waiting = now
        self._rollups = 0
        self.waiting = 0
        self.writers = 0
        self.live = 0

    # -- writers --

    def check_writers(self, *, is_whole_log: bool) -> None:
        """Compare every writer's row with its leaves, and verify its waiting events."""
        newest = self._events.newest
        left = set(newest)
        for stored in self._view.writers():
            self.writers += 1
            writer, wrong = fitted(stored)
            if wrong:
                self._findings.tampered(f"WRITER {stored.writer_id} {ODD}: {wrong}")
            known = newest.get(writer.writer_id, NOBODY)
            if is_whole_log or known is not NOBODY:
                self._compare(writer, known)
            left.discard(writer.writer_id)
            self._check_waiting(writer, known)
            self._check_end(writer)
        for writer_id in sorted(left):
            self._findings.tampered(f"WRITER {writer_id} has leaves, but no row")
        self._check_age()

    def _check_age(self) -> None:
        if self._oldest_waiting < self._now - WAITING_US:
            seconds = (self._now - self._oldest_waiting) // 1_000_000
            text = f"WAITING events have no leaf for {seconds} s: no process sequences them"
            self._findings.add(Level.INCOMPLETE, text)

    def _compare(self, writer: Writer, known: Newest) -> None:
        name = writer.writer_id
        if writer.sequenced_n != known.n:
            says = f"is noted as sequenced to {writer.sequenced_n}, its leaves reach {known.n}"
            self._findings.tampered(f"WRITER {name} {says}")
        elif known.digest is not None and writer.sequenced_hash.hex() != known.digest:
            self._findings.tampered(f"WRITER {name} has another hash noted than n={known.n} has")

    def _check_waiting(self, writer: Writer, known: Newest) -> None:
        if known is NOBODY:
            # None of its leaves was met: verifying began behind them, or it has none yet.
            known = Newest(writer.sequenced_n, writer.sequenced_hash.hex(), 0)
            self._events.newest[writer.writer_id] = known
        after = known.n
        while some := self._view.waiting(writer.writer_id, after, PORTION):
            for event in some:
                self._take_waiting(event)
            # Behind the last as it is stored: a text stands behind every number.
            after = some[-1].row.n

    def _take_waiting(self, event: StoredEvent) -> None:
        row = event.row
        self.waiting += 1
        if wrong := misfits(row):
            self._findings.tampered(f"WAITING event {row.writer_id}/{row.n} {ODD}: {wrong}")
            self._events.seen.events += 1
            self._events.seen.sealed += event.sealed is not None
            return
        newest = self._events.newest.get(row.writer_id, NOBODY)
        if row.n > newest.n + 1:
            # Not sequenced because of it, so nobody has signed that it was ever there.
            text = f"WRITER {row.writer_id} n={newest.n + 1} in a journal, or deleted"
            self._findings.add(Level.INCOMPLETE, text)
            self._events.newest[row.writer_id] = Newest(row.n - 1, None, newest.ts)
        place = f"WAITING event {row.writer_id}/{row.n}"
        reading = self._events.take_event(place, row, event.sealed)
        if reading is not None and row.n == newest.n + 1:  # behind a gap no process may take it
            self._oldest_waiting = min(self._oldest_waiting, reading.ts)

    def _check_end(self, writer: Writer) -> None:
        known = self._events.newest.get(writer.writer_id, NOBODY)
        name = writer.writer_id
        if writer.final_n is None:
            last = max(writer.started_at, writer.seen_at, known.ts)
            if last >= self._now - SILENT_US:
                self.live += 1
            else:
                text = f"WRITER {name} abandoned, last event {time_or_number(known.ts)}"
                self._findings.add(Level.NOTE, text)
        elif known.n > writer.final_n:
            self._findings.tampered(f"WRITER {name} ended at {writer.final_n}, has n={known.n}")
        elif known.n < writer.final_n:
            text = f"WRITER {name} n={known.n + 1} to {writer.final_n} in a journal, or deleted"
            self._findings.add(Level.INCOMPLETE, text)

    # -- rows that belong nowhere --

    def check_counts(self, leaves: int, size: int, checkpoints: int) -> None:
        """Compare the number of rows with the number met: whatever is left belongs nowhere."""
        seen = self._events.seen
        met = {
            "event": seen.events,
            "entry": seen.entries,
            "sealed": seen.sealed,
            "leaf": leaves,
            "node": stored_nodes(size),
            "checkpoint": checkpoints,
            "rollup": self._rollups,
        }
        extra = {name: self._counts[name] - count for name, count in met.items()}
        for name, count in extra.items():
            if count > 0:
                self._findings.tampered(f"STRAY {count} rows of {name} belong to nothing")
        if any(count > 0 for count in extra.values()):
            for table, key in self._view.strays(MAX_STRAYS):
                self._findings.tampered(f"STRAY {table} {key} belongs to nothing")
        dead = self._counts["dead"]
        if dead:
            self._findings.add(Level.NOTE, f"DEAD {dead} events were given up by a sink")

    # -- rollups --

    def check_rollups(self) -> None:
        """Compare the rollups with the search copies, which the leaves have confirmed."""
        start = self._view.next_rollup(DAWN_S)
        while start is not None:
            first = max(DAWN_S, start // WINDOW_S * WINDOW_S)
            end = min(first + WINDOW_S, DUSK_S)
            self._check_window(first, end)
            start = self._view.next_rollup(end) if end < DUSK_S else None

    def _misfit(self, rollup: Rollup, wrong: str) -> None:
        at = time_or_number(rollup.bucket * 1_000_000)
        self._findings.tampered(f"ROLLUP step {rollup.step} at {at} {ODD}: {wrong}")

    def _check_window(self, first: int, end: int) -> None:
        found = self._view.rollups(first, end)
        self._rollups += len(found)
        stored = set(fitting(found, self._misfit))
        fine = self._view.rollups_due(FINE_S, first, end)
        due = {*fine, *_coarse(fine)}
        for wrong in sorted(stored ^ due, key=_in_order)[:MAX_STRAYS]:
            what = "changed" if wrong in stored else "missing or changed"
            at = f"step {wrong.step} at {time_or_number(wrong.bucket * 1_000_000)}"
            self._findings.tampered(f"ROLLUP {at} type {wrong.type_id} {what}")


def _in_order(one: Rollup) -> tuple[int, int, str]:
    # What is due was counted from search copies, whose other values may be of any kind.
    return one.step, one.bucket, str(one)


def _coarse(fine: Iterable[Rollup]) -> list[Rollup]:
    events: Counter[tuple[int, int, int, int]] = Counter()
    decisions: Counter[tuple[int, int, int, int]] = Counter()
    for one in fine:
        key = (one.bucket // COARSE_S * COARSE_S, one.type_id, one.outcome, one.severity)
        events[key] += one.events
        decisions[key] += one.decisions
    return [Rollup(COARSE_S, *key, events[key], decisions[key]) for key in events]
