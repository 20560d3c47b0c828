"""Events are durable before anybody is told so; a change and its event are both kept or neither."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import text

from flask_jafsec.audit.store import AuditStore
from flask_jafsec.audit.writer import Item
from flask_jafsec.errors import AuditUnavailable, Conflict, StoreUnavailable
from flask_jafsec.protocols import Tables
from flask_jafsec.stores.audit_tables import WRITER
from flask_jafsec.stores.sql.transaction import Transaction
from tests.audit.log_setting import (
    Setting,
    database_url,
    event,
    events,
    log_on,
    raise_epoch,
    result_of,
    rows_in,
)


@pytest.fixture(params=["sqlite", "postgres"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Setting]:
    url = database_url(request, request.param)
    with log_on(url, tmp_path / "spool", timeout_s=0.5, lock_timeout_s=0.3) as setting:
        yield setting


def refuse(tables: Tables) -> None:
    tables.raise_epoch()
    raise Conflict("not this time")


def drop(log: Setting, table: str) -> None:
    """Take a table away, so that a statement on it fails."""
    with log.store.transaction("tables", writing=True) as transaction:
        transaction.change(text(f"ALTER TABLE {table} RENAME TO gone"))


# -- events --


def test_an_event_is_in_the_database_before_anybody_is_told_so(log: Setting) -> None:
    one = event()

    (item,) = log.keep(one)

    assert result_of(item) is None
    assert log.kept() == [one.code]
    assert log.journals() == []


def test_batches_make_one_chain_of_one_writer(log: Setting) -> None:
    many = events(7)

    log.keep(*many[:3])
    log.keep(*many[3:4])
    log.keep(*many[4:])

    assert log.kept() == [one.code for one in many]
    (writer,) = rows_in(log.url, WRITER)
    assert (writer.writer_id, writer.host, writer.version) == (log.writer.writer_id, "host", "0.2")


def test_an_event_that_is_none_does_not_take_the_others_with_it(log: Setting) -> None:
    hostile: dict[str, Any] = {"status": "none", "actor": 7, "at": None, "client": b"\xff"}
    broken = event(**hostile)
    first, last = events(2)

    items = log.keep(first, broken, last)

    assert [result_of(item) for item in items] == [None] * 3
    assert log.kept() == [first.code, broken.code, last.code]


# -- changes --


def test_a_change_and_its_event_are_kept_together(log: Setting) -> None:
    def change(tables: Tables) -> str:
        tables.raise_epoch()
        return "made"

    (item,) = log.carry_out(change)

    assert result_of(item) == "made"
    assert log.store.epoch() == 1
    assert log.kept() == [item.event.code]


def test_a_change_that_raises_leaves_neither_itself_nor_an_event(log: Setting) -> None:
    (item,) = log.carry_out(refuse)

    with pytest.raises(Conflict):
        result_of(item)
    assert log.store.epoch() == 0
    assert log.kept() == []


def test_the_event_of_a_change_that_raised_is_not_handed_on(log: Setting) -> None:
    items = [Item(event(), refuse), Item(event(), raise_epoch), Item(event())]

    happened = log.writer.write(items)

    assert happened == [items[1].event, items[2].event]


def test_of_several_changes_the_one_that_raises_undoes_itself_alone(log: Setting) -> None:
    good, bad, better = log.carry_out(raise_epoch, refuse, raise_epoch)

    assert result_of(good) is None
    assert result_of(better) is None
    with pytest.raises(Conflict):
        result_of(bad)
    assert log.store.epoch() == 2
    assert log.kept() == [good.event.code, better.event.code]


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, StoreUnavailable])
def test_whatever_a_change_raises_belongs_to_whoever_asked_for_it(
    log: Setting, error: type[BaseException]
) -> None:
    def change(_tables: Tables) -> None:
        raise error

    bad, good = log.carry_out(change, raise_epoch)

    with pytest.raises(error):
        result_of(bad)
    assert result_of(good) is None
    assert log.kept() == [good.event.code]


def test_a_change_the_database_refuses_does_not_take_the_others_with_it(log: Setting) -> None:
    def break_a_rule(tables: Tables) -> None:
        transaction: Transaction = tables._transaction  # type: ignore[attr-defined] # SqlTables'
        transaction.change(text("INSERT INTO jafsec_epoch (id, n) VALUES (1, 1)"))

    bad, good = log.carry_out(break_a_rule, raise_epoch)

    with pytest.raises(StoreUnavailable):
        result_of(bad)
    assert result_of(good) is None
    assert log.kept() == [good.event.code]


def test_a_change_whose_event_cannot_be_kept_is_not_made(log: Setting) -> None:
    log.keep(event())
    drop(log, "jafsec_audit_event")

    (item,) = log.carry_out(raise_epoch)

    with pytest.raises(StoreUnavailable):
        result_of(item)
    assert log.store.epoch() == 0


def test_a_change_somebody_gave_up_waiting_for_is_not_made_any_more(log: Setting) -> None:
    item = Item(event(), raise_epoch)
    with pytest.raises(AuditUnavailable):
        item.wait(0)

    happened = log.writer.write([item])

    assert happened == []
    assert log.store.epoch() == 0
    assert log.kept() == []


# -- a database that does not take it --


def test_what_the_database_does_not_take_goes_to_the_journal_and_comes_back(log: Setting) -> None:
    before, during, after = events(2), events(3), events(2)
    log.keep(*before)
    drop(log, "jafsec_audit_event")

    items = log.keep(*during)

    assert [result_of(item) for item in items] == [None] * 3
    assert [path.stem for path in log.journals()] == [log.writer.writer_id]
    with log.store.transaction("tables", writing=True) as transaction:
        transaction.change(text("ALTER TABLE gone RENAME TO jafsec_audit_event"))
    assert log.spool.bring_in(log.audit) is True
    log.later()
    log.keep(*after)
    assert log.kept() == [one.code for one in (*before, *during, *after)]
    assert log.journals() == []


def test_while_the_database_is_down_changes_are_refused_at_once(log: Setting) -> None:
    drop(log, "jafsec_audit_event")
    log.keep(event())

    def never(_tables: Tables) -> None:
        raise AssertionError("the database was asked")

    (item,) = log.carry_out(never)

    with pytest.raises(StoreUnavailable):
        result_of(item)


@pytest.mark.parametrize(
    ("took_s", "is_left_alone_s"),
    [
        pytest.param(0, 1, id="it fails at once"),
        pytest.param(3, 3, id="a lock is waited for"),
        pytest.param(30, 5, id="never for long"),
    ],
)
def test_a_database_is_left_alone_as_long_as_it_took_to_fail(
    request: pytest.FixtureRequest, took_s: int, is_left_alone_s: int
) -> None:
    settings: list[Setting] = []
    asked: list[int] = []

    class Locked:
        def appending(self) -> AbstractContextManager[Any]:
            asked.append(took_s)
            settings[0].clock.advance(took_s)
            raise StoreUnavailable("locked")

    def wrap(_store: AuditStore) -> AuditStore:
        return cast("AuditStore", Locked())  # nothing else of it is asked for

    with log_on(database_url(request, "sqlite"), None, wrap=wrap) as made:
        settings.append(made)
        made.carry_out(raise_epoch)
        made.clock.advance(is_left_alone_s - 0.5)
        made.carry_out(raise_epoch)
        assert len(asked) == 1
        made.clock.advance(1)
        made.carry_out(raise_epoch)

        assert len(asked) == 2


def test_without_any_place_to_keep_it_an_event_is_refused_and_still_handed_on(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    with log_on(database_url(request, "sqlite"), None, lock_timeout_s=0.3) as log:
        log.keep(event())
        drop(log, "jafsec_audit_event")
        item = Item(event())

        happened = log.writer.write([item])

        assert happened == [item.event]
        with pytest.raises(AuditUnavailable):
            result_of(item)
        assert "neither in the database nor in a journal" in caplog.text


# -- the end --


def test_a_writer_that_ends_says_its_last_number(log: Setting) -> None:
    log.keep(*events(3))
    writer_id = log.writer.writer_id

    log.writer.end()

    (row,) = rows_in(log.url, WRITER)
    assert (row.writer_id, row.final_n) == (writer_id, 3)


def test_an_event_after_the_end_begins_another_chain(log: Setting) -> None:
    log.keep(event())
    log.writer.end()

    log.keep(event())

    assert len(rows_in(log.url, WRITER)) == 2
    assert len(log.kept()) == 2
