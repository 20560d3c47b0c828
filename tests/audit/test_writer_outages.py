"""The writer when nobody answers a commit, when the database is away, and when nothing works."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flask_jafsec.audit.writer import Item
from flask_jafsec.errors import AuditUnavailable, StoreUnavailable
from tests.audit.log_setting import (
    Setting,
    codes_by_writer,
    database_url,
    epoch_in,
    event,
    events,
    files_may_have,
    log_on,
    raise_epoch,
    result_of,
)
from tests.audit.wire import CommitWire, wired_log

#: How long something that surely happens may take.
PATIENCE_S = 30.0

Wired = tuple[CommitWire, Setting]


@pytest.fixture
def wired(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Wired]:
    with wired_log(database_url(request, "postgres"), tmp_path / "spool") as made:
        yield made


@pytest.fixture
def sqlite_log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Setting]:
    url = database_url(request, "sqlite")
    with log_on(url, tmp_path / "spool", lock_timeout_s=0.2) as log:
        log.keep(event(code="first"))
        yield log


def test_while_the_database_hangs_events_go_to_the_journal_and_changes_fail(
    wired: Wired,
) -> None:
    wire, log = wired
    batch, more = events(2), events(2)
    wire.freeze()

    items = log.keep(*batch)
    (change,) = log.carry_out(raise_epoch)
    items += log.keep(*more)

    assert [result_of(item) for item in items] == [None] * 4
    with pytest.raises(StoreUnavailable):
        result_of(change)
    with pytest.raises(StoreUnavailable):
        log.spool.bring_in(log.audit)
    wire.thaw()
    assert log.spool.bring_in(log.audit)
    assert epoch_in(log.url) == 0
    assert codes_by_writer(log.url) == {
        log.writer.writer_id: ["first", *(one.code for one in (*batch, *more))]
    }
    assert log.journals() == []


def test_a_sqlite_file_somebody_else_has_locked_sends_events_to_the_journal(
    sqlite_log: Setting,
) -> None:
    log = sqlite_log
    one = event()
    with other_program_holding(log.store.path):
        (kept,) = log.keep(one)
        log.later()
        (change,) = log.carry_out(raise_epoch)

    assert result_of(kept) is None
    with pytest.raises(StoreUnavailable):
        result_of(change)
    assert log.spool.bring_in(log.audit)
    assert epoch_in(log.url) == 0
    assert log.kept() == ["first", one.code]


@contextmanager
def other_program_holding(path: Path | None) -> Iterator[None]:
    """Hold SQLite's write lock, as a program does that knows nothing of ours."""
    program = (
        f"import sqlite3, sys; c = sqlite3.connect({str(path)!r}, isolation_level=None);"
        "c.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield
        process.communicate()


def test_a_full_disk_under_the_database_sends_events_to_the_journal(sqlite_log: Setting) -> None:
    log = sqlite_log
    path = log.store.path
    assert path is not None
    batch = events(3)
    with files_may_have(Path(f"{path}-wal").stat().st_size):
        items = log.keep(*batch)
        log.later()
        (change,) = log.carry_out(raise_epoch)

    assert [result_of(item) for item in items] == [None] * 3
    with pytest.raises(StoreUnavailable):
        result_of(change)
    # The change's commit was in doubt, so its chain has ended, and with it the journal.
    assert len(log.adopt()) == 1
    assert epoch_in(log.url) == 0
    assert log.kept() == ["first", *(one.code for one in batch)]


def test_when_both_are_full_nothing_is_done_and_it_goes_on_when_there_is_room(
    sqlite_log: Setting,
) -> None:
    log = sqlite_log
    items = [Item(event()), Item(event(), raise_epoch)]
    with files_may_have(0):
        happened = log.writer.write(items)
        again = log.keep(event())

    assert happened == [items[0].event]  # for the log line
    for item in (*items[:1], *again):
        with pytest.raises(AuditUnavailable):
            result_of(item)
    with pytest.raises(StoreUnavailable):
        result_of(items[1])
    log.later()
    one = event()
    assert result_of(log.keep(one)[0]) is None
    assert set(log.kept()) == {"first", one.code}
    assert epoch_in(log.url) == 0
    assert log.journals() == []


def test_a_journal_that_fails_is_never_used_again_and_loses_nothing(sqlite_log: Setting) -> None:
    log = sqlite_log
    good, bad, later = events(2), events(40), events(2)
    with other_program_holding(log.store.path):
        log.keep(*good)
        before = log.writer.writer_id
        size = log.journals()[0].stat().st_size
        with files_may_have(size + 2_000):
            failed = log.keep(*bad)
        kept = log.keep(*later)

    assert [result_of(item) for item in kept] == [None] * 2
    for item in failed:
        with pytest.raises(AuditUnavailable):
            result_of(item)
    assert log.writer.writer_id != before
    assert log.adopt() == [before]
    assert log.spool.bring_in(log.audit)
    assert codes_by_writer(log.url) == {
        before: ["first", *(one.code for one in good)],
        log.writer.writer_id: [one.code for one in later],
    }
