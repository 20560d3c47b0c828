"""What somebody with write access to the database can do to the log, and who finds out."""

from __future__ import annotations

import hmac
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from flask_jafsec.audit.findings import Verification
from flask_jafsec.audit.notes import Checkpoint, checkpoint_text, open_checkpoint, signed_note
from flask_jafsec.audit.proving import prove
from flask_jafsec.audit.rows import SignedCheckpoint, micros
from flask_jafsec.audit.tree import (
    Frontier,
    Growth,
    MissingLeaves,
    ProofInvalid,
    leaf_hash,
)
from flask_jafsec.audit.tree_checking import Anchored
from flask_jafsec.audit.verifying import Verifier
from flask_jafsec.stores.audit_tables import GUARDED
from flask_jafsec.stores.sql.audit.store import SqlAuditStore
from flask_jafsec.stores.sql.store import SqlStore
from tests.audit.chains import MAC_KEY, ORIGIN, SIGNER, VERIFIERS, LogMaker, make_verifier

Attack = Callable[[sqlite3.Connection], object]

A, B, C = "a" * 16, "b" * 16, "c" * 16
NOW = 1_795_500_000_000_000


@contextmanager
def opened(path: Path) -> Iterator[SqlAuditStore]:
    with closing(SqlStore(f"sqlite:///{path}")) as store:
        yield SqlAuditStore(store)


def as_attacker(path: Path) -> sqlite3.Connection:
    """Open the file as somebody who is not stopped by our triggers."""
    connection = sqlite3.connect(path, isolation_level=None)
    for table in GUARDED:
        for verb in ("update", "delete"):
            connection.execute(f"DROP TRIGGER IF EXISTS {table.name}_no_{verb}")
    return connection


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of three writers: 600 leaves, signed at 300, 500 and 600."""
    path = tmp_path_factory.mktemp("log") / "genuine.db"
    with opened(path) as store:
        log = LogMaker(store)
        for count in (300, 200, 100):
            log.grow(count)
    with closing(as_attacker(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture
def path(genuine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(genuine, tmp_path / "log.db"))


def anchor_of(path: Path, size: int = 600) -> Anchored:
    """Return the checkpoint that somebody else kept."""
    with opened(path) as store, store.reading() as view:
        note = view.checkpoints(size - 1, 1)[0].note
    return Anchored("file", open_checkpoint(note, VERIFIERS))


def verified(path: Path, *anchors: Anchored) -> Verification:
    with opened(path) as store:
        return make_verifier(store).run(now=NOW, anchors=anchors)


def texts(result: Verification) -> list[str]:
    return [finding.text for finding in result.findings if finding.level]


def test_a_genuine_log_is_ok(genuine: Path) -> None:
    anchor = anchor_of(genuine)

    result = verified(genuine, anchor)

    assert (result.exit_code, texts(result)) == (0, [])
    assert (result.events, result.size, result.checkpoints) == (600, 600, 3)
    assert result.anchors[0].is_reproduced
    assert result.uncovered == 0


def changed_event(connection: sqlite3.Connection, *, leaf_too: bool = False) -> None:
    where = "WHERE writer_id = ? AND n = 17"
    (envelope,) = connection.execute(
        f"SELECT envelope FROM jafsec_audit_event {where}", (C,)
    ).fetchone()
    forged = envelope.replace(b'"st":0', b'"st":1')
    assert forged != envelope
    connection.execute(f"UPDATE jafsec_audit_event SET envelope = ? {where}", (forged, C))
    if leaf_too:
        values = (leaf_hash(forged), C)
        connection.execute(f"UPDATE jafsec_audit_leaf SET leaf_hash = ? {where}", values)


def run(*statements: str) -> Attack:
    def attack(connection: sqlite3.Connection) -> None:
        for statement in statements:
            assert connection.execute(statement).rowcount != 0, statement

    return attack


def forge_row(connection: sqlite3.Connection) -> None:
    """Add an event behind a writer's last one, with everything right but the key."""
    (envelope,) = connection.execute(
        "SELECT envelope FROM jafsec_audit_event WHERE writer_id = ? AND n = 200", (A,)
    ).fetchone()
    forged = envelope.replace(b'"n":200,', b'"n":201,')
    prev = forged.index(b'"prev":"') + 8
    forged = forged[:prev] + sha256(envelope).hexdigest().encode() + forged[prev + 64 :]
    mac = hmac.digest(b"guessed", b"jafsec-audit-v1\0" + forged, "sha256")
    row = (A, 201, forged, mac, "k1")
    connection.execute("INSERT INTO jafsec_audit_event VALUES (?, ?, ?, ?, ?)", row)


