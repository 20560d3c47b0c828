"""The trail on a durable log: who waits for the disk, who for room, and what a fork makes of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from flask_jafsec.audit.trail import MAX_WAITING, Trail
from flask_jafsec.errors import AuditUnavailable, Conflict, StoreUnavailable
from flask_jafsec.events import EventClass, EventType
from flask_jafsec.protocols import Tables
from flask_jafsec.stores.audit_tables import WRITER
from tests.audit.log_setting import (
    codes_by_writer,
    database_url,
    event,
    raise_epoch,
    rows_in,
)
from tests.audit.trail_on_disk import Gate, Opened, refusal, trail_on

# Python 3.12 and newer warn of what is tested here: a fork while other threads run.
pytestmark = pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded:DeprecationWarning"
)


@pytest.fixture(params=["sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    with trail_on(database_url(request, request.param), tmp_path / "spool") as made:
        yield made


@pytest.fixture
def on_sqlite(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    with trail_on(database_url(request, "sqlite"), tmp_path / "spool") as made:
        yield made


def in_thread(action: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=action)
    thread.start()
    return thread


def test_chores_leave_a_database_alone_that_does_not_answer(on_sqlite: Opened) -> None:
    # They run on the writer's thread: each would keep every change waiting once more.
    trail, _, log, _ = on_sqlite
    told: list[bool] = []
    trail.record(event())
    with log.store.transaction("tables", writing=True) as transaction:
        transaction.change(text("ALTER TABLE jafsec_audit_event RENAME TO gone"))
    trail.record(event())
    trail.add_chore(told.append)

    trail._tick()
    assert told == []
    log.later()
    trail._tick()

    assert told
    assert not any(told)


# -- who waits --


def test_a_change_is_durable_before_record_returns(opened: Opened) -> None:
    trail, _, log, _ = opened
    one = event()

    trail.record(one)

    assert log.kept() == [one.code]


def test_commit_with_returns_what_the_change_returned_with_both_kept(opened: Opened) -> None:
    trail, _, log, _ = opened
    one = event()

    def change(tables: Tables) -> str:
        tables.raise_epoch()
        return "made"

    assert trail.commit_with(one, change) == "made"
    assert log.store.epoch() == 1
    assert log.kept() == [one.code]


def test_what_a_change_raises_reaches_whoever_asked_and_nothing_is_kept(opened: Opened) -> None:
    trail, _, log, sink = opened

    def refuse(tables: Tables) -> None:
        tables.raise_epoch()
        raise Conflict("no")

    with pytest.raises(Conflict):
        trail.commit_with(event(), refuse)

    trail.record(event(code="after"))
    assert log.kept() == ["after"]
    assert log.store.epoch() == 0
    trail.close()
    assert [one.code for one in sink.all()] == ["after"]


def test_a_refusal_does_not_wait_for_the_disk(on_sqlite: Opened) -> None:
    trail, gate, log, _ = on_sqlite
    gate.open.clear()

    trail.record(refusal(code="refused"))

    gate.arrived.wait()
    gate.open.set()
    trail.close()
    assert log.kept() == ["refused"]


def test_a_setting_makes_refusals_wait(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    waits = (EventClass.CHANGE, EventClass.REFUSAL)
    with trail_on(database_url(request, "sqlite"), tmp_path, waits=waits) as (trail, _, log, _):
        trail.record(refusal(code="refused"))

        assert log.kept() == ["refused"]


def test_without_a_place_to_keep_it_record_refuses_and_the_log_line_is_written(
    request: pytest.FixtureRequest,
) -> None:
    with trail_on(database_url(request, "sqlite"), None) as (trail, gate, _, sink):
        gate.is_away = True
        one = event()

        with pytest.raises(AuditUnavailable):
            trail.record(one)
        with pytest.raises(StoreUnavailable):
            trail.commit_with(event(), raise_epoch)

        trail.close()
        assert sink.all() == [one]


def test_threads_that_wait_share_transactions(opened: Opened) -> None:
    trail, gate, log, _ = opened
    with ThreadPoolExecutor(64) as pool:
        list(pool.map(lambda number: trail.record(event(code=f"c{number}")), range(640)))

    assert sorted(log.kept()) == sorted(f"c{number}" for number in range(640))
    assert gate.transactions < 640 / 4


def test_changes_that_wait_share_transactions_and_keep_their_results(on_sqlite: Opened) -> None:
    trail, gate, log, _ = on_sqlite

    def change(number: int) -> int:
        def act(tables: Tables) -> int:
            if number % 7 == 0:
                raise Conflict("no")
            tables.raise_epoch()
            return number

        try:
            return trail.commit_with(event(), act)
        except Conflict:
            return -1

    with ThreadPoolExecutor(64) as pool:
        results = list(pool.map(change, range(320)))

    assert results == [-1 if number % 7 == 0 else number for number in range(320)]
    made = sum(result >= 0 for result in results)
    assert (log.store.epoch(), len(log.kept())) == (made, made)
    assert gate.transactions < 320 / 4


# -- room --


def fill_up(trail: Trail, gate: Gate) -> None:
    """Let as many events wait as may, behind one that is being written."""
    gate.open.clear()
    trail.record(refusal())
    gate.arrived.wait()
    one = refusal()
    for _ in range(MAX_WAITING + 1):
        trail.record(one)


def test_what_waits_is_bounded_and_what_finds_no_room_is_counted(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = database_url(request, "sqlite")
    with trail_on(url, tmp_path, room_wait_s=0.01) as (trail, gate, log, sink):
        fill_up(trail, gate)

        trail.record(refusal(count=7))
        with pytest.raises(AuditUnavailable):
            trail.record(event(code="no room"))
        with pytest.raises(AuditUnavailable):
            trail.commit_with(event(code="no room"), raise_epoch)

        gate.open.set()
        trail.close()
        assert log.store.epoch() == 0
        (chain,) = codes_by_writer(log.url).values()
        assert "no room" not in chain
        assert len(chain) == MAX_WAITING + 3, "all that waited, and what tells of the rest"
        (dropped,) = sink.of(EventType.SINK_DROPPED)
        assert dropped.count == 7


# -- one writer at a time --


def test_closing_while_others_write_leaves_one_whole_chain(on_sqlite: Opened) -> None:
    trail, _, log, _ = on_sqlite
    codes = [f"c{number}" for number in range(60)]
    stop = threading.Event()

    def close_again_and_again() -> None:
        while not stop.is_set():
            trail.close()

    closing = in_thread(close_again_and_again)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda code: trail.record(event(code=code)), codes))
    stop.set()
    closing.join()

    ((_, found),) = codes_by_writer(log.url).items()
    assert sorted(found) == sorted(codes)


def test_a_thread_that_is_started_while_another_still_writes_waits_for_it(
    on_sqlite: Opened,
) -> None:
    trail, gate, log, _ = on_sqlite
    gate.open.clear()
    trail.record(refusal(code="0"))
    gate.arrived.wait()
    closing = []
    for code in ("1", "2"):
        closing.append(in_thread(trail.close))
        while trail._writer is not None:
            pass
        trail.record(refusal(code=code))

    # How long does not decide: where they do not wait for one another, both are there at once.
    gate.two_at_once.wait(0.3)

    gate.open.set()
    for thread in closing:
        thread.join()
    trail.close()
    assert not gate.two_at_once.is_set()
    assert list(codes_by_writer(log.url).values()) == [["0", "1", "2"]]


def test_a_process_that_ends_says_so_with_its_last_number(on_sqlite: Opened) -> None:
    trail, _, log, _ = on_sqlite
    trail.record(event(code="last"))

    trail.say_goodbye()

    (writer,) = rows_in(log.url, WRITER)
    ((_, codes),) = codes_by_writer(log.url).items()
    assert writer.final_n == len(codes) == 2


def test_a_process_that_recorded_nothing_says_nothing(on_sqlite: Opened) -> None:
    trail, _, log, sink = on_sqlite
    log.store.epoch()

    trail.say_goodbye()

    assert rows_in(log.url, WRITER) == []
    assert sink.all() == []
