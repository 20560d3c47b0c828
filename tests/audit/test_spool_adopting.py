"""Journals that are damaged, or whose process is gone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from flask_jafsec.audit.journal import DAMAGED_SUFFIX, Journal
from flask_jafsec.audit.rows import EventRow, SealedRow
from flask_jafsec.audit.spool import adopt
from flask_jafsec.events import Event
from flask_jafsec.stores.audit_tables import SEALED, WRITER
from flask_jafsec.stores.sql.audit.store import SqlAuditStore
from tests.audit.log_setting import database_url, event, events, rows_in
from tests.audit.switched import Logged, bring_in, switched_log


@pytest.fixture
def on_sqlite(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Logged]:
    with switched_log(database_url(request, "sqlite"), tmp_path / "spool") as made:
        yield made


def codes(some: Sequence[Event]) -> list[str]:
    return [one.code for one in some]


# -- what is damaged --


def test_damaged_lines_are_reported_and_the_file_is_kept(
    on_sqlite: Logged, caplog: pytest.LogCaptureFixture
) -> None:
    switch, log = on_sqlite
    many = [event() for _ in range(3)]
    switch.is_away = True
    log.keep(*many)
    (path,) = log.journals()
    log.spool.abandon()
    first, *others = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([first, *others[:-1], others[-1].replace(b" ", b" x", 1)]))

    assert log.adopt() == [path.stem]

    assert log.kept() == codes(many[:2])
    assert "1 damaged line(s)" in caplog.text
    assert [each.name for each in log.journals()] == [path.name + DAMAGED_SUFFIX]
    assert log.adopt() == []


def test_a_writer_whose_own_journal_is_cut_short_goes_on_and_keeps_it(
    on_sqlite: Logged, caplog: pytest.LogCaptureFixture
) -> None:
    switch, log = on_sqlite
    first, last = events(2)
    switch.is_away = True
    log.keep(first)
    size = log.journals()[0].stat().st_size
    log.keep(last)
    with log.journals()[0].open("r+b") as file:
        file.truncate(size + 10)
    switch.is_away = False

    assert bring_in(switch, log) is True

    assert log.kept() == [first.code]
    assert "not all of the journal" in caplog.text
    assert [path.name[-len(DAMAGED_SUFFIX) :] for path in log.journals()] == [DAMAGED_SUFFIX]
    assert not log.spool.is_open


# -- what a dead process left --

DIE = """
import os, sys
from pathlib import Path
from tests.audit.log_setting import event, log_on
from flask_jafsec.audit.writer import Item
with log_on("sqlite:////nowhere/at/all", Path(sys.argv[1])) as log:
    items = log.keep(event(code="one", actor="ada"), event(code="two"))
    assert [item.wait(0) for item in items] == [None, None]
    print(log.writer.writer_id, flush=True)
    os.kill(os.getpid(), 9)
"""


def test_what_a_killed_process_left_is_adopted(on_sqlite: Logged) -> None:
    _, log = on_sqlite
    died = subprocess.run(
        [sys.executable, "-c", DIE, str(log.folder)], stdout=subprocess.PIPE, check=False, text=True
    )

    assert log.adopt() == [died.stdout.strip()]

    assert log.kept() == ["one", "two"]
    assert log.journals() == []
    (writer,) = rows_in(log.url, WRITER)
    assert writer.writer_id == died.stdout.strip()


def test_a_file_that_holds_nothing_is_removed_without_a_word(on_sqlite: Logged) -> None:
    switch, log = on_sqlite
    assert log.folder is not None
    Journal.create(log.folder, "a" * 16).close()
    switch.is_away = True

    assert log.adopt() == []
    assert log.journals() == []


def test_looking_for_journals_removes_what_was_only_begun(on_sqlite: Logged) -> None:
    _, log = on_sqlite
    assert log.folder is not None
    begun = log.folder / ("a" * 16 + ".new")
    begun.touch()
    os.utime(begun, (0, 0))

    adopt(log.folder, log.audit, 3_600 * 1_000_000)

    assert not begun.exists()


def test_a_part_whose_event_is_there_is_not_added_twice(on_sqlite: Logged) -> None:
    _, log = on_sqlite
    store: SqlAuditStore = log.audit
    row, part = EventRow("a" * 16, 1, b"e", b"m", "r1"), SealedRow("a" * 16, 1, "K" * 26, b"d")
    for _ in range(2):
        with store.importing() as batch:
            batch.append_again([row], [part])

    assert len(rows_in(log.url, SEALED)) == 1