DELETE_EVENT = f"DELETE FROM jafsec_audit_event WHERE writer_id = '{B}' AND n = 100"
DELETE_LEAF = f"DELETE FROM jafsec_audit_leaf WHERE writer_id = '{B}' AND n = 100"
SWAP_LEAVES = (
    "CREATE TEMP TABLE two AS SELECT * FROM jafsec_audit_leaf WHERE leaf_index IN (30, 31)",
    "DELETE FROM jafsec_audit_leaf WHERE leaf_index IN (30, 31)",
    "INSERT INTO jafsec_audit_leaf SELECT 61 - leaf_index, writer_id, n, leaf_hash FROM two",
)
SWAP_SEALED = (
    f"UPDATE jafsec_audit_pd SET n = n + 100000 WHERE writer_id = '{A}' AND n IN (1, 3)",
    f"UPDATE jafsec_audit_pd SET n = 100004 - n WHERE writer_id = '{A}' AND n > 100000",
)

DETECTED_ALONE = [
    pytest.param(
        changed_event, "LEAF 50 event cccccccccccccccc/17 changed: stored hash", id="field"
    ),
    pytest.param(
        lambda c: changed_event(c, leaf_too=True),
        "CHECKPOINT root at 300 not reproduced",
        id="field and its leaf hash",
    ),
    pytest.param(
        lambda c: changed_event(c, leaf_too=True),
        "LEAF 50 event cccccccccccccccc/17 MAC does not hold",
        id="field and its leaf hash, by its MAC",
    ),
    pytest.param(
        lambda c: changed_event(c, leaf_too=True),
        "LEAF 53 event cccccccccccccccc/18 does not follow the event before it",
        id="field and its leaf hash, by its chain",
    ),
    pytest.param(
        run(DELETE_EVENT), "LEAF 298 event bbbbbbbbbbbbbbbb/100 missing", id="event deleted"
    ),
    pytest.param(
        run(DELETE_EVENT, DELETE_LEAF),
        "WRITER bbbbbbbbbbbbbbbb n=100 missing",
        id="event and leaf deleted",
    ),
    pytest.param(
        run(DELETE_EVENT, DELETE_LEAF), "LEAF 298 missing, 299 in its place", id="leaf deleted"
    ),
    pytest.param(
        run(*SWAP_LEAVES), "CHECKPOINT root at 300 not reproduced", id="two leaves swapped"
    ),
    pytest.param(
        forge_row, "WAITING event aaaaaaaaaaaaaaaa/201 MAC does not hold", id="row without a key"
    ),
    pytest.param(
        run(f"DELETE FROM jafsec_audit_event WHERE writer_id = '{C}'"),
        "LEAF 2 event cccccccccccccccc/1 missing",
        id="all rows of a writer",
    ),
    pytest.param(
        run(
            *(
                f"DELETE FROM jafsec_audit_{table} WHERE writer_id = '{C}'"
                for table in ("event", "leaf", "pd", "writer")
            )
        ),
        "LEAF 2 missing, 3 in its place",
        id="every trace of a writer",
    ),
    pytest.param(
        run("UPDATE jafsec_audit_entry SET actor = 'somebody' WHERE leaf_index = 9"),
        "LEAF 9 search copy changed: actor",
        id="search copy",
    ),
    pytest.param(
        run("DELETE FROM jafsec_audit_entry WHERE leaf_index = 9"),
        "LEAF 9 search copy missing",
        id="search copy deleted",
    ),
    pytest.param(
        run("UPDATE jafsec_audit_type SET name = 'harmless' WHERE id = 2"),
        "LEAF 0 search copy changed: type",
        id="name of a type",
    ),
    pytest.param(
        run(*SWAP_SEALED),
        "LEAF 0 event aaaaaaaaaaaaaaaa/1 personal part changed",
        id="personal parts swapped",
    ),
    pytest.param(
        run(f"DELETE FROM jafsec_audit_pd WHERE writer_id = '{A}' AND n = 3"),
        "LEAF 6 event aaaaaaaaaaaaaaaa/3 personal part missing without receipt",
        id="personal part deleted",
    ),
    pytest.param(
        run("INSERT INTO jafsec_audit_pd VALUES ('ffffffffffffffff', 1, 'd', x'00')"),
        "STRAY pd ffffffffffffffff/1 belongs to nothing",
        id="personal part added",
    ),
    pytest.param(
        run("INSERT INTO jafsec_audit_event VALUES ('ffffffffffffffff', 1, x'00', x'00', 'k1')"),
        "STRAY event ffffffffffffffff/1 belongs to nothing",
        id="event of nobody",
    ),
    pytest.param(
        run("UPDATE jafsec_audit_node SET hash = zeroblob(32) WHERE position = 1"),
        "NODE 8/1 changed",
        id="node",
    ),
    pytest.param(run("DELETE FROM jafsec_audit_node"), "NODE 8/0 missing", id="nodes deleted"),
    pytest.param(
        run("INSERT INTO jafsec_audit_node VALUES (16, 0, x'00')"),
        "STRAY 1 rows of node belong to nothing",
        id="node added",
    ),
    pytest.param(
        run("UPDATE jafsec_audit_rollup SET decisions = 0 WHERE step = 3600"),
        "ROLLUP step 3600 at 2026-11-22T17:00:00.000000Z type 1 changed",
        id="rollup",
    ),
    pytest.param(
        run("DELETE FROM jafsec_audit_rollup WHERE bucket > 1795369500 AND step = 300"),
        "ROLLUP step 300 at 2026-11-22T17:50:00.000000Z type 1 missing or changed",
        id="rollup deleted",
    ),
    pytest.param(
        run("UPDATE jafsec_audit_writer SET sequenced_n = sequenced_n - 1"),
        "WRITER aaaaaaaaaaaaaaaa is noted as sequenced to 199, its leaves reach 200",
        id="how far a writer is",
    ),
    pytest.param(
        run("UPDATE jafsec_audit_writer SET sequenced_hash = zeroblob(32)"),
        "WRITER aaaaaaaaaaaaaaaa has another hash noted than n=200 has",
        id="hash of a writer's newest event",
    ),
    pytest.param(
        run(f"DELETE FROM jafsec_audit_writer WHERE writer_id = '{A}'"),
        "WRITER aaaaaaaaaaaaaaaa has leaves, but no row",
        id="writer deleted",
    ),
    pytest.param(
        run("UPDATE jafsec_audit_writer SET final_n = 150"),
        "WRITER aaaaaaaaaaaaaaaa ended at 150, has n=200",
        id="end of a writer",
    ),
    pytest.param(
        run("UPDATE jafsec_audit_head SET size = 500"),
        "HEAD says 500 leaves, there are 600",
        id="head",
    ),
    pytest.param(
        run("UPDATE jafsec_audit_head SET frontier = zeroblob(length(frontier))"),
        "HEAD has another frontier than 600 leaves have",
        id="frontier",
    ),
    pytest.param(
        run("DELETE FROM jafsec_audit_head"), "HEAD missing, there are 600 leaves", id="no head"
    ),
    pytest.param(
        run("DELETE FROM jafsec_audit_leaf WHERE leaf_index >= 500"),
        "TRUNCATED log has 500 leaves, checkpoint says 600",
        id="leaves cut",
    ),
    pytest.param(
        run("UPDATE jafsec_audit_checkpoint SET root = zeroblob(32) WHERE size = 500"),
        "CHECKPOINT root at 500 not reproduced",
        id="stored root",
    ),
    pytest.param(
        run(
            "UPDATE jafsec_audit_checkpoint SET note = "
            "(SELECT note FROM jafsec_audit_checkpoint WHERE size = 300) WHERE size = 500"
        ),
        "CHECKPOINT note at 500 says something else",
        id="older note in the place of a newer one",
    ),
    pytest.param(
        run("UPDATE jafsec_audit_checkpoint SET created_at = 5 WHERE size = 500"),
        "CHECKPOINT at 500 is older than the one before it",
        id="time of a checkpoint",
    ),
    pytest.param(
        run("DELETE FROM jafsec_audit_checkpoint WHERE size = 600"),
        "UNSIGNED 100 leaves, no checkpoint newer",
        id="newest checkpoint deleted",
    ),
]


