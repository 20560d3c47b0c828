"""Sinks with threads of their own: a stuck one costs nobody anything but its own lines."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Sequence

import pytest

from flask_jafsec.audit.direct import Apart, Feed, InTurn
from flask_jafsec.audit.losses import AGAIN_S, Losses
from flask_jafsec.audit.sinks.lines import StreamStuck
from flask_jafsec.events import Event, EventType, Severity
from flask_jafsec.testing import CapturedEvents, FrozenClock
from tests.audit.trail_setting import event, reasons

#: How long a thread of a test may take, in seconds; only a broken rule takes it.
PATIENCE_S = 30.0


class Held(CapturedEvents):
    """Takes nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.has_begun = threading.Event()
        self.go_on = threading.Event()

    def write(self, events: Sequence[Event]) -> None:
        self.has_begun.set()
        assert self.go_on.wait(PATIENCE_S)
        super().write(events)


class Unread(CapturedEvents):
    """A stream nobody reads, which knows it."""

    def write(self, events: Sequence[Event]) -> None:
        raise StreamStuck("nobody reads the stream")


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def losses(clock: FrozenClock) -> Losses:
    return Losses(clock)


@pytest.fixture
def held() -> Iterator[Held]:
    sink = Held()
    yield sink
    sink.go_on.set()


def lost(losses: Losses) -> list[tuple[str, object, int]]:
    return [(said.reason, said.facts["sink"], said.count) for said in losses.due(everything=True)]


def batch(*names: str) -> list[Event]:
    return [event(reason=name) for name in names]


# -- one sink --


def test_events_come_in_order_and_stopping_waits_for_them(losses: Losses) -> None:
    sink = CapturedEvents()
    feed = Feed(sink, losses)

    for number in range(500):
        feed.offer(batch(str(number)))
    feed.stop()

    assert reasons(sink) == [str(number) for number in range(500)]
    assert lost(losses) == []


def test_a_stopped_one_starts_again(losses: Losses) -> None:
    sink = CapturedEvents()
    feed = Feed(sink, losses)

    for number in range(3):
        feed.offer(batch(str(number)))
        feed.stop()
        feed.stop()

    assert reasons(sink) == ["0", "1", "2"]


def test_a_sink_that_hangs_keeps_nobody_waiting_and_what_is_too_much_is_counted(
    losses: Losses, held: Held
) -> None:
    feed = Feed(held, losses, max_waiting=10)
    feed.offer(batch("first"))
    assert held.has_begun.wait(PATIENCE_S)

    for number in range(20):
        feed.offer(batch(str(number)))
    held.go_on.set()
    feed.stop()

    assert reasons(held) == ["first", *map(str, range(9))]
    assert lost(losses) == [("sink_stuck", "Held", 11)]


def test_stopping_waits_for_a_bounded_time_only(losses: Losses, held: Held) -> None:
    feed = Feed(held, losses, flush_timeout_s=0.05)
    feed.offer(batch("in its hands"))
    assert held.has_begun.wait(PATIENCE_S)
    feed.offer(batch("waits", "too"))

    feed.stop()

    assert lost(losses) == [("sink_stuck", "Held", 2)]


def test_behind_a_thread_that_hangs_no_other_is_started(losses: Losses, held: Held) -> None:
    feed = Feed(held, losses, flush_timeout_s=0.05)
    feed.offer(batch("in its hands"))
    assert held.has_begun.wait(PATIENCE_S)
    feed.stop()
    before = threading.active_count()

    feed.offer(batch("lost"))
    feed.stop()

    assert threading.active_count() == before
    assert lost(losses) == [("sink_stuck", "Held", 1)]


def test_when_it_hangs_no_more_it_gets_what_comes(losses: Losses, held: Held) -> None:
    feed = Feed(held, losses, flush_timeout_s=0.05)
    feed.offer(batch("in its hands"))
    assert held.has_begun.wait(PATIENCE_S)
    (hanging,) = [one for one in threading.enumerate() if one.name == "jafsec-sink"]
    feed.stop()
    held.go_on.set()
    hanging.join(PATIENCE_S)

    feed.offer(batch("after"))
    feed.stop()

    assert reasons(held) == ["in its hands", "after"]


