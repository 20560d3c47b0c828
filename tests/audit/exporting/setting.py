"""What the tests of exporting share: a log, a target that does as it is told, an exporter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask_jafsec.audit.export_alarms import ExportReport
from flask_jafsec.audit.exporting import Exporter, Round
from flask_jafsec.audit.rows import EventRow, ExportState, StoredEvent
from flask_jafsec.audit.sinks.rendering import ExportRecord
from flask_jafsec.audit.sinks.target import RecordRefused, TargetFailed
from flask_jafsec.audit.store import AuditExports
from tests.audit.chains import TestClock


class ToldTarget:
    """Takes everything, except while ``rule`` raises."""

    name = "told:"

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.sizes: list[int] = []
        self.error: Exception | None = None
        self.refuses: Callable[[int], bool] = lambda leaf: False
        self.says_which = False

    def send(self, records: Sequence[ExportRecord]) -> None:
        self.sizes.append(len(records))
        if self.error is not None:
            raise self.error
        for index, record in enumerate(records):
            if self.refuses(record.leaf_index):
                alone = len(records) == 1
                raise RecordRefused("400", index if alone or self.says_which else None)
        self.taken += [record.leaf_index for record in records]


class Setting:
    """One process's exporter of a log, and what it reported."""

    def __init__(
        self, exports: AuditExports, clock: TestClock, target: Any = None, **more: Any
    ) -> None:
        self.exports = exports
        self.clock = clock
        self.target = target or ToldTarget()
        self.reports: list[ExportReport] = []
        values: dict[str, Any] = {"wait_within": lambda most_s: most_s}
        self.exporter = Exporter(
            exports, self.target, clock, report=self.reports.append, **(values | more)
        )

    @property
    def codes(self) -> list[str]:
        return [report.code for report in self.reports]

    @property
    def state(self) -> ExportState:
        return next(state for state in self.exports.states() if state.sink == self.target.name)

    def run(self, rounds: int = 1) -> list[Round]:
        """Run *rounds* times; as much time passes as each of them asks for."""
        done = []
        for _ in range(rounds):
            done.append(self.exporter.run_once())
            self.clock.go_on(done[-1].wait_s)
        return done

    def run_to_the_end(self, most: int = 2_000) -> None:
        """Run until nothing waits."""
        for _ in range(most):
            done = self.exporter.run_once()
            self.clock.go_on(done.wait_s)
            if not done.error and not done.lag_events and done.is_leader:
                return
        raise AssertionError("it never came to the end")


FAILED = TargetFailed("down")


class MemoryExports:
    """As much of ``AuditExports`` as one exporter asks for."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._state: ExportState | None = None
        self.deads: dict[int, str] = {}

    def take(self, sink: str, owner: str, now: int, lease_us: int) -> ExportState | None:
        self._state = self._state or ExportState(sink)
        return ExportState(
            sink,
            self._state.next_leaf,
            self._state.ok_at,
            self._state.error,
            self._state.failures,
            owner,
            now + lease_us,
        )

    def put(self, state: ExportState) -> bool:
        self._state = state
        return True

    def release(self, sink: str, owner: str) -> None:
        pass

    def states(self) -> Sequence[ExportState]:
        return [self._state] if self._state else []

    def events(self, first: int, limit: int) -> Sequence[StoredEvent]:
        leaves = range(first, min(self._size, first + limit))
        return [StoredEvent(EventRow("a", leaf + 1, b"?", b"", "k1"), leaf) for leaf in leaves]

    def size(self) -> int:
        return self._size

    def add_dead(self, sink: str, leaf_index: int, error: str) -> None:
        self.deads[leaf_index] = error

    def dead(self, sink: str, limit: int) -> Sequence[tuple[int, str]]:
        return sorted(self.deads.items(), reverse=True)[:limit]
