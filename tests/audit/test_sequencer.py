"""The sequencer: order, gaps, what it refuses to build on, and what it never signs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from flask_jafsec.audit.envelope import read
from flask_jafsec.audit.notes import Checkpoint, open_checkpoint
from flask_jafsec.audit.rows import EventRow
from flask_jafsec.audit.sequencer import Sequenced
from flask_jafsec.audit.stored_hashes import StoredHashes
from flask_jafsec.audit.tree import root_at
from flask_jafsec.errors import StoreDamaged
from flask_jafsec.stores.audit_tables import GUARDED
from flask_jafsec.stores.sql.audit.store import SqlAuditStore
from flask_jafsec.stores.sql.store import SqlStore
from tests.audit.chains import (
    NAMES,
    ORIGIN,
    START,
    VERIFIERS,
    ChainMaker,
    LogMaker,
    TestClock,
    append,
    make_sequencer,
    make_verifier,
)

A, B, C = NAMES


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqlAuditStore]:
    with closing(SqlStore(f"sqlite:///{path}")) as store:
        yield SqlAuditStore(store)


@contextmanager
def attacked(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for table in GUARDED:
            for verb in ("update", "delete"):
                connection.execute(f"DROP TRIGGER IF EXISTS {table.name}_no_{verb}")
        yield connection


def order(store: SqlAuditStore) -> list[str]:
    """Return writer and number of every leaf."""
    with store.reading() as view:
        leaves = [stored.leaf for stored in view.leaves(0, 10_000)]
    assert [leaf.leaf_index for leaf in leaves] == list(range(len(leaves)))
    return [f"{leaf.writer_id[0]}{leaf.n}" for leaf in leaves]


def kinds(done: Sequenced) -> list[str]:
    return [problem.split()[0].rstrip(":") for problem in done.problems]


def rows_of(chain: ChainMaker, *seconds: int, **more: Any) -> list[EventRow]:
    return [chain.next(START + timedelta(seconds=at), **more)[0] for at in seconds]


def test_events_get_leaves_by_time_and_every_writer_keeps_its_order(store: SqlAuditStore) -> None:
    append(store, rows_of(ChainMaker(A), 1, 5, 9))
    append(store, rows_of(ChainMaker(B), 2, 5, 6))

    done = make_sequencer(store, TestClock()).run_once()

    assert done.count == 6
    assert order(store) == ["a1", "b1", "a2", "b2", "b3", "a3"]


def test_a_clock_that_went_back_does_not_change_a_writers_order(store: SqlAuditStore) -> None:
    append(store, rows_of(ChainMaker(A), 50, 1, 2))
    append(store, rows_of(ChainMaker(B), 10))

    make_sequencer(store, TestClock()).run_once()

    assert order(store) == ["b1", "a1", "a2", "a3"]


def test_a_new_checkpoint_says_size_and_root(store: SqlAuditStore) -> None:
    append(store, rows_of(ChainMaker(A), *range(300)))

    done = make_sequencer(store, TestClock()).run_once()

    assert done.checkpoint is not None
    opened = open_checkpoint(done.checkpoint.note, VERIFIERS)
    with store.reading() as view:
        assert opened == Checkpoint(ORIGIN, 300, root_at(300, StoredHashes(view)))
        assert view.last_checkpoint() == done.checkpoint


def test_nothing_is_signed_twice_and_not_more_than_once_a_second(store: SqlAuditStore) -> None:
    clock, chain = TestClock(), ChainMaker(A)
    sequencer = make_sequencer(store, clock)
    append(store, rows_of(chain, 1))

    assert sequencer.run_once().checkpoint is not None
    assert sequencer.run_once().checkpoint is None
    append(store, rows_of(chain, 2))
    assert sequencer.run_once().checkpoint is None
    clock.go_on(1)
    done = sequencer.run_once()
    assert done.checkpoint is not None
    assert (done.count, done.checkpoint.size) == (0, 2)


def test_what_is_new_is_signed_at_once_when_forced(store: SqlAuditStore) -> None:
    clock, chain = TestClock(), ChainMaker(A)
    sequencer = make_sequencer(store, clock)
    append(store, rows_of(chain, 1))
    first = sequencer.run_once().checkpoint
    append(store, rows_of(chain, 2))

    second = sequencer.run_once(force=True).checkpoint

    assert first is not None
    assert second is not None
    assert second.created_at > first.created_at


def test_many_events_take_several_transactions(store: SqlAuditStore) -> None:
    for name in NAMES:
        append(store, rows_of(ChainMaker(name), *range(40)))

    done = make_sequencer(store, TestClock(), max_rows=50, per_writer=15).run_once()

    assert (done.count, done.has_more) == (120, False)
    assert make_verifier(store).run(now=0).exit_code == 0


def test_a_busy_writer_does_not_keep_others_waiting(store: SqlAuditStore) -> None:
    append(store, rows_of(ChainMaker(A), *range(100)))
    append(store, rows_of(ChainMaker(B), 1))
    sequencer = make_sequencer(store, TestClock(), max_rows=10)

    sequencer.run_once()

    assert order(store).index("b1") <= 20


def test_a_writer_is_followed_up_to_its_gap_and_waited_for(store: SqlAuditStore) -> None:
    rows = rows_of(ChainMaker(A), *range(5))
    append(store, [*rows[:2], *rows[3:]])
    append(store, rows_of(ChainMaker(B), 1, 2))
    sequencer = make_sequencer(store, TestClock())

    done = sequencer.run_once()

    assert done.problems == ()
    assert [(gap.writer_id, gap.n) for gap in done.gaps] == [(A, 3)]
    assert sorted(order(store)) == ["a1", "a2", "b1", "b2"]
    append(store, rows[2:3])
    assert sequencer.run_once().count == 3
    assert make_verifier(store).run(now=0).exit_code == 0


def forged(row: EventRow, **changes: Any) -> EventRow:
    return row._replace(**changes)


@pytest.mark.parametrize(
    ("bend", "kind"),
    [
        pytest.param(lambda row: forged(row, mac=bytes(32)), "mac_broken", id="mac"),
        pytest.param(lambda row: forged(row, mac_key="k0"), "mac_key_unknown", id="key"),
        pytest.param(
            lambda row: forged(row, envelope=row.envelope.replace(b'"st":401', b'"st":200')),
            "mac_broken",
            id="envelope",
        ),
    ],
)
def test_a_forged_row_is_not_sequenced_and_others_are(
    store: SqlAuditStore, bend: Any, kind: str
) -> None:
    rows = rows_of(ChainMaker(A), *range(6))
    append(store, [*rows[:3], bend(rows[3]), *rows[4:]])
    append(store, rows_of(ChainMaker(B), 1, 2))
    sequencer = make_sequencer(store, TestClock())

    done = sequencer.run_once()

    assert kinds(done) == [kind]
    assert f"{A} n=4" in done.problems[0]
    assert sorted(order(store)) == ["a1", "a2", "a3", "b1", "b2"]
    assert done.checkpoint is not None  # what is genuine goes on being signed
    assert sequencer.run_once().problems == done.problems


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        pytest.param(b'"prev":"', b'"prev":"f', "chain_broken", id="prev"),
        pytest.param(b'"n":4', b'"n":9', "row_invalid", id="number"),
        pytest.param(b'"log":"example', b'"log":"elsewhere', "row_invalid", id="another log"),
        pytest.param(b'"m":"POST"', b'"m": "POST"', "row_invalid", id="not canonical"),
        pytest.param(b'"st":', b'"st":1,"st":', "row_invalid", id="a member twice"),
        pytest.param(b'"v":1', b'"v":2', "row_invalid", id="another version"),
        pytest.param(b'"out":"deny"', b'"out":"maybe"', "row_invalid", id="unknown outcome"),
        pytest.param(b"{", b"[", "row_invalid", id="no object"),
        pytest.param(b'"act"', b'"\xff"', "row_invalid", id="no text"),
    ],
)
def test_a_row_with_a_genuine_mac_must_still_be_right(
    store: SqlAuditStore, old: bytes, new: bytes, kind: str
) -> None:
    chain = ChainMaker(A)
    rows = rows_of(chain, *range(3))
    envelope = ChainMaker.next(chain, START)[0].envelope
    chain.n = 3
    assert old in envelope
    bent = envelope.replace(old, new, 1)
    if kind == "chain_broken":
        at = bent.index(b'"prev":"') + 8
        bent = bent[: at + 64] + bent[at + 65 :]
    append(store, [*rows, chain.row(bent)])

    done = make_sequencer(store, TestClock()).run_once()

    assert kinds(done) == [kind]
    assert order(store) == ["a1", "a2", "a3"]


def test_a_repeated_id_neither_stops_the_log_nor_is_lost(store: SqlAuditStore) -> None:
    append(store, rows_of(ChainMaker(A), 1, id="one"))
    append(store, rows_of(ChainMaker(B), 2, 3, id="one"))
    append(store, rows_of(ChainMaker(C), 4, id="two"))

    done = make_sequencer(store, TestClock()).run_once()

    assert kinds(done) == ["event_repeated", "event_repeated"]
    assert order(store) == ["a1", "b1", "b2", "c1"]
    with store.reading() as view:
        entries = [one.entry.event_id for one in view.leaves(0, 9) if one.entry]
    assert entries == ["one", "one#1", "one#2", "two"]
    result = make_verifier(store).run(now=0)
    assert [finding.text for finding in result.findings] == [
        "LEAF 1 has the id of an older event: one",
        "LEAF 2 has the id of an older event: one",
    ]


def test_the_same_id_in_a_later_run_is_found_too(store: SqlAuditStore) -> None:
    sequencer = make_sequencer(store, TestClock())
    append(store, rows_of(ChainMaker(A), 1, id="one"))
    sequencer.run_once()
    append(store, rows_of(ChainMaker(B), 2, id="one"))

    assert kinds(sequencer.run_once()) == ["event_repeated"]
    assert order(store) == ["a1", "b1"]


def test_only_one_process_sequences_at_a_time(store: SqlAuditStore) -> None:
    append(store, rows_of(ChainMaker(A), 1))

    with store.sequencing():
        done = make_sequencer(store, TestClock()).run_once()

    assert not done.is_leader
    assert order(store) == []


def test_another_process_goes_on_where_the_first_ended(store: SqlAuditStore) -> None:
    log = LogMaker(store)
    log.grow(300)
    other = make_sequencer(store, log.clock)

    for sequencer in (other, log.sequencer, other, log.sequencer):
        log.append(10)
        log.clock.go_on(2)
        done = sequencer.run_once()
        assert (done.count, done.problems) == (10, ())

    assert make_verifier(store).run(now=0).checkpoints == 5


TAMPERED_HEADS = [
    pytest.param(
        "UPDATE jafsec_audit_head SET origin = 'example.com/other/audit/1'",
        "origin_changed",
        id="origin",
    ),
    pytest.param("UPDATE jafsec_audit_head SET size = 299", "head_changed", id="size"),
    pytest.param("UPDATE jafsec_audit_head SET size = 301", "head_changed", id="larger size"),
    pytest.param(
        "UPDATE jafsec_audit_head SET frontier = zeroblob(length(frontier))",
        "head_changed",
        id="frontier",
    ),
    pytest.param("DELETE FROM jafsec_audit_head", "head_changed", id="deleted"),
    pytest.param(
        "DELETE FROM jafsec_audit_leaf WHERE leaf_index = 299", "head_changed", id="last leaf"
    ),
    pytest.param(
        "UPDATE jafsec_audit_leaf SET leaf_hash = zeroblob(32) WHERE leaf_index = 299",
        "head_changed",
        id="leaf hash",
    ),
    pytest.param("DELETE FROM jafsec_audit_node", "head_changed", id="nodes"),
]


@pytest.mark.parametrize(("statement", "kind"), TAMPERED_HEADS)
def test_nothing_is_built_on_a_head_that_is_not_that_of_the_leaves(
    store: SqlAuditStore, path: Path, statement: str, kind: str
) -> None:
    log = LogMaker(store)
    log.grow(300)
    with attacked(path) as connection:
        connection.execute(statement)
    log.append(5)
    log.clock.go_on(2)

    for _ in range(2):
        done = make_sequencer(store, log.clock).run_once(force=True)
        assert kinds(done) == [kind]
        assert (done.count, done.checkpoint) == (0, None)


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        pytest.param(
            "UPDATE jafsec_audit_checkpoint SET root = zeroblob(32)", "root_changed", id="root"
        ),
        pytest.param(
            "UPDATE jafsec_audit_checkpoint SET size = 299", "root_changed", id="smaller size"
        ),
        pytest.param(
            "UPDATE jafsec_audit_checkpoint SET size = 900", "root_changed", id="larger size"
        ),
    ],
)
def test_nothing_is_signed_that_does_not_begin_with_what_was_signed(
    store: SqlAuditStore, path: Path, statement: str, kind: str, *, fresh: bool
) -> None:
    log = LogMaker(store)
    log.grow(300)
    sequencer = make_sequencer(store, log.clock) if fresh else log.sequencer
    with attacked(path) as connection:
        connection.execute(statement)
    log.append(5)
    log.clock.go_on(2)

    done = sequencer.run_once(force=True)

    is_smaller = "299" in statement and not fresh
    assert kinds(done) == ["rolled_back" if is_smaller else kind]
    assert (done.count, done.checkpoint) == (5, None)  # events go on, signatures do not
    log.clock.go_on(2)
    assert sequencer.run_once(force=True).problems == done.problems


def test_a_checkpoint_of_ours_that_is_gone_is_a_roll_back(store: SqlAuditStore, path: Path) -> None:
    log = LogMaker(store)
    log.grow(20)
    with attacked(path) as connection:
        connection.execute("DELETE FROM jafsec_audit_checkpoint")

    done = log.sequencer.run_once()

    assert kinds(done) == ["rolled_back"]
    assert done.checkpoint is None


def test_a_database_that_was_put_back_is_not_signed(store: SqlAuditStore) -> None:
    log = LogMaker(store)
    log.grow(20)
    log.append(3)
    log.clock.go_on(2)
    with store.reading() as view:
        root = root_at(20, StoredHashes(view))

    for anchor, signs in (
        (Checkpoint(ORIGIN, 20, root), True),
        (Checkpoint(ORIGIN, 20, bytes(32)), False),
        (Checkpoint(ORIGIN, 400, root), False),
        (Checkpoint("example.com/shop/audit/2", 20, root), False),
    ):
        log.append(1)
        log.clock.go_on(2)
        sequencer = make_sequencer(store, log.clock, anchored=lambda known=anchor: known)
        done = sequencer.run_once()
        assert (done.checkpoint is not None) is signs
        assert kinds(done) == ([] if signs else ["rolled_back"])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE jafsec_audit_writer SET sequenced_n = sequenced_n - 1",
        "UPDATE jafsec_audit_writer SET sequenced_n = 0, sequenced_hash = zeroblob(32)",
    ],
)
def test_a_writer_put_back_is_not_sequenced_a_second_time(
    store: SqlAuditStore, path: Path, statement: str
) -> None:
    log = LogMaker(store)
    log.grow(9)
    with attacked(path) as connection:
        connection.execute(statement)
    log.append(3)

    done = log.sequencer.run_once()

    assert kinds(done) == ["writer_changed"] * 3
    assert done.count == 0


def test_a_writers_noted_hash_must_be_that_of_its_newest_event(
    store: SqlAuditStore, path: Path
) -> None:
    log = LogMaker(store, [A])
    log.grow(3)
    with attacked(path) as connection:
        connection.execute("UPDATE jafsec_audit_writer SET sequenced_hash = zeroblob(32)")
    log.append(1)

    assert kinds(log.sequencer.run_once()) == ["chain_broken"]


def test_search_copies_and_rollups_are_those_of_the_envelopes(store: SqlAuditStore) -> None:
    chain = ChainMaker(A)
    append(store, rows_of(chain, 1, 2) + rows_of(chain, 400, 4000, count=7))

    make_sequencer(store, TestClock()).run_once()

    with store.reading() as view:
        stored = view.leaves(0, 10)
        rollups = view.rollups(0, 2**40)
    for one in stored:
        assert one.row is not None
        assert one.entry is not None
        members = read(one.row.envelope)
        assert one.entry.event_id == members["id"]
        assert one.type_name == members["type"]
    assert sum(one.events for one in rollups if one.step == 300) == 4
    assert sum(one.decisions for one in rollups if one.step == 3600) == 16
    assert len({one.bucket for one in rollups if one.step == 3600}) == 2


def test_a_writer_is_noted_as_far_as_it_is_sequenced(store: SqlAuditStore) -> None:
    rows = rows_of(ChainMaker(A), 1, 2, 3)
    append(store, rows)

    make_sequencer(store, TestClock()).run_once()

    with store.reading() as view:
        writer = next(view.writers())
    assert writer.sequenced_n == 3
    assert writer.sequenced_hash == sha256(rows[2].envelope).digest()
    assert replace(writer, sequenced_n=0) != writer


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        pytest.param("SET envelope = CAST('x' AS TEXT)", "mac_broken", id="envelope is text"),
        pytest.param("SET envelope = 7", "mac_broken", id="envelope is a number"),
        pytest.param("SET mac = 'abc'", "mac_broken", id="mac is text"),
        pytest.param("SET mac_key = x'00'", "row_invalid", id="name of the key is bytes"),
        pytest.param("SET mac_key = CAST(x'ff' AS TEXT)", "row_invalid", id="no UTF-8"),
        pytest.param("SET n = 'abc'", "row_invalid", id="number is text"),
        pytest.param("SET n = 2.5", "row_invalid", id="number is no whole one"),
    ],
)
def test_a_row_with_values_of_another_kind_stops_its_writer_only(
    store: SqlAuditStore, path: Path, statement: str, kind: str
) -> None:
    append(store, rows_of(ChainMaker(A), 1, 2))
    append(store, rows_of(ChainMaker(B), 3, 4))
    with attacked(path) as connection:
        connection.execute(
            f"UPDATE jafsec_audit_event {statement} WHERE writer_id = ? AND n = 2", (A,)
        )

    done = make_sequencer(store, TestClock()).run_once()

    assert kinds(done) == [kind]
    assert f"{A} n=2" in done.problems[0]
    assert order(store) == ["a1", "b1", "b2"]
    assert done.checkpoint is not None


@pytest.mark.parametrize(
    "statement",
    [
        "SET sequenced_n = 'abc'",
        "SET sequenced_n = -0.5",
        "SET final_n = x'00'",
        "SET host = CAST(x'ff' AS TEXT)",
        "SET writer_id = x'00ff'",
    ],
)
def test_a_writer_whose_row_is_odd_is_set_aside(
    store: SqlAuditStore, path: Path, statement: str
) -> None:
    append(store, rows_of(ChainMaker(A), 1, 2))
    append(store, rows_of(ChainMaker(B), 3, 4))
    with attacked(path) as connection:
        connection.execute(f"UPDATE jafsec_audit_writer {statement} WHERE writer_id = ?", (A,))

    sequencer = make_sequencer(store, TestClock())
    sequencer.run_once()

    assert order(store)[-2:] == ["b1", "b2"]


@pytest.mark.parametrize(
    "value", ["9223372036854775807", "253402300799999999", "'abc'", "x'00'", "CAST(x'ff' AS TEXT)"]
)
def test_events_go_on_where_the_newest_checkpoint_has_a_time_that_cannot_be(
    store: SqlAuditStore, path: Path, value: str
) -> None:
    log = LogMaker(store)
    log.grow(6)
    with attacked(path) as connection:
        connection.execute(f"UPDATE jafsec_audit_checkpoint SET created_at = {value}")
    log.append(3)
    log.clock.go_on(2)

    for sequencer in (log.sequencer, make_sequencer(store, log.clock)):
        done = sequencer.run_once()
        assert kinds(done) == ["checkpoint_changed"]
        assert done.checkpoint is None
    assert len(order(store)) == 9


@pytest.mark.parametrize("column", ["origin", "epoch", "size"])
def test_nothing_is_built_on_a_head_with_values_of_another_kind(
    store: SqlAuditStore, path: Path, column: str
) -> None:
    log = LogMaker(store)
    log.grow(6)
    with attacked(path) as connection:
        connection.execute(f"UPDATE jafsec_audit_head SET {column} = x'00'")
    log.append(3)

    assert kinds(log.sequencer.run_once()) == ["head_changed"]


def test_a_type_with_the_last_number_there_is_stops_nothing(
    store: SqlAuditStore, path: Path
) -> None:
    log = LogMaker(store)
    log.grow(1)
    with attacked(path) as connection:
        connection.execute("INSERT INTO jafsec_audit_type VALUES (9223372036854775807, 'x')")
    log.grow(3)

    assert len(order(store)) == 4


def test_a_row_in_the_way_is_told_as_damage(store: SqlAuditStore, path: Path) -> None:
    log = LogMaker(store)
    log.grow(6)
    with attacked(path) as connection:
        connection.execute(
            "INSERT INTO jafsec_audit_entry SELECT 7, 'x', ts, type_id, severity, outcome, "
            "actor_kind, actor, subject, ip, request, key, country, words, decisions "
            "FROM jafsec_audit_entry WHERE leaf_index = 0"
        )
    log.append(3)

    with pytest.raises(StoreDamaged, match=r"jafsec_audit_entry\.leaf_index"):
        log.sequencer.run_once()
