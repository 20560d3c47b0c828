"""A sink that is too slow: what is dropped and said, what waits, what a fork leaves behind."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from flask_jafsec.audit.direct import InTurn
from flask_jafsec.audit.trail import MAX_WAITING, Trail
from flask_jafsec.events import Event, EventType, Outcome, Severity
from flask_jafsec.stores.memory import MemoryStore
from flask_jafsec.testing import CapturedEvents, FrozenClock
from tests.audit.trail_setting import CHANGE, REFUSAL, ROUTINE, event, reasons

#: How long a thread of a test may take, in seconds; only a broken rule takes it.
PATIENCE_S = 30.0


class SlowSink(CapturedEvents):
    """Takes nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.has_begun = threading.Event()
        self.go_on = threading.Event()

    def write(self, events: Sequence[Event]) -> None:
        self.has_begun.set()
        assert self.go_on.wait(PATIENCE_S)
        super().write(events)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def slow() -> SlowSink:
    return SlowSink()


@pytest.fixture
def stuck(slow: SlowSink, clock: FrozenClock) -> Iterator[Trail]:
    """A trail whose sink has taken one event and works on it."""
    trail = Trail(MemoryStore(), [slow], clock, room_wait_s=0.0)
    trail.record(event())
    assert slow.has_begun.wait(PATIENCE_S)
    yield trail
    slow.go_on.set()
    trail.close()


@pytest.mark.parametrize("event_type", [REFUSAL, ROUTINE])
def test_refusals_and_routine_are_bounded_and_what_was_dropped_is_said(
    stuck: Trail, slow: SlowSink, event_type: EventType
) -> None:
    one = event(event_type)
    for _ in range(MAX_WAITING + 500):
        stuck.record(one)
    stuck.record(replace(one, count=7))
    assert stuck._waiting.qsize() <= MAX_WAITING + 1

    slow.go_on.set()
    stuck.close()

    (said,) = slow.of(EventType.SINK_DROPPED)
    written = len(slow.all()) - 1
    assert written <= MAX_WAITING + 2
    # The one that was being written comes to what was recorded.
    assert written + said.count == 1 + MAX_WAITING + 500 + 7
    assert (said.severity, said.outcome, said.reason, said.actor) == (
        Severity.ERROR,
        Outcome.FAIL,
        "sinks_too_slow",
        "system",
    )


def test_changes_are_never_dropped(stuck: Trail, slow: SlowSink) -> None:
    for _ in range(MAX_WAITING + 10):
        stuck.record(event())
    for number in range(300):
        stuck.record(event(CHANGE, f"recorded {number}"))
        stuck.commit_with(event(CHANGE, f"committed {number}"), lambda tables: None)

    slow.go_on.set()
    stuck.close()

    expected = [f"{how} {n}" for n in range(300) for how in ("recorded", "committed")]
    assert [found.reason for found in slow.of(CHANGE)] == expected


def test_that_events_were_dropped_is_said_once_at_the_next_tick(
    stuck: Trail, slow: SlowSink
) -> None:
    for _ in range(MAX_WAITING + 11):
        stuck.record(event())
    stuck._tick()
    stuck._tick()

    slow.go_on.set()
    stuck.close()

    (said,) = slow.of(EventType.SINK_DROPPED)
    assert said.count == 10


def test_recording_never_waits_for_a_sink(stuck: Trail) -> None:
    recorder = threading.Thread(target=stuck.record, args=(event(CHANGE),))
    recorder.start()
    recorder.join(PATIENCE_S)

    assert not recorder.is_alive()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_the_child_of_a_fork_begins_again_and_leaves_the_parents_events_to_it(
    stuck: Trail, slow: SlowSink
) -> None:
    stuck.record(event(reason="the parent's"))
    stuck._lock.acquire()  # another thread starts the writer just now
    reading, writing = os.pipe()

    child = os.fork()
    if child == 0:
        theirs = CapturedEvents()
        stuck._direct = InTurn([theirs], stuck._losses)
        stuck.record(event(reason="the child's"))
        stuck.close()
        os.write(writing, ",".join(reasons(theirs)).encode())
        os._exit(0)
    os.close(writing)
    stuck._lock.release()
    os.waitpid(child, 0)

    with os.fdopen(reading) as told:
        assert told.read() == "the child's"
    slow.go_on.set()
    stuck.close()
    assert reasons(slow) == ["", "the parent's"]
