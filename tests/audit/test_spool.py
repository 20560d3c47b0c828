"""From the journal back into the database: everything, once, in order, whoever does it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from flask_jafsec.audit.journal import JournalFull
from flask_jafsec.audit.rows import EventRow
from flask_jafsec.audit.spool import IMPORT_LINES, LAST_BYTES
from flask_jafsec.audit.writer import Item
from flask_jafsec.errors import AuditUnavailable, StoreUnavailable
from flask_jafsec.events import Event
from flask_jafsec.stores.audit_tables import DATA_KEY, SEALED, SUBJECT, WRITER
from tests.audit.log_setting import database_url, event, events, result_of, rows_in
from tests.audit.switched import Logged, bring_in, switched_log

#: How long something that surely happens may take.
PATIENCE_S = 20.0


@pytest.fixture(params=["sqlite", "postgres"])
def logged(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Logged]:
    with switched_log(database_url(request, request.param), tmp_path / "spool") as made:
        yield made


@pytest.fixture
def on_sqlite(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Logged]:
    with switched_log(database_url(request, "sqlite"), tmp_path / "spool") as made:
        yield made


def codes(some: Sequence[Event]) -> list[str]:
    return [one.code for one in some]


def test_what_went_to_the_journal_comes_back_whole(logged: Logged) -> None:
    switch, log = logged
    before, after = events(2), events(2)
    people = [event(actor=f"p{number}", client="192.0.2.1") for number in range(3)]
    log.keep(*before)
    switch.is_away = True
    log.keep(*people)
    switch.is_away = False

    assert bring_in(switch, log) is True

    log.later()
    log.keep(*after)
    assert log.kept() == codes([*before, *people, *after])
    assert log.journals() == []
    parts = rows_in(log.url, SEALED)
    assert {part.key_ref for part in parts} <= {row.ref for row in rows_in(log.url, DATA_KEY)}
    assert (len(parts), len(rows_in(log.url, SUBJECT))) == (3, 3)


def test_a_writer_stays_on_its_journal_until_all_of_it_is_imported(on_sqlite: Logged) -> None:
    switch, log = on_sqlite
    first, second = events(2), events(2)
    log.store.epoch()  # makes the tables
    switch.is_away = True
    log.keep(*first)
    switch.is_away = False
    log.later()

    log.keep(*second)

    assert log.spool.is_open
    assert log.kept() == []
    bring_in(switch, log)
    assert log.kept() == codes([*first, *second])


def test_importing_the_same_again_changes_nothing(logged: Logged) -> None:
    switch, log = logged
    many = [event(client="192.0.2.1") for _ in range(3)]
    switch.is_away = True
    log.keep(*many)
    (path,) = log.journals()
    copy = path.read_bytes()
    switch.is_away = False
    bring_in(switch, log)

    path.write_bytes(copy)
    log.adopt()

    assert log.kept() == codes(many)
    assert len(rows_in(log.url, SEALED)) == 3
    assert len(rows_in(log.url, WRITER)) == 1


def test_a_large_journal_is_imported_in_parts_and_goes_on_where_it_was(on_sqlite: Logged) -> None:
    switch, log = on_sqlite
    many = events(3 * IMPORT_LINES)
    switch.is_away = True
    for start in range(0, len(many), 500):
        log.keep(*many[start : start + 500])
    switch.is_away = False

    def fail_once() -> None:
        if switch.imports == 2:
            raise StoreUnavailable("away again")

    switch.before_import = fail_once
    with pytest.raises(StoreUnavailable):
        bring_in(switch, log)
    assert 0 < len(log.kept()) < len(many)
    bring_in(switch, log)

    assert log.kept() == codes(many)
    assert 4 <= switch.imports <= 6, "what was imported was not imported again"


def test_events_that_come_while_it_is_imported_are_imported_too(on_sqlite: Logged) -> None:
    switch, log = on_sqlite
    first, second = events(2), events(2)
    switch.is_away = True
    log.keep(*first)
    switch.is_away = False

    def keep_more() -> None:
        if switch.imports == 1:
            log.keep(*second)

    switch.before_import = keep_more
    assert bring_in(switch, log) is True

    assert log.kept() == codes([*first, *second])


def test_the_writer_does_not_wait_while_a_database_that_hangs_is_asked(on_sqlite: Logged) -> None:
    switch, log = on_sqlite
    switch.is_away = True
    log.keep(event())
    switch.is_away = False
    asked, answer = threading.Event(), threading.Event()

    def hang() -> None:
        asked.set()
        answer.wait(PATIENCE_S)
        raise StoreUnavailable("no answer")

    switch.before_import = hang

    def import_in_vain() -> None:
        with pytest.raises(StoreUnavailable):
            bring_in(switch, log)

    importing = threading.Thread(target=import_in_vain)
    importing.start()
    asked.wait()

    assert log.journals()[0].stat().st_size < LAST_BYTES, "little enough for the last step"
    keeping = threading.Thread(target=log.keep, args=(event(),))
    keeping.start()
    keeping.join(PATIENCE_S / 2)
    is_kept = not keeping.is_alive()

    answer.set()
    importing.join()
    assert is_kept


def test_a_journal_given_up_during_an_import_does_not_hide_the_next_one(
    on_sqlite: Logged,
) -> None:
    switch, log = on_sqlite
    first, second = events(4), events(2)
    switch.is_away = True
    log.keep(*first)
    switch.is_away = False

    def begin_another() -> None:
        if switch.imports == 1:
            log.chain.begin_again()
            log.spool.abandon()
            log.keep(*second)

    switch.before_import = begin_another
    bring_in(switch, log)
    bring_in(switch, log)
    log.adopt()

    assert sorted(log.kept()) == sorted(codes([*first, *second]))
    assert log.journals() == []


# -- room --


def test_journals_grow_to_their_limit_and_no_further(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = database_url(request, "sqlite")
    with switched_log(url, tmp_path / "spool", max_bytes=20_000) as (switch, log):
        writer_id = log.writer.writer_id
        switch.is_away = True
        items: list[Item] = []
        while len(items) < 1_000 and not (items and items[-1].error):
            items += log.keep(event())

        assert log.journals()[0].stat().st_size <= 20_000
        with pytest.raises(AuditUnavailable, match="limit"):
            result_of(items[-1])
        assert log.writer.writer_id == writer_id, "there is one chain, and one file"
        assert len(log.journals()) == 1

        switch.is_away = False
        assert bring_in(switch, log) is True
        assert log.kept() == [item.event.code for item in items[:-1]]
        switch.is_away = True
        assert result_of(log.keep(event())[0]) is None


def test_the_journals_of_other_processes_count(on_sqlite: Logged) -> None:
    _, log = on_sqlite
    assert log.folder is not None
    (log.folder / ("f" * 16 + ".j")).write_bytes(b"x" * (1 << 20))

    with pytest.raises(JournalFull):
        log.spool.keep(log.chain.writer(1), [EventRow("a" * 16, 1, b"", b"", "r1")], [], [], [])
