"""Targets and databases that fail: waits, sizes of batches, doubles."""

from __future__ import annotations

import pytest

from flask_jafsec.audit.export_pace import (
    MAX_BYTES,
    fitting,
    jitter,
    longest_wait,
)
from flask_jafsec.audit.rows import ExportState
from flask_jafsec.audit.sinks.target import TargetFailed
from flask_jafsec.errors import StoreUnavailable
from tests.audit.chains import LogMaker, TestClock
from tests.audit.exporting.setting import FAILED, MemoryExports, Setting
from tests.audit.sinks.made import event, record


def test_waits_grow_from_a_second_to_five_minutes(log: LogMaker, setting: Setting) -> None:
    log.grow(1)
    setting.target.error = FAILED

    waits = []
    for _ in range(11):
        tried = len(setting.target.sizes)
        at = log.clock.monotonic()
        while len(setting.target.sizes) == tried:
            setting.run()
        waits.append(log.clock.monotonic() - at)

    # The last step of a round is the wait that its own failure brings: at most ten seconds of it.
    setting.run()
    assert [longest_wait(failures) for failures in (0, 1, 2, 3, 9, 10, 10**9)] == [
        1,
        1,
        2,
        4,
        256,
        300,
        300,
    ]
    assert waits[:4] == [1, 2, 4, 8]
    assert waits[-1] == 300


def test_a_wait_is_random_below_its_longest() -> None:
    waits = {jitter(10.0) for _ in range(50)}

    assert len(waits) > 40
    assert all(0 <= wait <= 10 for wait in waits)


@pytest.mark.parametrize(("asked_s", "waited_s"), [(90.0, 90.0), (10.0**9, 3_600.0), (0.0, 1.0)])
def test_a_target_may_say_when_to_come_back(
    log: LogMaker, setting: Setting, asked_s: float, waited_s: float
) -> None:
    log.grow(1)
    setting.target.error = TargetFailed("busy", asked_s)
    setting.run()
    setting.target.error = None

    at = log.clock.monotonic()
    while not setting.target.taken:
        setting.run()

    tried_after_s = log.clock.monotonic() - at
    assert setting.target.sizes == [1, 1]
    assert waited_s - tried_after_s <= 15.0 + 1e-6


def test_while_it_waits_the_lease_is_kept(log: LogMaker, setting: Setting) -> None:
    log.grow(1)
    other = Setting(log.store.exports, log.clock, setting.target)
    setting.target.error = TargetFailed("busy", 120.0)
    setting.run()

    for _ in range(7):
        assert other.exporter.run_once().is_leader is False
        setting.run()

    assert setting.target.sizes == [1]


def test_batches_are_halved_by_failures_and_doubled_by_success(
    log: LogMaker, setting: Setting
) -> None:
    log.grow(600)
    setting.target.error = FAILED
    setting.run(3)
    setting.target.error = None

    setting.run_to_the_end()

    assert setting.target.sizes[:3] == [500, 250, 125]
    assert setting.target.sizes[-4:] == [62, 124, 248, 166]


def test_a_batch_is_bounded_in_bytes() -> None:
    one = record(event(route="x" * 250))
    many = [one] * (MAX_BYTES // len(one.line) + 10)

    assert sum(len(each.line) + 1 for each in fitting(many)) <= MAX_BYTES
    assert len(fitting(many)) >= MAX_BYTES // len(one.line) - 2
    assert len(fitting([record(event())])) == 1


def test_while_the_database_is_down_the_exporter_waits(log: LogMaker, setting: Setting) -> None:
    class Down(MemoryExports):
        def size(self) -> int:
            raise StoreUnavailable("down")

    down = Setting(Down(5), log.clock)

    waits = [done.wait_s for done in down.run(4)]

    assert waits == [1.0, 2.0, 4.0, 8.0]
    assert down.target.sizes == []


def test_a_cursor_that_could_not_be_written_sends_one_batch_twice() -> None:
    class FailsOnce(MemoryExports):
        fails = True

        def put(self, state: ExportState) -> bool:
            if self.fails:
                self.fails = False
                raise StoreUnavailable("down")
            return super().put(state)

    setting = Setting(FailsOnce(10), TestClock())

    setting.run_to_the_end()

    assert setting.target.taken == [*range(10), *range(10)]