@pytest.mark.parametrize(("attack", "finding"), DETECTED_ALONE)
def test_what_the_log_alone_shows(path: Path, attack: Attack, finding: str) -> None:
    anchor = anchor_of(path)
    with closing(as_attacker(path)) as connection:
        attack(connection)

    alone, anchored = verified(path), verified(path, anchor)

    assert any(text.startswith(finding) for text in texts(alone)), texts(alone)[:9]
    assert alone.exit_code
    assert anchored.exit_code == 1


def cut_back(connection: sqlite3.Connection, size: int = 500) -> None:
    """Put the log back to an older checkpoint, without leaving a trace."""
    rows = connection.execute(
        "SELECT writer_id, n, leaf_hash FROM jafsec_audit_leaf WHERE leaf_index < ? "
        "ORDER BY leaf_index",
        (size,),
    ).fetchall()
    tree = Growth()
    for _, _, digest in rows:
        tree.add(digest)
    for table, column in (("leaf", "leaf_index"), ("entry", "leaf_index"), ("checkpoint", "size")):
        limit = size if column == "leaf_index" else size + 1
        connection.execute(f"DELETE FROM jafsec_audit_{table} WHERE {column} >= {limit}")
    connection.execute("DELETE FROM jafsec_audit_node WHERE (position + 1) * 256 > ?", (size,))
    for writer, n in {writer: n for writer, n, _ in rows}.items():
        for table in ("event", "pd"):
            connection.execute(
                f"DELETE FROM jafsec_audit_{table} WHERE writer_id = ? AND n > ?", (writer, n)
            )
        (envelope,) = connection.execute(
            "SELECT envelope FROM jafsec_audit_event WHERE writer_id = ? AND n = ?", (writer, n)
        ).fetchone()
        connection.execute(
            "UPDATE jafsec_audit_writer SET sequenced_n = ?, sequenced_hash = ? "
            "WHERE writer_id = ?",
            (n, sha256(envelope).digest(), writer),
        )
    frontier: Frontier = tree.frontier()
    connection.execute(
        "UPDATE jafsec_audit_head SET size = ?, frontier = ?", (size, frontier.to_bytes())
    )
    connection.execute("DELETE FROM jafsec_audit_rollup")
    for step in (300, 3600):
        us = step * 1_000_000
        connection.execute(
            f"INSERT INTO jafsec_audit_rollup SELECT {step}, ts / {us} * {step}, type_id, outcome, "
            "severity, count(*), sum(decisions) FROM jafsec_audit_entry GROUP BY 2, 3, 4, 5"
        )


