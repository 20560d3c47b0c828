"""What appends to the log, on both databases: a batch is one transaction."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest
from sqlalchemy import text

from flask_jafsec.audit.rows import DataKey, EventRow, SealedRow, Subject, Writer
from flask_jafsec.audit.store import AuditBatch
from flask_jafsec.errors import Conflict, StoreUnavailable
from flask_jafsec.protocols import Tables
from flask_jafsec.stores.audit_tables import DATA_KEY, EVENT, SEALED, SUBJECT, WRITER
from flask_jafsec.stores.sql.audit.batch import MAX_IN
from flask_jafsec.stores.sql.audit.store import SqlAuditStore
from flask_jafsec.stores.sql.store import SqlStore
from tests.audit.log_setting import rows_in
from tests.stores.conftest import make_tables

ID = "a" * 16
ROW = EventRow(ID, 1, b'{"n":1,"\xc3\xa9":"\\u0000"}\x00\xff', b"m" * 32, "r1")
PART = SealedRow(ID, 1, "K" * 26, bytes(range(256)))
INTRODUCED = Writer(writer_id=ID, started_at=7, host="h", pid=1, version="0.2", seen_at=7)


@pytest.fixture
def store(sql_store: SqlStore) -> SqlAuditStore:
    return SqlAuditStore(sql_store)


def append(store: SqlAuditStore, *rows: EventRow) -> None:
    with store.appending() as batch:
        batch.append(rows, [])


def numbered(*numbers: int) -> list[EventRow]:
    return [ROW._replace(n=n) for n in numbers]


def test_events_and_parts_come_back_byte_for_byte(store: SqlAuditStore, sql_url: str) -> None:
    with store.appending() as batch:
        batch.append(numbered(1, 2, 3), [PART, PART._replace(n=3)])

    assert [EventRow._make(row) for row in rows_in(sql_url, EVENT)] == numbered(1, 2, 3)
    parts = [SealedRow._make(row) for row in rows_in(sql_url, SEALED)]
    assert parts == [PART, PART._replace(n=3)]


def test_nothing_may_be_appended(store: SqlAuditStore, sql_url: str) -> None:
    with store.appending() as batch:
        batch.append([], [])
        batch.append_again([], [])

    assert rows_in(sql_url, EVENT) == []


def test_a_number_is_never_taken_twice(store: SqlAuditStore, sql_url: str) -> None:
    append(store, ROW)

    with pytest.raises(StoreUnavailable):
        append(store, *numbered(2), ROW._replace(envelope=b"other"))

    assert [EventRow._make(row) for row in rows_in(sql_url, EVENT)] == [ROW]


def test_appending_again_adds_what_is_missing_and_keeps_what_is_there(
    store: SqlAuditStore, sql_url: str
) -> None:
    append(store, ROW)

    with store.appending() as batch:
        batch.append_again([ROW._replace(envelope=b"other"), *numbered(2)], [PART, PART])

    assert [EventRow._make(row) for row in rows_in(sql_url, EVENT)] == numbered(1, 2)
    assert len(rows_in(sql_url, SEALED)) == 1


def test_an_exception_undoes_the_whole_batch(store: SqlAuditStore, sql_url: str) -> None:
    def fail() -> None:
        with store.appending() as batch:
            batch.add_writer(INTRODUCED)
            batch.append([ROW], [PART])
            batch.tables.raise_epoch()
            raise Conflict("no")

    with pytest.raises(Conflict):
        fail()

    for table in (EVENT, SEALED, WRITER):
        assert rows_in(sql_url, table) == []


# -- changes --


def test_a_change_that_raises_undoes_itself_alone(
    store: SqlAuditStore, sql_store: SqlStore, sql_url: str
) -> None:
    def refuse(tables: Tables) -> None:
        tables.facts.put("refused", "x")
        raise Conflict("no")

    def put(tables: Tables) -> int:
        tables.facts.put("made", "y")
        return 7

    with store.appending() as batch:
        batch.append([ROW], [])
        with pytest.raises(Conflict):
            batch.attempt(refuse)
        assert batch.attempt(put) == 7

    with sql_store.reading() as tables:
        assert tables.facts.get("refused") is None
        assert tables.facts.get("made") == "y"
    assert len(rows_in(sql_url, EVENT)) == 1


def test_a_statement_that_fails_inside_a_change_spoils_nothing_else(
    store: SqlAuditStore, sql_url: str
) -> None:
    def fail(_tables: Tables) -> None:
        batch.append([ROW], [])

    with store.appending() as batch:
        batch.append([ROW], [])
        with pytest.raises(StoreUnavailable):
            batch.attempt(fail)
        batch.append(numbered(2), [])

    assert len(rows_in(sql_url, EVENT)) == 2


# -- whether an event is there --


def test_an_event_is_there_or_not_and_asking_adds_nothing(
    store: SqlAuditStore, sql_url: str
) -> None:
    append(store, ROW)

    with store.importing() as batch:
        assert batch.has(ID, 1) is True
        assert batch.has(ID, 2) is False
        assert batch.has("b" * 16, 1) is False

    assert len(rows_in(sql_url, EVENT)) == 1


@pytest.mark.parametrize("is_kept", [True, False])
def test_whoever_asks_waits_for_a_transaction_that_is_about_to_commit(
    postgres_store: SqlStore, postgres_url: str, is_kept: bool
) -> None:
    store = SqlAuditStore(postgres_store)
    asked, answer = threading.Event(), threading.Event()
    found: list[bool] = []

    def ask() -> None:
        with store.importing() as batch:
            asked.set()
            found.append(batch.has(ID, 1))
            answer.set()

    def write() -> None:
        with store.appending() as batch:
            batch.append([ROW], [])
            asking.start()
            wait_for_a_waiter(batch)
            assert not answer.is_set()
            if not is_kept:
                raise Conflict("undone")

    asking = threading.Thread(target=ask)
    if is_kept:
        write()
    else:
        with pytest.raises(Conflict):
            write()
    asking.join()

    assert found == [is_kept]


def wait_for_a_waiter(batch: AuditBatch) -> None:
    transaction = batch._transaction  # type: ignore[attr-defined] # SqlAuditBatch's
    for _ in range(20_000):
        if transaction.rows(text("SELECT 1 FROM pg_locks WHERE NOT granted")):
            return
    pytest.fail("nobody waits")


# -- writers, persons, keys --


def test_a_writer_is_introduced_once_and_says_its_end(store: SqlAuditStore, sql_url: str) -> None:
    with store.appending() as batch:
        batch.add_writer(INTRODUCED)
        batch.add_writer(INTRODUCED)
        batch.end_writer(ID, 5)

    (row,) = rows_in(sql_url, WRITER)
    assert (row.writer_id, row.sequenced_n, row.sequenced_hash) == (ID, 0, bytes(32))
    assert (row.host, row.pid, row.final_n) == ("h", 1, 5)


def test_people_are_found_by_any_of_many_indexes(store: SqlAuditStore) -> None:
    people = [
        Subject(f"{number:026}", number.to_bytes(16), "r1", 7) for number in range(MAX_IN + 20)
    ]
    with store.appending() as batch:
        batch.add_subjects(people)
        batch.add_subjects(people[:3])

        found = batch.subjects([person.lookup for person in people if person.lookup])

        assert sorted(found) == people
        assert batch.subjects([b"nobody"]) == []
        assert batch.subjects([]) == []


def test_a_person_may_be_there_twice_after_a_race(store: SqlAuditStore) -> None:
    twice = [Subject("A" * 26, b"x" * 16, "r1", 7), Subject("B" * 26, b"x" * 16, "r1", 8)]
    with store.appending() as batch:
        batch.add_subjects(twice)

        assert batch.subjects([b"x" * 16]) == twice


def test_keys_are_found_oldest_first_without_those_destroyed(
    store: SqlAuditStore, sql_url: str
) -> None:
    keys = [
        DataKey("3" * 26, "day", "2026-11-25", b"w3", "r1", 3),
        DataKey("1" * 26, "day", "2026-11-25", b"w1", "r1", 1),
        DataKey("2" * 26, "day", "2026-11-25", None, "r1", 2),
        DataKey("4" * 26, "subject", "2026-11-25", b"w4", "r1", 4),
        DataKey("5" * 26, "day", "2026-11-26", b"w5", "r1", 5),
    ]
    with store.appending() as batch:
        batch.add_data_keys(keys)
        batch.add_data_keys([keys[0]._replace(wrapped=b"other")])

        found = batch.data_keys("day", ["2026-11-25"])

    assert found == [keys[1], keys[0]]
    assert len(rows_in(sql_url, DATA_KEY)) == 5
    assert len(rows_in(sql_url, SUBJECT)) == 0


# -- connections of its own --


def test_importing_does_not_need_the_writer_s_connection(postgres_url: str) -> None:
    make_tables(postgres_url)
    with closing(SqlStore(postgres_url, pool_wait_s=0.1)) as sql:
        store = SqlAuditStore(sql)
        with store.appending() as writing, store.importing() as importing:
            writing.append(numbered(1), [])
            importing.append_again(numbered(2), [])

    assert len(rows_in(postgres_url, EVENT)) == 2


@pytest.mark.parametrize("verb", ["UPDATE {} SET n = n", "DELETE FROM {}"])
def test_sqlite_refuses_to_change_what_was_appended(
    sqlite_store: SqlStore, sqlite_url: str, verb: str
) -> None:
    append(SqlAuditStore(sqlite_store), ROW)

    with (
        pytest.raises(StoreUnavailable, match="append-only"),
        sqlite_store.transaction("tables", writing=True) as transaction,
    ):
        transaction.change(text(verb.format(EVENT.name)))

    assert len(rows_in(sqlite_url, EVENT)) == 1
