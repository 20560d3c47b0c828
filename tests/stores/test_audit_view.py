"""Everything of the log at one moment, on both databases."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from flask_jafsec.audit.rows import DataKey
from flask_jafsec.stores.schema import upgrade
from flask_jafsec.stores.sql.audit.store import SqlAuditStore
from flask_jafsec.stores.sql.store import SqlStore
from tests.audit.chains import NAMES, START, ChainMaker, LogMaker, append

A, B, C = NAMES


@pytest.fixture
def log(sql_store: SqlStore) -> LogMaker:
    return LogMaker(SqlAuditStore(sql_store))


def test_a_new_log_has_nothing(log: LogMaker) -> None:
    with log.store.reading() as view:
        assert view.head() is None
        assert view.leaves(0, 5) == []
        assert view.checkpoints(0, 5) == []
        assert list(view.writers()) == []
        assert view.find("one") is None
        assert view.data_key("one") is None
        assert view.next_rollup(-(2**63)) is None
        assert set(view.counts().values()) == {0}
        assert view.strays(5) == []


def test_leaves_come_with_all_that_belongs_to_them(log: LogMaker) -> None:
    log.grow(4)

    with log.store.reading() as view:
        first, second = view.leaves(0, 2)

    assert first.leaf[:3] == (0, A, 1)
    assert first.row is not None
    assert first.row[:2] == (A, 1)
    assert first.entry is not None
    assert first.entry.leaf_index == 0
    assert first.type_name == "auth.token.rejected"
    assert first.sealed is not None
    assert first.sealed[:3] == (A, 1, "d" * 26)
    assert not first.is_readable
    assert second.sealed is None


def test_a_leaf_whose_parts_are_gone_is_still_there(log: LogMaker, sql_store: SqlStore) -> None:
    log.grow(4)
    with sql_store.transaction("tables", writing=True) as transaction:
        if transaction.dialect == "sqlite":
            transaction.change(text("DROP TRIGGER jafsec_audit_event_no_delete"))
        for table in ("event", "entry", "pd"):
            transaction.change(text(f"DELETE FROM jafsec_audit_{table}"))

    with log.store.reading() as view:
        leaves = view.leaves(2, 9)

    assert [one.leaf.leaf_index for one in leaves] == [2, 3]
    gone = leaves[0]
    assert (gone.row, gone.entry, gone.type_name, gone.sealed) == (None, None, None, None)
    assert not gone.is_readable


def test_a_reading_sees_one_moment(log: LogMaker) -> None:
    log.grow(4)
    with log.store.reading() as view:
        before = view.counts()
        log.grow(3)
        assert view.counts() == before
        assert len(view.leaves(0, 99)) == 4


def test_checkpoints_are_read_from_a_size_on(log: LogMaker) -> None:
    for _ in range(3):
        log.grow(2)

    with log.store.reading() as view:
        assert [one.size for one in view.checkpoints(0, 9)] == [2, 4, 6]
        assert [one.size for one in view.checkpoints(2, 1)] == [4]
        assert view.last_checkpoint() == view.checkpoints(4, 1)[0]


def test_every_writer_is_read(log: LogMaker) -> None:
    names = [f"{number:016x}" for number in range(1_005)]
    append(log.store, [ChainMaker(name).next(START)[0] for name in names])

    with log.store.reading() as view:
        assert [writer.writer_id for writer in view.writers()] == names


def test_waiting_events_are_read_in_order_with_their_sealed_parts(log: LogMaker) -> None:
    log.grow(3)
    log.append(6)

    with log.store.reading() as view:
        waiting = view.waiting(A, 1, 9)

    assert [event.row.n for event in waiting] == [2, 3]
    assert [event.sealed is not None for event in waiting] == [False, True]
    assert waiting[0].leaf_index is None


def test_an_event_is_found_by_its_id_sequenced_or_waiting(log: LogMaker) -> None:
    log.grow(3)
    log.append(3)

    with log.store.reading() as view:
        sequenced = view.find(f"0190{1:08x}-{B}")
        waiting = view.find(f"0190{2:08x}-{B}")
        assert view.find(f"0190{3:08x}-{B}") is None

    assert sequenced is not None
    assert (sequenced.leaf_index, sequenced.row.writer_id, sequenced.row.n) == (1, B, 1)
    assert waiting is not None
    assert (waiting.leaf_index, waiting.row.writer_id, waiting.row.n) == (None, B, 2)


def test_a_data_key_is_read_even_when_destroyed(log: LogMaker) -> None:
    key = DataKey("d" * 26, "day", "2026-11-22", b"w", "k1", 5)
    with log.store.appending() as batch:
        batch.add_data_keys([key, key._replace(ref="e" * 26, wrapped=None)])
    log.grow(1)

    with log.store.reading() as view:
        assert view.data_key("d" * 26) == key
        destroyed = view.data_key("e" * 26)
        assert view.leaves(0, 1)[0].is_readable
    assert destroyed is not None
    assert destroyed.wrapped is None


def test_rows_are_counted_and_those_that_belong_nowhere_are_named(
    log: LogMaker, sql_store: SqlStore
) -> None:
    log.grow(300)
    log.append(2)
    with log.store.reading() as view:
        counts = view.counts()
        assert view.strays(5) == []
    assert (counts["event"], counts["leaf"], counts["entry"]) == (302, 300, 300)
    assert (counts["sealed"], counts["node"], counts["dead"]) == (151, 1, 0)

    with sql_store.transaction("tables", writing=True) as transaction:
        transaction.change(
            text("UPDATE jafsec_audit_entry SET leaf_index = 999 WHERE leaf_index = 7")
        )
        transaction.change(text("UPDATE jafsec_audit_pd SET n = 999 WHERE n = 1"))
    chain = ChainMaker("d" * 16)
    append(log.store, [chain.next(START)[0]])
    with sql_store.transaction("tables", writing=True) as transaction:
        transaction.change(text(f"DELETE FROM jafsec_audit_writer WHERE writer_id = '{'d' * 16}'"))

    with log.store.reading() as view:
        found = view.strays(5)
    assert sorted(found) == [
        ("entry", "999"),
        ("event", f"{'d' * 16}/1"),
        ("pd", f"{A}/999"),
        ("pd", f"{C}/999"),
    ]


def test_due_rollups_follow_from_the_search_copies(log: LogMaker) -> None:
    log.grow(200)

    with log.store.reading() as view:
        start = view.next_rollup(0)
        assert start is not None
        stored = [one for one in view.rollups(start, start + 7_200) if one.step == 300]
        due = view.rollups_due(300, start, start + 7_200)
        assert view.next_rollup(start + 7_200) is None
    assert sorted(stored) == sorted(due)
    assert sum(one.events for one in due) == 200


def test_nodes_come_with_their_positions(log: LogMaker) -> None:
    log.grow(600)

    with log.store.reading() as view:
        rows = view.node_rows(8, 0, 9)
        assert [(one.height, one.position) for one in rows] == [(8, 0), (8, 1)]
        assert [one.hash for one in rows] == view.nodes(8, 0, 9)
        assert view.node_rows(8, 1, 1) == rows[1:]
        assert len(view.leaf_hashes(500, 500)) == 100


def test_whatever_was_put_into_a_cell_of_bytes_is_read_as_bytes(tmp_path: Path) -> None:
    with closing(SqlStore(f"sqlite:///{tmp_path / 'log.db'}")) as store:
        upgrade(f"sqlite:///{tmp_path / 'log.db'}")
        log = LogMaker(SqlAuditStore(store))
        log.grow(1)
        with store.transaction("tables", writing=True) as transaction:
            transaction.change(text("DROP TRIGGER jafsec_audit_event_no_update"))
            transaction.change(text("UPDATE jafsec_audit_event SET envelope = 'text', mac = 7"))

        with log.store.reading() as view:
            (leaf,) = view.leaves(0, 1)

    assert (leaf.envelope, leaf.mac) == (b"text", b"7")


def test_text_that_is_none_is_read_as_bytes_and_the_rest_as_it_is(tmp_path: Path) -> None:
    with closing(SqlStore(f"sqlite:///{tmp_path / 'log.db'}")) as store:
        upgrade(f"sqlite:///{tmp_path / 'log.db'}")
        log = LogMaker(SqlAuditStore(store))
        log.grow(1)
        with store.transaction("tables", writing=True) as transaction:
            transaction.change(text("UPDATE jafsec_audit_entry SET words = CAST(x'ff' AS TEXT)"))

        with log.store.reading() as view:
            (leaf,) = view.leaves(0, 1)

    values: tuple[object, ...] = (leaf.words, leaf.writer_id)
    assert values == (b"\xff", A)