def test_a_log_cut_back_to_an_older_checkpoint_needs_an_anchor_to_be_found(path: Path) -> None:
    anchor = anchor_of(path)
    with closing(as_attacker(path)) as connection:
        cut_back(connection)

    alone, anchored = verified(path), verified(path, anchor)

    assert (alone.exit_code, texts(alone)) == (0, [])  # documented: nothing inside shows it
    assert anchored.exit_code == 1
    assert texts(anchored) == ["TRUNCATED log has 500 leaves, anchor says 600"]


@pytest.mark.parametrize("backdated", [0, 1])
def test_a_log_rebuilt_with_all_keys_needs_an_anchor_to_be_found(
    genuine: Path, tmp_path: Path, backdated: int
) -> None:
    rebuilt = tmp_path / "rebuilt.db"
    with opened(rebuilt) as store:
        log = LogMaker(store)
        log.grow(299)
        log.at += timedelta(seconds=0 if backdated else 7)  # one event left out, or one put in
        log.append(backdated, route="/backdated/<id>")
        log.grow(201 - backdated)
        log.grow(100)

    alone, anchored = verified(rebuilt), verified(rebuilt, anchor_of(genuine))

    assert (alone.exit_code, texts(alone)) == (0, [])  # documented: the keys make it genuine
    assert anchored.exit_code == 1
    assert "FORK anchored root at 600 not reproduced (file)" in texts(anchored)


