"""Events that a target will not take, so that the others go on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.audit.export_pace import (
    Pace,
)
from flask_jafsec.audit.exporting import MAX_DEAD_IN_A_ROW
from tests.audit.chains import LogMaker, TestClock
from tests.audit.exporting.setting import MemoryExports, Setting


@pytest.mark.parametrize("says_which", [True, False])
def test_a_refused_event_is_put_aside_after_five_tries_and_the_others_go_on(
    log: LogMaker, setting: Setting, says_which: bool
) -> None:
    log.grow(300)
    refused = [leaf for leaf in range(300) if leaf % 97 == 50]
    setting.target.says_which = says_which
    tries: dict[int, int] = {}

    def refuses(leaf: int) -> bool:
        if leaf in refused and setting.target.sizes[-1] == 1:
            tries[leaf] = tries.get(leaf, 0) + 1
        return leaf in refused

    setting.target.refuses = refuses

    setting.run_to_the_end()

    assert setting.target.taken == [leaf for leaf in range(300) if leaf not in refused]
    assert setting.exports.dead("told:", 10) == [(leaf, "400") for leaf in reversed(refused)]
    assert set(tries.values()) == {5}
    assert setting.state.failures == 0


@given(st.sets(st.integers(0, 149), max_size=8), st.booleans())
def test_whatever_is_refused_all_the_rest_arrives_once(refused: set[int], which: bool) -> None:
    exports = MemoryExports(150)
    setting = Setting(exports, TestClock())
    setting.target.refuses = lambda leaf: leaf in refused
    setting.target.says_which = which

    setting.run_to_the_end()

    assert setting.target.taken == [leaf for leaf in range(150) if leaf not in refused]
    assert sorted(exports.deads) == sorted(refused)


def test_an_index_that_cannot_be_is_not_believed() -> None:
    pace = Pace()

    pace.refused(10, 8, 99)

    assert pace.limit(10) == 4


def test_a_sink_that_refuses_everything_does_not_put_the_whole_log_aside() -> None:
    exports = MemoryExports(500)
    setting = Setting(exports, TestClock())
    setting.target.refuses = lambda leaf: True
    at = setting.clock.monotonic()

    while setting.clock.monotonic() - at < 6 * 3_600:
        setting.run()

    assert MAX_DEAD_IN_A_ROW < len(exports.deads) < MAX_DEAD_IN_A_ROW + 25


def test_of_many_refused_events_few_are_told() -> None:
    setting = Setting(MemoryExports(400), TestClock())
    setting.target.refuses = lambda leaf: leaf % 10 == 3

    setting.run_to_the_end()

    told = [report for report in setting.reports if report.code == "dead_letter"]
    assert 1 <= len(told) <= 3
    assert told[0].leaf_index == 3
    assert told[0].error == "400"
