"""The arithmetic of a bucket: what is let through, what is left, how long to wait."""

from __future__ import annotations

from math import ceil, inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.limiting.buckets import FULL, take


def taken(times: int, limit: int, window_s: int, at: float = 0.0) -> float:
    """Return the state of a bucket from which *times* were taken at once."""
    state = FULL
    for _ in range(times):
        state = take(state, at, limit, window_s)[0]
    return state


@pytest.mark.parametrize(
    ("before", "wait_s", "allowed", "left", "retry_after_s", "reset_after_s"),
    [
        pytest.param(0, 0, True, 19, 0, 3, id="fresh bucket"),
        pytest.param(1, 0, True, 18, 0, 6, id="the second"),
        pytest.param(19, 0, True, 0, 0, 60, id="the last one"),
        pytest.param(20, 0, False, 0, 3, 60, id="emptied at once"),
        pytest.param(20, 1, False, 0, 2, 59, id="a second later"),
        pytest.param(20, 2.99, False, 0, 0.01, 57.01, id="a moment too early"),
        pytest.param(20, 3, True, 0, 0, 60, id="one back after three seconds"),
        pytest.param(20, 30, True, 9, 0, 33, id="half of it after half the window"),
        pytest.param(20, 60, True, 19, 0, 3, id="all of it after the window"),
        pytest.param(20, 10_000, True, 19, 0, 3, id="never more than all of it"),
    ],
)
def test_twenty_a_minute(
    before: int, wait_s: float, allowed: bool, left: int, retry_after_s: float, reset_after_s: float
) -> None:
    said = take(taken(before, 20, 60), wait_s, 20, 60)[1:]

    assert said[:2] == (allowed, left)
    assert said[2:] == pytest.approx((retry_after_s, reset_after_s))


@pytest.mark.parametrize(
    ("before", "cost", "allowed", "left", "retry_after_s"),
    [
        pytest.param(0, 10, True, 0, 0, id="the whole bucket"),
        pytest.param(0, 11, False, 10, inf, id="dearer than the bucket"),
        pytest.param(7, 3, True, 0, 0, id="just enough"),
        pytest.param(7, 4, False, 3, 1, id="one short"),
        pytest.param(10, 10, False, 0, 10, id="all of it, from nothing"),
    ],
)
def test_a_request_may_cost_more(
    before: int, cost: int, allowed: bool, left: int, retry_after_s: float
) -> None:
    said = take(taken(before, 10, 10), 0.0, 10, 10, cost)[1:]

    assert said[:2] == (allowed, left)
    assert said[2] == pytest.approx(retry_after_s)


def test_a_refused_request_takes_nothing() -> None:
    state = taken(5, 5, 60)

    for _ in range(100):
        after, allowed, *_ = take(state, 1.0, 5, 60)
        assert (after, allowed) == (state, False)


@pytest.mark.parametrize("ahead_s", [61.0, 3_600.0, 1e9, inf])
def test_a_state_from_beyond_the_window_is_an_empty_bucket_and_no_worse(ahead_s: float) -> None:
    _, allowed, left, retry_after_s, reset_after_s = take(ahead_s, 0.0, 20, 60)

    assert (allowed, left) == (False, 0)
    assert (retry_after_s, reset_after_s) == pytest.approx((3.0, 60.0))


def test_two_an_hour_is_not_two_a_burst_every_moment() -> None:
    state, passed = FULL, []
    for second in range(0, 7_200, 60):
        state, allowed, *_ = take(state, float(second), 2, 3_600)
        if allowed:
            passed.append(second)

    assert passed == [0, 60, 1_800, 3_600, 5_400]


LIMITS = st.integers(1, 1_000)
WINDOWS = st.integers(1, 31 * 86_400)
STEPS = st.lists(st.floats(0, 1e4, allow_subnormal=False), max_size=60)


@given(LIMITS, WINDOWS, STEPS)
def test_no_window_lets_more_through_than_two_limits_and_no_run_more_than_its_share(
    limit: int, window_s: int, steps: list[float]
) -> None:
    state, now, times = FULL, 0.0, []
    for step in steps:
        now += step
        for _ in range(3):
            state, allowed, *_ = take(state, now, limit, window_s)
            if allowed:
                times.append(now)

    for first in range(len(times)):
        for last in range(first, len(times)):
            share = limit + (times[last] - times[first]) * limit / window_s
            assert last - first + 1 <= share + 0.01


@given(LIMITS, WINDOWS, st.integers(1, 1_000), st.floats(0, 1e6))
def test_retry_after_is_exact(limit: int, window_s: int, cost: int, at: float) -> None:
    state = taken(limit, limit, window_s, at)
    after, allowed, _, retry_after_s, _ = take(state, at, limit, window_s, cost)
    assert (after, allowed) == (state, False)
    if cost > limit:
        assert retry_after_s == inf
        return

    token_s = window_s / limit
    # Times near 1e6 carry about 1e-10 s of noise, the slack is a thousandth of a token.
    assert take(state, at + retry_after_s, limit, window_s, cost)[1]
    assert not take(state, at + retry_after_s - 0.01 * token_s, limit, window_s, cost)[1]
    assert take(state, at + ceil(retry_after_s), limit, window_s, cost)[1]


@given(LIMITS, WINDOWS, st.floats(0, 1e6))
def test_the_whole_limit_fits_and_is_counted_down_to_nothing(
    limit: int, window_s: int, at: float
) -> None:
    state, left = FULL, []
    for _ in range(limit):
        state, allowed, remaining, *_ = take(state, at, limit, window_s)
        assert allowed
        left.append(remaining)

    assert left == list(range(limit - 1, -1, -1))
    assert not take(state, at, limit, window_s)[1]
