"""Charts: every bar is where and as high as it should be, and a sentence says the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.audit.search_results import Bar
from flask_jafsec.events import Outcome

#: Its folder has another name, under which mypy does not find it.
drawing = import_module("flask_jafsec_console.drawing")

START = datetime(2026, 11, 20, tzinfo=UTC)
HOUR_US = 3_600_000_000


def bar(hour: int, *, is_partial: bool = False, **decisions: int) -> Bar:
    """Return the bar of one hour."""
    start = int(START.timestamp() * 1_000_000) + hour * HOUR_US
    of = {Outcome(name): amount for name, amount in decisions.items()}
    return Bar(start, start + HOUR_US, {}, of, is_partial)


def hours(number: int) -> datetime:
    return START + timedelta(hours=number)


def test_what_was_done_is_drawn_with_what_was_allowed() -> None:
    chart = drawing.drawing([bar(0, allow=3, done=2, deny=4, fail=1)], hours(5))

    assert chart.bars[0].parts == (("allowed", 5), ("denied", 4), ("failed", 1))
    assert chart.bars[0].total == 10
    assert chart.totals == {"allowed": 5, "denied": 4, "failed": 1}


def test_the_highest_bar_is_named_and_nothing_where_nothing_happened() -> None:
    chart = drawing.drawing([bar(0, allow=1), bar(1, allow=9), bar(2)], hours(5))
    empty = drawing.drawing([bar(0), bar(1)], hours(5))

    assert chart.peak.start == hours(1)
    assert empty.peak is None
    assert drawing.drawing([], hours(5)).bars == ()


def test_the_bar_that_is_not_over_is_paler() -> None:
    chart = drawing.drawing([bar(0), bar(1), bar(2, is_partial=True)], hours(1))

    assert [one.is_partial for one in chart.bars] == [False, True, True]


@given(amount=st.integers(0, 10**12))
def test_the_axis_ends_at_a_round_number_above_every_bar(amount: int) -> None:
    top = drawing.drawing([bar(0, allow=amount)], hours(5)).top

    assert top >= max(amount, 2)
    assert top % 2 == 0
    assert top <= max(2, 2 * amount)
    assert str(top).rstrip("0") in ("1", "2", "4", "6", "8")


@pytest.mark.parametrize(
    ("bars", "ticks"),
    [
        (24, ("00:00", "06:00", "12:00", "18:00", "00:00")),
        (72, ("20 Nov", "20 Nov", "21 Nov", "22 Nov", "23 Nov")),
        (2, ("00:00", "01:00", "02:00")),
        (0, ()),
    ],
)
def test_labels_name_the_hours_of_a_day_and_the_days_of_more(
    bars: int, ticks: tuple[str, ...]
) -> None:
    assert drawing.drawing([bar(hour) for hour in range(bars)], hours(99)).ticks == ticks


def test_a_chart_of_events_counts_each_once_however_many_decisions_it_stands_for() -> None:
    start = int(START.timestamp() * 1_000_000)
    counted = Bar(start, start + HOUR_US, {Outcome.DENY: 2}, {Outcome.DENY: 700}, is_partial=False)

    drawn = drawing.drawing([counted], hours(5), drawing.events_of)

    assert drawn.totals["denied"] == 2


def test_a_line_goes_through_every_amount() -> None:
    assert drawing.points((0, 5, 10)) == "0.0,22.0 48.0,12.0 96.0,2.0"
    assert drawing.points((0, 0)) == "0.0,22.0 96.0,22.0"
    assert drawing.points((7,)) == "0.0,2.0"
