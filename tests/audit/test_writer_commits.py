"""The writer when nobody answers a commit: nothing lost, nothing twice, no number given again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from flask_jafsec.errors import AuditUnavailable, StoreUnavailable
from tests.audit.log_setting import (
    Setting,
    codes_by_writer,
    database_url,
    epoch_in,
    event,
    events,
    log_on,
    raise_epoch,
    result_of,
)
from tests.audit.wire import CommitWire, wire_to, wired_log

#: How long something that surely happens may take.
PATIENCE_S = 30.0

Wired = tuple[CommitWire, Setting]


@pytest.fixture
def wired(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Wired]:
    with wired_log(database_url(request, "postgres"), tmp_path / "spool") as made:
        yield made


def test_a_commit_of_unknown_outcome_loses_and_repeats_no_event(wired: Wired) -> None:
    wire, log = wired
    codes = ["first"]
    for was_kept in (True, False) * 20:
        wire.before, wire.after = (0, 1) if was_kept else (1, 0)
        batch = events(3)

        items = log.keep(*batch)

        assert [result_of(item) for item in items] == [None] * 3
        codes += [one.code for one in batch]
    assert codes_by_writer(log.url) == {log.writer.writer_id: codes}
    assert log.journals() == []


def test_a_commit_of_unknown_outcome_makes_no_change_twice_or_without_its_event(
    wired: Wired,
) -> None:
    wire, log = wired
    codes = ["first"]
    for was_kept in (True, False) * 20:
        wire.before, wire.after = (0, 1) if was_kept else (1, 0)

        (item,) = log.carry_out(raise_epoch)

        assert result_of(item) is None
        codes.append(item.event.code)
    assert epoch_in(log.url) == 40
    assert codes_by_writer(log.url) == {log.writer.writer_id: codes}


@pytest.mark.parametrize("was_kept", [True, False])
def test_events_of_unknown_outcome_are_there_once_when_the_database_stays_away(
    wired: Wired, was_kept: bool
) -> None:
    wire, log = wired
    # The second attempt's commit is lost as well, and then the server is gone for a while.
    wire.before, wire.after = (1, 1) if was_kept else (2, 0)

    items = log.keep(*events(2))
    more = log.keep(event())

    assert [result_of(item) for item in (*items, *more)] == [None] * 3
    assert len(log.journals()) == 1
    assert log.spool.bring_in(log.audit)
    assert log.kept() == ["first", *(item.event.code for item in (*items, *more))]


@pytest.mark.parametrize("was_kept", [True, False])
def test_after_an_unknown_outcome_nobody_can_clear_up_no_number_is_given_twice(
    wired: Wired, was_kept: bool
) -> None:
    wire, log = wired
    before = log.writer.writer_id
    wire.before, wire.after = (0, 1) if was_kept else (1, 0)
    wire.then_refuses = True

    (item,) = log.carry_out(raise_epoch)

    with pytest.raises(StoreUnavailable):
        result_of(item)
    assert log.writer.writer_id != before
    assert result_of(log.keep(event(code="next"))[0]) is None
    found = codes_by_writer(log.url)
    assert found == {before: ["first", item.event.code] if was_kept else ["first"]}
    assert [path.stem for path in log.journals()] == [log.writer.writer_id]
    assert epoch_in(log.url) == int(was_kept)


def test_a_commit_that_arrives_late_is_waited_for_before_its_change_is_made_again(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = database_url(request, "postgres")
    with wire_to(url) as (wire, store_url), log_on(url, tmp_path, store_url=store_url) as log:
        log.keep(event(code="first"))
        release = wire.release = threading.Event()
        letting_go = threading.Thread(target=let_go_when_waited_for, args=(url, wire, release))
        letting_go.start()

        (item,) = log.carry_out(raise_epoch)

        letting_go.join()
        assert result_of(item) is None
        assert epoch_in(log.url) == 1
        assert codes_by_writer(url) == {log.writer.writer_id: ["first", item.event.code]}


def let_go_when_waited_for(url: str, wire: CommitWire, release: threading.Event) -> None:
    """Send a held commit on as soon as another transaction waits for it."""
    wire.held.wait(PATIENCE_S)
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        deadline = time.monotonic() + PATIENCE_S
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
        while not connection.execute(waiting).fetchone() and time.monotonic() < deadline:
            pass
    release.set()


def test_in_doubt_and_with_a_full_journal_no_number_is_given_twice(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = database_url(request, "postgres")
    with (
        wire_to(url) as (wire, store_url),
        log_on(url, tmp_path, store_url=store_url, max_bytes=0) as log,
    ):
        wire.before, wire.after = 1, 1
        doubtful = event()

        (item,) = log.keep(doubtful)

        with pytest.raises(AuditUnavailable):
            result_of(item)
        log.later()
        one = event()
        assert result_of(log.keep(one)[0]) is None
        assert sorted(codes_by_writer(url).values()) == sorted([[doubtful.code], [one.code]])