def test_a_newest_event_deleted_before_its_checkpoint_is_not_found_here(path: Path) -> None:
    with closing(as_attacker(path)) as connection:
        forge_row(connection)
        connection.execute("DELETE FROM jafsec_audit_event WHERE n = 201")

    # Documented: only another copy has it. A writer that said goodbye tells how many there were.
    assert verified(path, anchor_of(path)).exit_code == 0
    with closing(as_attacker(path)) as connection:
        connection.execute("UPDATE jafsec_audit_writer SET final_n = 201 WHERE writer_id = ?", (A,))
    result = verified(path)
    assert result.exit_code == 2
    assert texts(result) == [f"WRITER {A} n=201 to 201 in a journal, or deleted"]


def test_a_deleted_checkpoint_is_found_by_its_anchor(path: Path) -> None:
    anchor = anchor_of(path, 500)
    with closing(as_attacker(path)) as connection:
        connection.execute("DELETE FROM jafsec_audit_checkpoint WHERE size = 500")

    assert texts(verified(path, anchor)) == ["CHECKPOINT at 500 missing, but anchored (file)"]


def test_a_second_root_for_one_size_is_a_fork(path: Path) -> None:
    other = Anchored("witness", Checkpoint(ORIGIN, 600, bytes(32)))

    result = verified(path, anchor_of(path), other)

    assert texts(result) == ["FORK anchored root at 600 not reproduced (witness)"]
    assert sorted((one.name, one.is_reproduced) for one in result.anchors) == [
        ("file", True),
        ("witness", False),
    ]


def test_a_checkpoint_signed_by_another_key_counts_for_nothing(path: Path) -> None:
    with opened(path) as store, store.reading() as view:
        genuine = view.checkpoints(499, 1)[0]
    forged = replace(genuine, note=forged_note(genuine))
    with closing(as_attacker(path)) as connection:
        connection.execute(
            "UPDATE jafsec_audit_checkpoint SET note = ? WHERE size = 500", (forged.note,)
        )

    assert verified(path).exit_code == 2


def forged_note(checkpoint: SignedCheckpoint) -> str:
    """Return a note by a key of the same name."""
    stranger = type(SIGNER)(ORIGIN, MAC_KEY)
    text = checkpoint_text(Checkpoint(ORIGIN, checkpoint.size, checkpoint.root))
    return signed_note(text, [stranger])


def test_a_proof_over_a_changed_node_is_not_handed_out(path: Path) -> None:
    event_id = f"0190{1:08x}-{A}"
    with opened(path) as store:
        with store.reading() as view:
            assert prove(view, event_id, VERIFIERS)
        with closing(as_attacker(path)) as connection:
            connection.execute("UPDATE jafsec_audit_node SET hash = zeroblob(32)")

        with store.reading() as view, pytest.raises(ProofInvalid):
            prove(view, event_id, VERIFIERS)
        with closing(as_attacker(path)) as connection:
            connection.execute("DELETE FROM jafsec_audit_node")
        with store.reading() as view, pytest.raises(MissingLeaves):
            prove(view, event_id, VERIFIERS)


#: What flipping changes nothing that anybody relies on, and why.
IRRELEVANT = {
    # About the process, for people; in no envelope and behind no decision.
    ("jafsec_audit_writer", "log_id"),
    ("jafsec_audit_writer", "started_at"),
    ("jafsec_audit_writer", "host"),
    ("jafsec_audit_writer", "pid"),
    ("jafsec_audit_writer", "version"),
    ("jafsec_audit_writer", "seen_at"),
    # When a checkpoint was signed is not in the note; only the order of times is checked.
    ("jafsec_audit_checkpoint", "created_at"),
    # How far a collector is: a wrong cursor sends events again, or is seen in its lag.
    *(
        ("jafsec_audit_export", name)
        for name in ("sink", "next_leaf", "error", "failures", "owner", "lease_until")
    ),
    *(("jafsec_audit_export_dead", name) for name in ("sink", "leaf_index", "error")),
}

