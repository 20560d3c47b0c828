"""Guessing is slow for whoever guesses, and for nobody else."""

from __future__ import annotations

import pytest

from flask_jafsec.identity.sign_in_throttle import (
    FORGOTTEN_AFTER_S,
    FREE_FAILURES,
    MAX_WAIT_S,
    SignInThrottle,
)
from tests.identity.rights_setting import HOME, StillClock

NAME = "a" * 32


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def throttle(clock: StillClock) -> SignInThrottle:
    return SignInThrottle(clock)


def fail(throttle: SignInThrottle, times: int, source: str = HOME, name: str = NAME) -> None:
    for _ in range(times):
        throttle.failed(name, source)


@pytest.mark.parametrize(
    ("failures", "wait_s"),
    [
        pytest.param(0, 0, id="none"),
        pytest.param(FREE_FAILURES - 1, 0, id="people mistype"),
        pytest.param(5, 1, id="the fifth"),
        pytest.param(6, 2, id="each doubles it"),
        pytest.param(7, 4, id="and again"),
        pytest.param(13, 256, id="up to"),
        pytest.param(14, MAX_WAIT_S, id="five minutes"),
        pytest.param(10_000, MAX_WAIT_S, id="and no longer"),
    ],
)
def test_the_wait_doubles_up_to_five_minutes(
    throttle: SignInThrottle, failures: int, wait_s: float
) -> None:
    fail(throttle, failures)

    assert throttle.wait_s(NAME, HOME) == wait_s


def test_a_wait_passes(throttle: SignInThrottle, clock: StillClock) -> None:
    fail(throttle, 7)

    clock.advance(3)
    assert throttle.wait_s(NAME, HOME) == 1
    clock.advance(1)
    assert throttle.wait_s(NAME, HOME) == 0

    fail(throttle, 1)
    assert throttle.wait_s(NAME, HOME) == 8


@pytest.mark.parametrize(
    ("name", "source"),
    [
        pytest.param(NAME, "192.0.2.8", id="the victim elsewhere"),
        pytest.param("b" * 32, HOME, id="a neighbour of the guesser"),
    ],
)
def test_a_guesser_slows_nobody_else_down(throttle: SignInThrottle, name: str, source: str) -> None:
    fail(throttle, 1_000)

    assert throttle.wait_s(name, source) == 0


def test_where_the_source_is_unknown_nobody_waits_longer_than_two_seconds(
    throttle: SignInThrottle,
) -> None:
    fail(throttle, 1_000, source="")

    assert throttle.wait_s(NAME, "") == 2


def test_a_right_password_ends_the_waiting(throttle: SignInThrottle) -> None:
    fail(throttle, 10)

    throttle.succeeded(NAME, HOME)

    assert throttle.wait_s(NAME, HOME) == 0
    fail(throttle, FREE_FAILURES - 1)
    assert throttle.wait_s(NAME, HOME) == 0


def test_an_hour_without_a_failure_is_forgiven(throttle: SignInThrottle, clock: StillClock) -> None:
    fail(throttle, 10)
    clock.advance(FORGOTTEN_AFTER_S - 1)
    fail(throttle, 1)
    assert throttle.wait_s(NAME, HOME) == 64

    clock.advance(FORGOTTEN_AFTER_S)
    fail(throttle, 1)

    assert throttle.wait_s(NAME, HOME) == 0


def test_a_flood_of_names_is_bounded_and_forgets_the_oldest_first(clock: StillClock) -> None:
    throttle = SignInThrottle(clock, max_remembered=100)
    fail(throttle, 7)
    for number in range(99):
        throttle.failed(str(number), HOME)
    fail(throttle, 1)

    for number in range(1_000, 1_099):
        throttle.failed(str(number), HOME)

    assert len(throttle) == 100
    assert throttle.wait_s(NAME, HOME) == 8
