"""Exporting: nothing is lost, and nothing moves before it is confirmed."""

from __future__ import annotations

import json
from collections.abc import Sequence

from flask_jafsec.audit.export_pace import (
    MAX_EVENTS,
)
from flask_jafsec.audit.exporting import LEASE_US, STANDBY_S
from flask_jafsec.audit.rows import StoredEvent
from flask_jafsec.audit.sinks.rendering import ExportRecord
from tests.audit.chains import LogMaker, TestClock
from tests.audit.exporting.setting import FAILED, MemoryExports, Setting, ToldTarget


def test_everything_goes_out_once_and_in_order(log: LogMaker, setting: Setting) -> None:
    log.grow(700)

    setting.run_to_the_end()
    log.grow(30)
    setting.run_to_the_end()

    assert setting.target.taken == list(range(730))
    assert max(setting.target.sizes) == MAX_EVENTS
    assert setting.state.next_leaf == 730


def test_nothing_new_costs_no_write(log: LogMaker, setting: Setting) -> None:
    log.grow(5)
    setting.run_to_the_end()
    before = setting.state

    (done,) = setting.run()

    assert done.wait_s == 1.0
    assert setting.state == before


def test_the_cursor_stays_while_nothing_is_confirmed(log: LogMaker, setting: Setting) -> None:
    log.grow(10)
    setting.target.error = FAILED

    setting.run(4)

    assert (setting.state.next_leaf, setting.state.failures) == (0, 4)
    assert setting.state.error == "down"
    assert setting.state.ok_at is None


def test_an_error_of_the_target_itself_is_a_failure(log: LogMaker, setting: Setting) -> None:
    log.grow(1)
    setting.target.error = RuntimeError("canary in a message")

    (done,) = setting.run()

    assert done.error == "RuntimeError"
    assert setting.state.next_leaf == 0


def test_an_event_that_is_gone_has_a_record_that_says_so() -> None:
    class Gone(MemoryExports):
        def events(self, first: int, limit: int) -> Sequence[StoredEvent]:
            return [each for each in super().events(first, limit) if each.leaf_index not in {1, 4}]

    sent: list[ExportRecord] = []

    class Keeps(ToldTarget):
        def send(self, records: Sequence[ExportRecord]) -> None:
            sent.extend(records)

    Setting(Gone(5), TestClock(), Keeps()).run_to_the_end()

    assert [each.leaf_index for each in sent] == [0, 1, 2, 3, 4]
    assert [json.loads(each.line).get("error") for each in sent] == [
        "damaged",
        "missing",
        "damaged",
        "damaged",
        "missing",
    ]


def test_only_one_process_exports(log: LogMaker, setting: Setting) -> None:
    log.grow(10)
    other = Setting(log.store.exports, log.clock)
    setting.run_to_the_end()
    log.grow(5)

    (done,) = other.run()

    assert (done.is_leader, done.wait_s) == (False, STANDBY_S)
    assert other.target.taken == []


def test_another_takes_over_when_the_lease_has_ended(log: LogMaker, setting: Setting) -> None:
    log.grow(10)
    setting.run()
    other = Setting(log.store.exports, log.clock)
    log.grow(5)

    log.clock.go_on(LEASE_US / 1_000_000)
    other.run_to_the_end()

    assert other.target.taken == [10, 11, 12, 13, 14]


def test_another_takes_over_at_once_when_the_lease_is_given_back(
    log: LogMaker, setting: Setting
) -> None:
    log.grow(10)
    setting.run()

    setting.exporter.release()
    other = Setting(log.store.exports, log.clock)
    log.grow(1)
    other.run()

    assert other.target.taken == [10]


def test_a_process_that_lost_its_lease_moves_no_cursor(log: LogMaker, setting: Setting) -> None:
    log.grow(10)
    other = Setting(log.store.exports, log.clock)

    class Sleeps(ToldTarget):
        def send(self, records: Sequence[ExportRecord]) -> None:
            super().send(records)
            log.clock.go_on(LEASE_US / 1_000_000)
            log.grow(5)
            other.run_to_the_end()

    frozen = Setting(log.store.exports, log.clock, Sleeps())
    (done,) = frozen.run()

    assert done.is_leader is False
    assert other.state.next_leaf == 15
    assert frozen.exporter.run_once().is_leader is False
    assert frozen.target.taken == list(range(10))


def test_the_child_of_a_fork_is_another_process(log: LogMaker) -> None:
    log.grow(10)
    setting = Setting(log.store.exports, log.clock)
    setting.run()
    log.grow(1)

    setting.exporter.begin_again()

    # The lease is the parent's, who goes on exporting.
    assert setting.exporter.run_once().is_leader is False
    assert setting.target.taken == list(range(10))
