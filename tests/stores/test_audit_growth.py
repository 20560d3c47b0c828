"""What the sequencer adds and reads, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from flask_jafsec.audit.rows import Entry, Head, Leaf, Node, Rollup, SignedCheckpoint
from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.stores.sql.audit.store import SqlAuditStore
from flask_jafsec.stores.sql.store import SqlStore
from tests.audit.chains import NAMES, START, ChainMaker, LogMaker, append, make_verifier

A, B, C = NAMES
ENTRY = Entry(0, "one", 5, 1, 2, 3, 1, "s", None, None, "r", None, None, "words", 1)


@pytest.fixture
def log(sql_store: SqlStore) -> SqlAuditStore:
    return SqlAuditStore(sql_store)


@pytest.fixture
def other(sql_url: str) -> Iterator[SqlAuditStore]:
    """The same database, as another process has it."""
    with closing(SqlStore(sql_url)) as store:
        yield SqlAuditStore(store)


def growing(log: SqlAuditStore) -> Any:
    return log.sequencing()


def test_one_at_a_time(log: SqlAuditStore, other: SqlAuditStore) -> None:
    with log.sequencing() as growth:
        assert growth is not None
        with other.sequencing() as second:
            assert second is None
    with other.sequencing() as growth:
        assert growth is not None


def test_an_error_ends_the_turn_and_keeps_nothing(log: SqlAuditStore, other: SqlAuditStore) -> None:
    def fail_later() -> None:
        with growing(log) as growth:
            growth.put_head(Head("o", 1, 1, b"x"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_later()

    with growing(other) as growth:
        assert growth.head() is None


def test_the_head_is_written_again_and_again(log: SqlAuditStore) -> None:
    for size in (1, 2):
        with growing(log) as growth:
            growth.put_head(Head("o", 1, size, bytes(size)))

    with growing(log) as growth:
        assert growth.head() == Head("o", 1, 2, bytes(2))


def test_writers_wait_while_they_have_more_than_is_sequenced(log: SqlAuditStore) -> None:
    for name in (A, B):
        chain = ChainMaker(name)
        append(log, [chain.next(START)[0] for _ in range(3)])

    with growing(log) as growth:
        assert {one.writer_id for one in growth.writers_waiting()} == {A, B}
        growth.put_sequenced([(A, 3, b"a" * 32), (B, 2, b"b" * 32)])
    with growing(log) as growth:
        (waiting,) = growth.writers_waiting()
        assert (waiting.writer_id, waiting.sequenced_n) == (B, 2)
        assert waiting.sequenced_hash == b"b" * 32
        assert [row.n for row in growth.rows_after(B, 1, 10)] == [2, 3]
        assert [row.n for row in growth.rows_after(B, 0, 2)] == [1, 2]
        assert growth.rows_after(C, 0, 2) == []


def test_leaves_and_nodes_are_read_in_the_order_of_the_tree(log: SqlAuditStore) -> None:
    with growing(log) as growth:
        growth.add_leaves([Leaf(index, A, index + 1, bytes([index])) for index in range(5)])
        growth.add_nodes([Node(8, 0, b"n"), Node(8, 1, b"m"), Node(16, 0, b"o")])
        growth.add_nodes([])

    with growing(log) as growth:
        assert growth.leaf_hashes(1, 3) == [b"\1", b"\2", b"\3"]
        assert growth.nodes(8, 0, 9) == [b"n", b"m"]
        assert growth.newest_leaves([A, B]) == {A: 5}
        assert growth.newest_leaves([]) == {}
        assert growth.has_leaves_from(4)
        assert not growth.has_leaves_from(5)


def test_a_leaf_is_never_written_twice(log: SqlAuditStore) -> None:
    with growing(log) as growth:
        growth.add_leaves([Leaf(0, A, 1, b"x")])

    for leaf in (Leaf(0, A, 2, b"y"), Leaf(1, A, 1, b"y")):
        with pytest.raises(StoreUnavailable), growing(log) as growth:
            growth.add_leaves([leaf])


def test_repeated_ids_are_kept_under_another_name_and_told(log: SqlAuditStore) -> None:
    first = [ENTRY, ENTRY._replace(leaf_index=1, event_id="two")]
    second = [
        ENTRY._replace(leaf_index=2, event_id="three"),
        ENTRY._replace(leaf_index=3, event_id="one"),
        ENTRY._replace(leaf_index=4, event_id="three"),
    ]
    with growing(log) as growth:
        assert growth.add_entries(first) == ()

    with growing(log) as growth:
        assert growth.add_entries(second) == second[1:]
        growth.add_leaves([Leaf(index, A, index + 1, b"x") for index in range(5)])

    with log.reading() as view:
        ids = [one.entry.event_id for one in view.leaves(0, 9) if one.entry]
    assert ids == ["one", "two", "three", "one#3", "three#4"]


def test_an_entry_that_cannot_be_kept_for_another_reason_is_an_error(log: SqlAuditStore) -> None:
    with pytest.raises(StoreUnavailable), growing(log) as growth:
        growth.add_entries([ENTRY, ENTRY._replace(event_id="two")])


def test_rollups_add_up(log: SqlAuditStore) -> None:
    one = Rollup(300, 600, 1, 2, 5, 1, 4)
    for _ in range(2):
        with growing(log) as growth:
            growth.add_rollups([one, one._replace(step=3600, bucket=0)])
            growth.add_rollups([])

    with log.reading() as view:
        stored = view.rollups(0, 1000)
    assert sorted(stored) == [
        Rollup(300, 600, 1, 2, 5, 2, 8),
        Rollup(3600, 0, 1, 2, 5, 2, 8),
    ]


def test_types_keep_their_numbers(log: SqlAuditStore) -> None:
    with growing(log) as growth:
        first = dict(growth.type_ids(["b", "a", "b"]))
    with growing(log) as growth:
        second = dict(growth.type_ids(["c", "a"]))

    assert first == {"b": 1, "a": 2}
    assert second == {"b": 1, "a": 2, "c": 3}


def test_the_newest_checkpoint_is_the_largest(log: SqlAuditStore) -> None:
    with growing(log) as growth:
        assert growth.last_checkpoint() is None
        for size in (9, 10):
            growth.add_checkpoint(SignedCheckpoint(size, b"r", size, "note"))

    with growing(log) as growth:
        assert growth.last_checkpoint() == SignedCheckpoint(10, b"r", 10, "note")


def test_a_whole_log_grows_and_is_verified(log: SqlAuditStore) -> None:
    made = LogMaker(log)
    for count in (300, 1, 220):
        made.grow(count)
    made.append(3)

    result = make_verifier(log).run(now=0)

    assert (result.exit_code, result.events, result.waiting) == (0, 521, 3)
    assert result.checkpoints == 3
    assert [one for one in result.findings if one.level] == []


def test_a_repeated_id_does_not_stop_the_log(log: SqlAuditStore) -> None:
    made = LogMaker(log)
    made.grow(3)
    append(log, [ChainMaker("d" * 16).next(START, id=f"0190{1:08x}-{A}")[0]])
    made.append(4)

    done = made.sequencer.run_once(force=True)

    assert done.count == 5
    assert done.problems[0].startswith("event_repeated: leaf ")


def test_what_suits_the_database_is_taken_at_once(log: SqlAuditStore) -> None:
    with growing(log) as growth:
        assert growth.max_rows in (2_000, 20_000)