TABLES = (
    "checkpoint",
    "entry",
    "event",
    "export",
    "export_dead",
    "head",
    "leaf",
    "node",
    "pd",
    "rollup",
    "type",
    "writer",
)


def flipped(value: Any, chance: random.Random) -> Any:
    """Return *value* with one bit changed."""
    if isinstance(value, int):
        return value ^ 1 << chance.randrange(63)
    raw = bytearray(value.encode() if isinstance(value, str) else value)
    raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    return bytes(raw)


def flip(
    connection: sqlite3.Connection, table: str, chance: random.Random
) -> tuple[str, Attack] | None:
    """Flip a bit; return the column, and how to undo it. None if that could not be written."""
    keys = [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[5]]
    rows = connection.execute(f"SELECT * FROM {table}")
    names = [one[0] for one in rows.description]
    row = dict(zip(names, chance.choice(rows.fetchall()), strict=True))
    column = chance.choice([name for name in names if row[name] not in (None, "", b"")])
    old = row[column]
    place = "CAST(? AS TEXT)" if isinstance(old, str) else "?"
    where = " AND ".join(f"{key} = ?" for key in keys)
    statement = f"UPDATE {table} SET {column} = {place} WHERE {where}"
    new = flipped(old, chance)
    try:
        connection.execute(statement, (new, *(row[key] for key in keys)))
    except sqlite3.IntegrityError:
        return None

    def undo(connection: sqlite3.Connection) -> None:
        there = [new if key == column else row[key] for key in keys]
        cast = " AND ".join(f"{key} = {place if key == column else '?'}" for key in keys)
        undone = f"UPDATE {table} SET {column} = ? WHERE {cast}"
        assert connection.execute(undone, (old, *there)).rowcount == 1

    return column, undo


def judged(verifier: Verifier, now: int) -> int:
    """Return the exit code."""
    return verifier.run(now=now).exit_code


