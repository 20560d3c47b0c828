"""Equal decisions are counted, exactly, and each count is written once."""

from __future__ import annotations

import threading

import pytest

from flask_jafsec.audit.counting import SINGLE_REFUSALS, Counts
from flask_jafsec.events import Event, EventType
from flask_jafsec.testing import FrozenClock

KEY = ("refusal", "credential_invalid", "192.0.2.1")


def refuse(counts: Counts, now: float, key: tuple[str, ...] = KEY) -> bool:
    """Do what the pipeline does; return whether this one is written singly."""
    window = counts.window(key, now)
    if window.tick() <= SINGLE_REFUSALS:
        return True
    window.last_at = now
    if window.event is None:
        at = FrozenClock().now()
        window.event = Event(id=window.id, type=EventType.TOKEN_REJECTED, at=at)
    return False


@pytest.fixture
def emitted() -> list[Event]:
    return []


@pytest.fixture
def counts(emitted: list[Event]) -> Counts:
    return Counts(emitted.append)


def test_the_first_twenty_refusals_of_a_minute_are_single(counts: Counts) -> None:
    singles = [refuse(counts, 60.0) for _ in range(25)]

    assert singles == [True] * 20 + [False] * 5


def test_the_rest_of_the_minute_is_one_event_with_the_number(
    counts: Counts, emitted: list[Event]
) -> None:
    for second in range(50):
        refuse(counts, 60.0 + second)

    counts.flush(121.0)
    counts.flush(123.0)

    assert [event.count for event in emitted] == [30]
    assert emitted[0].until is not None
    assert emitted[0].until.timestamp() == 109.0


def test_a_minute_with_few_refusals_leaves_no_count(counts: Counts, emitted: list[Event]) -> None:
    for _ in range(20):
        refuse(counts, 60.0)

    counts.flush(1_000.0, everything=True)

    assert emitted == []


def test_a_new_minute_begins_with_single_ones_again(counts: Counts, emitted: list[Event]) -> None:
    for _ in range(30):
        refuse(counts, 60.0)

    assert refuse(counts, 120.0) is True

    counts.flush(125.0, everything=True)
    assert [event.count for event in emitted] == [10]


def test_every_caller_has_a_window_of_its_own(counts: Counts) -> None:
    for _ in range(30):
        refuse(counts, 60.0)

    assert refuse(counts, 60.0, ("refusal", "credential_invalid", "192.0.2.2")) is True


def test_a_count_is_written_once_however_often_it_is_flushed(
    counts: Counts, emitted: list[Event]
) -> None:
    for _ in range(30):
        refuse(counts, 60.0)

    for now in range(120, 130):
        counts.flush(float(now))

    assert [event.count for event in emitted] == [10]


def test_a_flood_of_callers_closes_the_oldest_windows_and_loses_no_count(
    emitted: list[Event],
) -> None:
    counts = Counts(emitted.append, max_open=100)

    for caller in range(1_000):
        for _ in range(21):
            refuse(counts, 60.0, ("refusal", "x", str(caller)))
    counts.flush(62.0, everything=True)

    assert sum(event.count for event in emitted) == 1_000


def test_eight_threads_count_exactly(emitted: list[Event]) -> None:
    counts = Counts(emitted.append)
    singles: list[bool] = []

    def flood() -> None:
        singles.extend([refuse(counts, 60.0) for _ in range(2_000)])

    threads = [threading.Thread(target=flood) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts.flush(200.0, everything=True)

    assert singles.count(True) == 20
    assert sum(event.count for event in emitted) == 8 * 2_000 - 20