def test_without_a_thread_what_waits_is_written_at_the_end(
    losses: Losses, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    sink = CapturedEvents()
    feed = Feed(sink, losses)
    monkeypatch.setattr(threading.Thread, "start", start)

    feed.offer(batch("a"))
    feed.offer(batch("b"))
    feed.stop()

    assert reasons(sink) == ["a", "b"]


def test_without_a_thread_a_stream_that_nobody_reads_is_tried_once(
    losses: Losses, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    feed = Feed(Unread(), losses)
    monkeypatch.setattr(threading.Thread, "start", start)

    feed.offer(batch("a"))
    feed.offer(batch("b", "c"))
    feed.stop()

    assert lost(losses) == [("sink_stuck", "Unread", 3)]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_the_child_of_a_fork_has_a_thread_of_its_own(losses: Losses, held: Held) -> None:
    feed = Feed(held, losses)
    feed.offer(batch("the parent's"))
    assert held.has_begun.wait(PATIENCE_S)
    feed.offer(batch("the parent's too"))
    reading, writing = os.pipe()
    feed._lock.acquire()  # another thread offers something just now

    child = os.fork()
    if child == 0:
        held.go_on.set()
        feed.begin_again()
        feed.offer(batch("the child's"))
        feed.stop()
        os.write(writing, ",".join(reasons(held)).encode())
        os._exit(0)
    os.close(writing)
    feed._lock.release()
    os.waitpid(child, 0)

    with os.fdopen(reading) as told:
        assert told.read() == "the child's"
    held.go_on.set()
    feed.stop()
    assert reasons(held) == ["the parent's", "the parent's too"]


# -- several --


def test_a_sink_that_hangs_keeps_no_other_waiting(losses: Losses, held: Held) -> None:
    other = CapturedEvents()
    sinks = Apart([held, other], losses)
    sinks.write(batch("a"))
    assert held.has_begun.wait(PATIENCE_S)

    sinks.write(batch("b"))
    (_, feed) = sinks._feeds
    feed.stop()

    assert reasons(other) == ["a", "b"]
    held.go_on.set()
    sinks.stop()


@pytest.mark.parametrize("kind", [Apart, InTurn])
def test_an_error_is_said_and_a_stream_nobody_reads_is_counted(
    losses: Losses, kind: type[Apart | InTurn], caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(CapturedEvents):
        def write(self, events: Sequence[Event]) -> None:
            raise OSError("the disk is full")

    last = CapturedEvents()
    sinks = kind([Broken(), Unread(), last], losses)

    with caplog.at_level(logging.ERROR, "flask_jafsec.audit"):
        sinks.write(batch("a", "b"))
        sinks.stop()

    assert [record.getMessage() for record in caplog.records] == ["the sink Broken lost 2 event(s)"]
    assert lost(losses) == [("sink_stuck", "Unread", 2)]
    assert reasons(last) == ["a", "b"]


# -- what is said of it --


def test_losses_are_said_at_once_and_then_once_a_minute(losses: Losses, clock: FrozenClock) -> None:
    losses.add("sink_stuck", 3, sink="JsonLog")
    (first,) = losses.due()
    losses.add("sink_stuck", 4, sink="JsonLog")
    losses.add("sink_stuck", 5, sink="JsonLog")
    assert losses.due() == []
    losses.add("sinks_too_slow", 1)
    (other,) = losses.due()

    clock.advance(AGAIN_S)
    (second,) = losses.due()
    clock.advance(AGAIN_S)

    assert (first.type, first.severity, first.actor) == (
        EventType.SINK_DROPPED,
        Severity.ERROR,
        "system",
    )
    assert (first.count, second.count, other.count) == (3, 9, 1)
    assert (other.reason, dict(other.facts)) == ("sinks_too_slow", {})
    assert losses.due(everything=True) == []


def test_at_the_end_all_of_it_is_said(losses: Losses) -> None:
    losses.add("sink_stuck", 3, sink="JsonLog")
    losses.due()
    losses.add("sink_stuck", 4, sink="JsonLog")

    assert [said.count for said in losses.due(everything=True)] == [4]