#: Values that a column is not for, or that nobody expects there.
ODD_VALUES = (
    "'abc'",
    "x'00ff'",
    "CAST(x'ff' AS TEXT)",
    "-0.5",
    "9e999",
    "9223372036854775807",
    "-9223372036854775808",
)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of three writers: 17 leaves, and three events that wait."""
    path = tmp_path_factory.mktemp("log") / "small.db"
    with opened(path) as store:
        log = LogMaker(store)
        log.grow(12)
        log.grow(5)
        log.append(3)
    with closing(as_attacker(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.mark.parametrize("every_row", [False, True])
@pytest.mark.parametrize(
    "table",
    # A log of this size has no nodes, and of exports nothing is proven.
    [f"jafsec_audit_{name}" for name in TABLES if name != "node" and "export" not in name],
)
def test_a_value_of_another_kind_is_a_finding_and_no_failure(
    small: Path, tmp_path: Path, table: str, *, every_row: bool
) -> None:
    path = Path(shutil.copy(small, tmp_path / "log.db"))
    with opened(path) as store, closing(as_attacker(path)) as connection:
        verifier = make_verifier(store)
        # A moment at which the events that wait have not waited for long.
        (now,) = connection.execute("SELECT max(ts) FROM jafsec_audit_entry").fetchone()
        assert verifier.run(now=now).exit_code == 0
        for column in [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]:
            for value in ODD_VALUES:
                connection.execute("BEGIN")
                connection.execute(f"CREATE TEMP TABLE kept AS SELECT * FROM {table}")
                where = "" if every_row else f"WHERE {column} = (SELECT max({column}) FROM {table})"
                try:
                    changed = connection.execute(
                        f"UPDATE OR IGNORE {table} SET {column} = {value} {where}"
                    ).rowcount
                except sqlite3.IntegrityError:
                    changed = 0
                connection.execute("COMMIT")
                result = verifier.run(now=now)
                may_be = (table, column) in IRRELEVANT or not changed
                assert result.exit_code or may_be, (column, value, texts(result))
                connection.execute(f"DELETE FROM {table}")
                connection.execute(f"INSERT INTO {table} SELECT * FROM kept")
                connection.execute("DROP TABLE kept")
        assert verifier.run(now=now).exit_code == 0


@pytest.mark.parametrize("table", [f"jafsec_audit_{name}" for name in TABLES if name != "export"])
def test_a_table_that_is_gone_is_a_finding(small: Path, tmp_path: Path, table: str) -> None:
    path = Path(shutil.copy(small, tmp_path / "log.db"))
    with closing(as_attacker(path)) as connection:
        connection.execute(f"DROP TABLE {table}")

    result = verified(path)

    assert result.exit_code == 1
    assert texts(result)[-1].startswith("DATABASE cannot be verified any further: ")
    assert texts(result)[-1].endswith(f"no such table: {table}")


ODD_ROWS = [
    ("UPDATE jafsec_audit_leaf SET n = 'abc' WHERE leaf_index = 9", "LEAF 9 {odd}: n"),
    (
        f"UPDATE jafsec_audit_event SET mac_key = x'00' WHERE writer_id = '{A}' AND n = 4",
        "LEAF 9 event {a}/4 {odd}: mac_key",
    ),
    (
        "UPDATE jafsec_audit_entry SET ts = 'abc' WHERE leaf_index = 9",
        "LEAF 9 search copy changed: ts",
    ),
    (
        "UPDATE jafsec_audit_entry SET words = CAST(x'ff' AS TEXT) WHERE leaf_index = 9",
        "LEAF 9 search copy changed: words",
    ),
    ("UPDATE jafsec_audit_head SET size = 'abc'", "HEAD {odd}: size"),
    (
        f"UPDATE jafsec_audit_writer SET seen_at = 'abc' WHERE writer_id = '{A}'",
        "WRITER {a} {odd}: seen_at",
    ),
    (
        f"UPDATE jafsec_audit_event SET n = 'abc' WHERE writer_id = '{A}' AND n = 7",
        "WAITING event {a}/abc {odd}: n",
    ),
    (
        "UPDATE jafsec_audit_checkpoint SET note = x'00' WHERE size = 17",
        "CHECKPOINT at 17 {odd}: note",
    ),
    (
        "UPDATE jafsec_audit_checkpoint SET created_at = 9223372036854775807 WHERE size = 17",
        "CHECKPOINT at 17 is of a time that cannot be",
    ),
]


@pytest.mark.parametrize(("statement", "finding"), ODD_ROWS)
def test_the_row_with_a_value_of_another_kind_is_named(
    small: Path, tmp_path: Path, statement: str, finding: str
) -> None:
    path = Path(shutil.copy(small, tmp_path / "log.db"))
    with closing(as_attacker(path)) as connection:
        assert connection.execute(statement).rowcount == 1

    told = texts(verified(path))

    assert finding.format(a=A, odd="has values of another kind") in told


def test_one_flipped_bit_anywhere_is_found_or_changes_nothing(tmp_path: Path) -> None:
    chance = random.Random(20261122)
    path = tmp_path / "log.db"
    found, harmless = 0, 0
    with opened(path) as store, closing(as_attacker(path)) as connection:
        log = LogMaker(store)
        log.grow(257)
        log.append(3)
        as_attacker(path).close()
        verifier, now = make_verifier(store), micros(log.at)
        connection.execute(
            "INSERT INTO jafsec_audit_export VALUES ('siem', 9, NULL, 'x', 1, 'w', 5)"
        )
        connection.execute("INSERT INTO jafsec_audit_export_dead VALUES ('siem', 3, 'x')")
        assert judged(verifier, now) == 0
        while found + harmless < 1_000:
            table = f"jafsec_audit_{chance.choice(TABLES)}"
            done = flip(connection, table, chance)
            if done is None:
                continue
            column, undo = done
            if (table, column) in IRRELEVANT:
                harmless += 1
            else:
                assert judged(verifier, now), (table, column)
                found += 1
            undo(connection)
        assert judged(verifier, now) == 0
    assert found > 600
