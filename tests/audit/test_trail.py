"""The trail: sinks, changes, chores, and how it ends; slow sinks are tested beside this."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from flask_jafsec.audit.trail import BATCH, Trail
from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.events import Event
from flask_jafsec.protocols import Tables
from flask_jafsec.stores.memory import MemoryStore
from flask_jafsec.testing import CapturedEvents, FrozenClock
from tests.audit.hostile import WORST
from tests.audit.trail_setting import CHANGE, event, reasons


class BrokenSink:
    """Fails, always."""

    def __init__(self) -> None:
        self.offered = 0

    def write(self, events: Sequence[Event]) -> None:
        self.offered += len(events)
        raise OSError("the disk is full")


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def kept() -> CapturedEvents:
    return CapturedEvents()


@pytest.fixture
def trail(clock: FrozenClock, kept: CapturedEvents) -> Iterator[Trail]:
    trail = Trail(MemoryStore(), [kept], clock)
    yield trail
    trail.close()


# -- sinks --


def test_events_come_in_order_in_batches_to_every_sink(clock: FrozenClock) -> None:
    class Sizes(CapturedEvents):
        def __init__(self) -> None:
            super().__init__()
            self.sizes: list[int] = []

        def write(self, events: Sequence[Event]) -> None:
            self.sizes.append(len(events))
            super().write(events)

    first, second = Sizes(), CapturedEvents()
    trail = Trail(MemoryStore(), [first, second], clock)

    for number in range(BATCH * 4):
        trail.record(event(reason=str(number)))
    trail.close()

    assert reasons(first) == reasons(second) == [str(number) for number in range(BATCH * 4)]
    assert max(first.sizes) <= BATCH


def test_a_broken_sink_does_not_stop_the_others_and_is_said(
    clock: FrozenClock, kept: CapturedEvents, caplog: pytest.LogCaptureFixture
) -> None:
    broken = BrokenSink()
    trail = Trail(MemoryStore(), [broken, kept], clock)

    with caplog.at_level(logging.ERROR, "flask_jafsec.audit"):
        for number in range(3):
            trail.record(event(reason=str(number)))
            trail.close()

    assert reasons(kept) == ["0", "1", "2"]
    assert broken.offered == 3
    assert "the sink BrokenSink lost 1 event(s)" in caplog.text


def test_without_a_sink_nothing_is_kept_and_nothing_breaks(clock: FrozenClock) -> None:
    trail = Trail(MemoryStore(), [], clock)

    trail.record(event())
    trail.close()


class Quitting(CapturedEvents):
    """A sink whose own code ends the process."""

    def write(self, events: Sequence[Event]) -> None:
        raise SystemExit(3)


def test_a_sink_that_quits_ends_only_itself(clock: FrozenClock, kept: CapturedEvents) -> None:
    trail = Trail(MemoryStore(), [Quitting(), kept], clock)

    for number in range(3):
        trail.record(event(reason=str(number)))
        trail.close()

    assert reasons(kept) == ["0", "1", "2"]


@pytest.mark.parametrize("field", [*Event.__slots__])
def test_nothing_an_event_holds_makes_recording_raise(trail: Trail, field: str) -> None:
    for value in WORST:
        given: dict[str, Any] = {field: value}
        trail.record(replace(event(), **given))


# -- changes --


def test_an_event_of_a_change_follows_its_commit(trail: Trail, kept: CapturedEvents) -> None:
    def change(tables: Tables) -> str:
        tables.facts.put("name", "value")
        return "what the change returns"

    assert trail.commit_with(event(CHANGE), change) == "what the change returns"

    trail.close()
    assert len(kept.of(CHANGE)) == 1
    with trail._store.reading() as tables:
        assert tables.facts.get("name") == "value"


def test_a_change_that_fails_leaves_neither_a_trace_nor_an_event(
    trail: Trail, kept: CapturedEvents
) -> None:
    def change(tables: Tables) -> None:
        tables.facts.put("name", "value")
        raise StoreUnavailable("in the middle")

    with pytest.raises(StoreUnavailable):
        trail.commit_with(event(CHANGE), change)

    trail.close()
    assert kept.all() == []
    with trail._store.reading() as tables:
        assert tables.facts.get("name") is None


# -- closing, and beginning again --


def test_close_writes_what_waits_and_every_open_count(trail: Trail, kept: CapturedEvents) -> None:
    for _ in range(100):
        trail.record(event(reason="single"))
    window = trail.counts.window(("refusal", "x", "192.0.2.7"), 60.0)
    for _ in range(25):
        window.tick()
    window.event = event(reason="counted")

    trail.close()

    assert reasons(kept).count("single") == 100
    (counted,) = [found for found in kept.all() if found.reason == "counted"]
    assert counted.count == 5


def test_after_closing_the_next_event_starts_it_again(trail: Trail, kept: CapturedEvents) -> None:
    for number in range(3):
        trail.record(event(reason=str(number)))
        trail.close()
        trail.close()

    assert reasons(kept) == ["0", "1", "2"]


def test_the_writers_thread_does_not_keep_the_process_alive(trail: Trail) -> None:
    trail.record(event())

    assert trail._writer is not None
    assert trail._writer.daemon


# -- chores --


def test_chores_run_with_every_tick_and_are_told_of_the_last_time(trail: Trail) -> None:
    told: list[bool] = []
    trail.add_chore(told.append)

    trail._tick()
    trail._tick()
    trail.close()

    assert told == [False, False, True]


def test_a_chore_that_fails_stops_neither_the_others_nor_the_events(
    trail: Trail, kept: CapturedEvents, caplog: pytest.LogCaptureFixture
) -> None:
    is_down = [True]

    def fail(last: bool) -> None:
        if is_down[0]:
            raise StoreUnavailable("down")

    told: list[bool] = []
    trail.add_chore(fail)
    trail.add_chore(told.append)

    with caplog.at_level(logging.ERROR, "flask_jafsec.audit"):
        trail.record(event(reason="kept"))
        trail._tick()
        trail.close()
    is_down.clear()
    is_down.append(False)

    assert told == [False, True]
    assert reasons(kept) == ["kept"]
    assert "a chore of the audit trail failed" in caplog.text
