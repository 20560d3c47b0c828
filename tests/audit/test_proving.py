"""Proofs and exports made from a stored log, checked by those who only have the public key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from flask_jafsec.audit.envelope import read
from flask_jafsec.audit.exported import NothingSigned, export_lines
from flask_jafsec.audit.notes import Checkpoint, NoteInvalid, checkpoint_text, signed_note
from flask_jafsec.audit.proofs import verify_consistency_text, verify_proof
from flask_jafsec.audit.proving import NotCovered, prove, prove_growth
from flask_jafsec.audit.tree import MissingLeaves, ProofInvalid
from flask_jafsec.errors import NotFound
from flask_jafsec.stores.sql.audit.store import SqlAuditStore
from flask_jafsec.stores.sql.store import SqlStore
from tests.audit.chains import NAMES, ORIGIN, SIGNER, VERIFIERS, LogMaker
from tests.audit.conftest import Run

A, B, C = NAMES


@pytest.fixture
def sql(tmp_path: Path) -> Iterator[SqlStore]:
    with closing(SqlStore(f"sqlite:///{tmp_path / 'log.db'}")) as store:
        yield store


@pytest.fixture
def log(sql: SqlStore) -> LogMaker:
    log = LogMaker(SqlAuditStore(sql))
    log.grow(300)
    log.grow(241)
    return log


def id_of(writer_id: str, n: int) -> str:
    return f"0190{n:08x}-{writer_id}"


def note_at(log: LogMaker, size: int) -> str:
    with log.store.reading() as view:
        return view.checkpoints(size - 1, 1)[0].note


def change(sql: SqlStore, statement: str) -> None:
    with sql.transaction("tables", writing=True) as transaction:
        assert transaction.change(text(statement))


@pytest.mark.parametrize(("writer", "n"), [(A, 1), (B, 100), (C, 180), (A, 181)])
def test_an_event_is_proven_to_whoever_has_the_public_key(
    log: LogMaker, run: Run, writer: str, n: int
) -> None:
    with log.store.reading() as view:
        proof = prove(view, id_of(writer, n), VERIFIERS)

    verified = verify_proof(proof, VERIFIERS)
    assert read(verified.envelope)["id"] == id_of(writer, n)
    assert verified.checkpoint.size == 541
    assert run("proof", proof)[0] == 0


def test_an_event_nobody_knows_is_not_found(log: LogMaker) -> None:
    with log.store.reading() as view, pytest.raises(NotFound):
        prove(view, "unknown", VERIFIERS)


def test_an_event_under_no_checkpoint_yet_is_not_covered(log: LogMaker) -> None:
    log.append(1)
    with log.store.reading() as view, pytest.raises(NotCovered):
        prove(view, id_of(B, 181), VERIFIERS)
    log.sequencer.run_once()
    with log.store.reading() as view, pytest.raises(NotCovered):
        prove(view, id_of(B, 181), VERIFIERS)
    log.clock.go_on(2)
    log.sequencer.run_once()
    with log.store.reading() as view:
        assert prove(view, id_of(B, 181), VERIFIERS)


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE jafsec_audit_entry SET event_id = '{id_of(A, 1)}' WHERE leaf_index = 1",
        "UPDATE jafsec_audit_node SET hash = zeroblob(32)",
    ],
)
def test_what_was_changed_is_not_proven(log: LogMaker, sql: SqlStore, statement: str) -> None:
    if "entry" in statement:
        change(sql, "UPDATE jafsec_audit_entry SET event_id = 'x' WHERE leaf_index = 0")
    change(sql, statement)

    with log.store.reading() as view, pytest.raises(ProofInvalid):
        prove(view, id_of(A, 1), VERIFIERS)


def test_growth_since_an_old_note_is_proven(log: LogMaker, run: Run) -> None:
    old = note_at(log, 300)
    with log.store.reading() as view:
        proof = prove_growth(view, old, VERIFIERS)

    assert verify_consistency_text(proof, VERIFIERS).new.size == 541
    assert run("consistency", proof, anchors=(old,))[0] == 0


def test_a_rewritten_log_did_not_grow_from_an_old_note(log: LogMaker) -> None:
    for size in (300, 900):
        checkpoint = Checkpoint(ORIGIN, size, bytes(32))
        old = signed_note(checkpoint_text(checkpoint), [SIGNER])

        with log.store.reading() as view, pytest.raises(ProofInvalid):
            prove_growth(view, old, VERIFIERS)
    with log.store.reading() as view, pytest.raises(NoteInvalid):
        prove_growth(view, "not a note", VERIFIERS)


def test_a_log_without_a_checkpoint_proves_and_exports_nothing(tmp_path: Path) -> None:
    empty = signed_note(checkpoint_text(Checkpoint(ORIGIN, 0, bytes(32))), [SIGNER])
    with (
        closing(SqlStore(f"sqlite:///{tmp_path / 'empty.db'}")) as sql,
        SqlAuditStore(sql).reading() as view,
    ):
        with pytest.raises(NotCovered):
            prove_growth(view, empty, VERIFIERS)
        with pytest.raises(NothingSigned):
            next(export_lines(view))


def exported(log: LogMaker, first: int = 0, end: int | None = None) -> str:
    with log.store.reading() as view:
        return "\n".join(export_lines(view, first, end)) + "\n"


def test_an_exported_log_satisfies_the_auditors_file(log: LogMaker, run: Run) -> None:
    log.append(2)
    log.sequencer.run_once()

    code, lines = run("log", exported(log), anchors=(note_at(log, 300),))

    assert (code, lines) == (
        0,
        ["RESULT  OK  543 leaves, not covered: 2 by checkpoint, 243 by anchor"],
    )
    assert run("log", exported(log, 0, 256), exported(log, 256))[0] == 0


def test_an_event_changed_in_the_database_is_named_by_the_auditors_file(
    log: LogMaker, sql: SqlStore, run: Run
) -> None:
    change(sql, "DROP TRIGGER jafsec_audit_event_no_update")
    change(
        sql,
        "UPDATE jafsec_audit_event SET envelope = CAST(replace(CAST(envelope AS TEXT), "
        f"'POST', 'PUSH') AS BLOB) WHERE writer_id = '{B}' AND n = 17",
    )

    code, lines = run("log", exported(log))

    assert code == 1
    assert lines[0].startswith("LEAF 49 changed: stored hash ")
    assert len(lines) == 2


def test_a_log_with_an_event_missing_is_not_exported(log: LogMaker, sql: SqlStore) -> None:
    change(sql, "DROP TRIGGER jafsec_audit_event_no_delete")
    change(sql, f"DELETE FROM jafsec_audit_event WHERE writer_id = '{B}' AND n = 17")

    with pytest.raises(MissingLeaves):
        exported(log)


def test_nothing_personal_is_exported(log: LogMaker) -> None:
    with log.store.reading() as view:
        sealed = [one.sealed for one in view.leaves(0, 9) if one.sealed]

    text_of_log = exported(log)

    assert sealed
    assert all(one.data.hex() not in text_of_log for one in sealed)
