"""Takes what writers have appended, checks it, and puts it into the order of the tree.

Nothing is written here. A writer is followed up to its first gap: the events missing there may
still be in a journal, and an event is never passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from flask_jafsec.audit.checking import Macs, RowInvalid, read_row
from flask_jafsec.audit.kinds import fitting, misfits
from flask_jafsec.audit.reading import Reading
from flask_jafsec.audit.rows import EventRow, Writer
from flask_jafsec.audit.store import AuditGrowth
from flask_jafsec.errors import StoreUnavailable


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that keeps the log from growing or being signed. Nothing was repaired."""

    kind: str
    """``row_invalid``, ``chain_broken``, ``mac_broken``, ``mac_key_unknown``,
    ``writer_changed``, ``event_repeated``, ``origin_changed``, ``head_changed``,
    ``checkpoint_changed``, ``root_changed`` or ``rolled_back``."""
    what: str
    """What was found, for the operator."""
    writer_id: str = ""
    n: int = 0

    def __str__(self) -> str:
        """Return it in one line; the same for the same problem."""
        where = f" {self.writer_id} n={self.n}" if self.writer_id else ""
        return f"{self.kind}{where}: {self.what}"


@dataclass(frozen=True, slots=True)
class Gap:
    """The event a writer's next ones wait for."""

    writer_id: str
    n: int


class Ready(NamedTuple):
    """An event that may get its leaf."""

    ts: int
    """Its time, or that of the writer's event before if that is later."""
    writer_id: str
    row: EventRow
    reading: Reading


@dataclass(frozen=True, slots=True)
class Gathered:
    """Events in the order of their leaves, and how far each writer is then sequenced."""

    ready: Sequence[Ready]
    sequenced: Sequence[tuple[str, int, bytes]]
    problems: Sequence[Problem]
    gaps: Sequence[Gap]
    has_more: bool


@dataclass(slots=True)
class _Portion:
    ready: list[Ready]
    n: int
    digest: bytes
    problem: Problem | None = None
    gap: Gap | None = None
    was_cut: bool = False
    """Whether there may be more rows than were asked for."""


class Gathering:
    """Remembers which writers are stuck, and whose turn it is. For one thread."""

    def __init__(self, origin: str, macs: Macs, *, per_writer: int) -> None:
        self._origin = origin
        self._macs = macs
        self._per_writer = per_writer
        self._stuck: set[str] = set()
        self._served_last = ""

    def gather(self, growth: AuditGrowth, max_rows: int) -> Gathered:
        """Return the next events of all writers. Raises StoreUnavailable."""
        unsound: list[Problem] = []

        def set_aside(writer: Writer, wrong: str) -> None:
            what = f"its row has values of another kind: {wrong}"
            unsound.append(Problem("writer_changed", what, str(writer.writer_id)))

        waiting = self._in_turn(fitting(growth.writers_waiting(), set_aside))
        in_tree = growth.newest_leaves([writer.writer_id for writer in waiting])
        ready: list[Ready] = []
        portions: list[tuple[str, _Portion]] = []
        has_more = False
        for writer in waiting:
            room = min(self._per_writer, max_rows - len(ready))
            if room <= 0:
                has_more = True
                break
            portion = self._sound_portion(growth, writer, in_tree.get(writer.writer_id, 0), room)
            portions.append((writer.writer_id, portion))
            ready += portion.ready
            has_more = has_more or portion.was_cut
            self._served_last = writer.writer_id
        # Each writer's events stand in their order and their times never go back, so a stable
        # sort keeps that order.
        ready.sort(key=_by_time)
        return _gathered(ready, portions, unsound, has_more=has_more)

    def _in_turn(self, writers: Sequence[Writer]) -> list[Writer]:
        # Those after the last one served come first: a busy writer cannot keep others waiting.
        ordered = sorted(writers, key=lambda writer: writer.writer_id)
        later = [writer for writer in ordered if writer.writer_id > self._served_last]
        return later + ordered[: len(ordered) - len(later)]

    def _sound_portion(
        self, growth: AuditGrowth, writer: Writer, newest_leaf: int, room: int
    ) -> _Portion:
        try:
            return self._portion(growth, writer, newest_leaf, room)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever one writer's rows are, the others go on
            self._stuck.add(writer.writer_id)
            what = f"cannot be read: {type(error).__name__}"
            at = writer.sequenced_n
            problem = Problem("row_invalid", what, writer.writer_id, at + 1)
            return _Portion([], at, writer.sequenced_hash, problem)

    def _portion(
        self, growth: AuditGrowth, writer: Writer, newest_leaf: int, room: int
    ) -> _Portion:
        portion = _Portion([], writer.sequenced_n, writer.sequenced_hash)
        if newest_leaf != writer.sequenced_n:
            what = f"is noted as sequenced to {writer.sequenced_n}, its leaves reach {newest_leaf}"
            portion.problem = Problem("writer_changed", what, writer.writer_id, newest_leaf)
            return portion
        # One row is enough to see whether a stuck writer goes on.
        limit = 1 if writer.writer_id in self._stuck else room
        rows = growth.rows_after(writer.writer_id, writer.sequenced_n, limit)
        self._follow(portion, rows)
        stops = portion.problem is not None or portion.gap is not None
        portion.was_cut = len(rows) == limit and not stops
        (self._stuck.add if stops else self._stuck.discard)(writer.writer_id)
        return portion

    def _follow(self, portion: _Portion, rows: Sequence[EventRow]) -> None:
        prev, ts = portion.digest.hex(), 0
        for row in rows:
            if wrong := misfits(row):
                what = f"has values of another kind: {wrong}"
                portion.problem = Problem("row_invalid", what, str(row.writer_id), portion.n + 1)
                return
            if row.n != portion.n + 1:
                portion.gap = Gap(row.writer_id, portion.n + 1)
                return
            problem, reading = self._checked(row, prev)
            if reading is None:
                portion.problem = problem
                return
            ts = max(ts, reading.ts)
            portion.ready.append(Ready(ts, row.writer_id, row, reading))
            portion.n, portion.digest = row.n, sha256(row.envelope).digest()
            prev = portion.digest.hex()

    def _checked(self, row: EventRow, prev: str) -> tuple[Problem | None, Reading | None]:
        holds = self._macs.holds(row.envelope, row.mac, row.mac_key)
        if not holds:
            kind = "mac_key_unknown" if holds is None else "mac_broken"
            return Problem(kind, f"under the key {row.mac_key}", row.writer_id, row.n), None
        try:
            reading = read_row(row, self._origin)
        except RowInvalid as error:
            return Problem("row_invalid", str(error), row.writer_id, row.n), None
        if reading.prev != prev:
            what = "does not follow the event before it"
            return Problem("chain_broken", what, row.writer_id, row.n), None
        return None, reading


def _by_time(ready: Ready) -> tuple[int, str]:
    return ready.ts, ready.writer_id


def _gathered(
    ready: list[Ready],
    portions: Sequence[tuple[str, _Portion]],
    unsound: list[Problem],
    *,
    has_more: bool,
) -> Gathered:
    return Gathered(
        ready=ready,
        sequenced=[(name, one.n, one.digest) for name, one in portions if one.ready],
        problems=unsound + [one.problem for _, one in portions if one.problem is not None],
        gaps=[one.gap for _, one in portions if one.gap is not None],
        has_more=has_more,
    )
