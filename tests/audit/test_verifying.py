"""The verifier: what its result says about a log that nobody tampered with, and about gaps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from flask_jafsec.audit.findings import MAX_KEPT, Findings, Level
from flask_jafsec.audit.notes import Checkpoint, NoteSigner, NoteVerifier
from flask_jafsec.audit.rows import micros
from flask_jafsec.audit.tree_checking import Anchored
from flask_jafsec.audit.verifying import Verifier
from flask_jafsec.stores.sql.audit.store import SqlAuditStore
from flask_jafsec.stores.sql.store import SqlStore
from tests.audit.chains import (
    NAMES,
    ORIGIN,
    START,
    VERIFIERS,
    ChainMaker,
    LogMaker,
    append,
    mac_key,
    make_verifier,
)

A, B, C = NAMES


@pytest.fixture
def sql(tmp_path: Path) -> Iterator[SqlStore]:
    with closing(SqlStore(f"sqlite:///{tmp_path / 'log.db'}")) as store:
        yield store


@pytest.fixture
def log(sql: SqlStore) -> LogMaker:
    return LogMaker(SqlAuditStore(sql))


def now(log: LogMaker) -> int:
    return micros(log.clock.now())


def test_an_empty_log_is_ok(log: LogMaker) -> None:
    result = make_verifier(log.store).run(now=0)

    assert (result.exit_code, result.findings, result.size) == (0, (), 0)


def test_the_result_counts_what_there_is(log: LogMaker) -> None:
    log.grow(30)
    log.grow(12)
    log.append(4)

    result = make_verifier(log.store).run(now=now(log))

    assert (result.events, result.size, result.waiting) == (42, 42, 4)
    assert (result.writers, result.live_writers) == (3, 3)
    assert result.checkpoints == 2
    assert result.newest_checkpoint is not None
    assert result.newest_checkpoint.size == 42
    assert (result.readable, result.erased, result.missing) == (0, 21, 0)
    assert result.uncovered == 42
    assert result.uncovered_since == micros(START + timedelta(seconds=7))


def test_personal_parts_with_a_key_are_readable(log: LogMaker, sql: SqlStore) -> None:
    log.grow(10)
    with sql.transaction("tables", writing=True) as transaction:
        transaction.change(
            text(
                "INSERT INTO jafsec_data_key VALUES "
                f"('{'d' * 26}', 'day', '2026-11-22', 1, x'00', 'k1', 0, NULL, '')"
            )
        )

    result = make_verifier(log.store).run(now=now(log))

    assert (result.readable, result.erased) == (5, 0)


def test_anchors_say_how_much_is_covered(log: LogMaker) -> None:
    notes = []
    for count in (10, 20, 5):
        log.grow(count)
        with log.store.reading() as view:
            last = view.last_checkpoint()
        assert last is not None
        notes.append(Anchored(f"at {last.size}", Checkpoint(ORIGIN, last.size, last.root)))

    result = make_verifier(log.store).run(now=now(log), anchors=notes[:2])

    assert [(one.name, one.size, one.is_reproduced) for one in result.anchors] == [
        ("at 10", 10, True),
        ("at 30", 30, True),
    ]
    assert (result.exit_code, result.uncovered) == (0, 5)
    assert result.uncovered_since == micros(START + timedelta(seconds=31 * 7))


def test_an_anchor_of_another_log_says_nothing(log: LogMaker) -> None:
    log.grow(3)
    anchor = Anchored("file", Checkpoint("example.com/other/audit/1", 3, bytes(32)))

    result = make_verifier(log.store).run(now=now(log), anchors=[anchor])

    assert result.exit_code == 2
    assert result.findings[-1].text == "ANCHOR file has checkpoints of another log"


def test_verifying_may_begin_later(log: LogMaker) -> None:
    append(log.store, [ChainMaker("d" * 16).next(START)[0]])
    log.append(299)
    log.sequence()
    log.grow(300)
    log.append(3)
    early = ChainMaker("d" * 16)
    append(log.store, [early.next(START)[0] for _ in range(2)][1:])
    seen: list[tuple[int, int]] = []

    result = make_verifier(log.store).run(
        now=micros(START), first_leaf=290, progress=lambda done, of: seen.append((done, of))
    )

    assert (result.exit_code, result.first_leaf, result.events) == (0, 290, 310)
    assert (result.waiting, result.writers) == (4, 4)
    assert result.checkpoints == 2
    assert seen == [(490, 600), (600, 600)]


def test_a_retired_key_makes_the_log_not_verifiable_unless_macs_are_left_out(
    log: LogMaker,
) -> None:
    log.grow(9)
    verifier = make_verifier(log.store, lambda _: None)

    result = verifier.run(now=now(log))

    assert result.exit_code == 2
    assert result.findings[-1].text == "MAC of 9 events not checked: no key k1"
    assert verifier.run(now=now(log), check_mac=False).exit_code == 0


def test_a_checkpoint_of_an_unknown_key_makes_the_log_not_verifiable(log: LogMaker) -> None:
    log.grow(9)
    stranger = NoteVerifier.from_vkey(NoteSigner(ORIGIN, bytes(32)).verifier_key)
    verifier = Verifier(log.store, origin=ORIGIN, verifiers=[stranger], mac_key=mac_key)

    result = verifier.run(now=now(log))

    assert (result.exit_code, result.checkpoints) == (2, 0)


def test_a_log_by_another_name_is_not_this_one(log: LogMaker) -> None:
    log.grow(9)
    name = "example.com/shop/audit/2"
    verifier = Verifier(log.store, origin=name, verifiers=VERIFIERS, mac_key=mac_key)

    result = verifier.run(now=now(log))

    assert result.exit_code == 1
    assert f"LEAF 0 event {A}/1 is of the log {ORIGIN}" in [one.text for one in result.findings]


def test_a_gap_before_a_waiting_event_is_in_a_journal_or_deleted(log: LogMaker) -> None:
    chain = ChainMaker(A)
    rows = [chain.next(START)[0] for _ in range(3)]
    append(log.store, [rows[0], rows[2]])

    result = make_verifier(log.store).run(now=micros(START))

    assert (result.exit_code, result.waiting) == (2, 2)
    assert [one.text for one in result.findings] == [f"WRITER {A} n=2 in a journal, or deleted"]


def test_events_that_nobody_sequences_are_told_with_their_age(log: LogMaker) -> None:
    log.grow(6)
    log.append(2)

    fresh = make_verifier(log.store).run(now=micros(log.at) + 50_000_000)
    late = make_verifier(log.store).run(now=micros(log.at) + 113_000_000)

    said = "WAITING events have no leaf for 120 s: no process sequences them"
    assert said not in [one.text for one in fresh.findings]
    assert said in [one.text for one in late.findings if one.level is Level.INCOMPLETE]


def test_writers_that_fell_silent_are_listed_and_no_harm(log: LogMaker) -> None:
    log.grow(6)

    result = make_verifier(log.store).run(now=now(log) + 10**11)

    assert (result.exit_code, result.live_writers) == (0, 0)
    notes = [one.text for one in result.findings if one.level is Level.NOTE]
    assert notes[0] == f"WRITER {A} abandoned, last event 2026-11-22T17:40:28.000000Z"


def test_a_writer_that_said_goodbye_has_ended(log: LogMaker) -> None:
    log.grow(6)
    with log.store.appending() as batch:
        for name in NAMES:
            batch.end_writer(name, 2)

    result = make_verifier(log.store).run(now=now(log) + 10**11)

    assert (result.exit_code, result.live_writers, result.findings) == (0, 0, ())


def test_events_given_up_by_a_sink_are_noted(log: LogMaker, sql: SqlStore) -> None:
    log.grow(3)
    with sql.transaction("tables", writing=True) as transaction:
        transaction.change(text("INSERT INTO jafsec_audit_export_dead VALUES ('siem', 1, 'x')"))

    result = make_verifier(log.store).run(now=now(log))

    assert result.exit_code == 0
    assert [one.text for one in result.findings] == ["DEAD 1 events were given up by a sink"]


def test_times_far_from_their_checkpoint_are_noted(log: LogMaker) -> None:
    log.grow(3)
    log.at -= timedelta(hours=3)
    log.append(3)
    log.at += timedelta(hours=9)
    log.append(3)
    log.clock.go_on(2)
    log.sequencer.run_once()

    result = make_verifier(log.store).run(now=now(log))

    assert result.exit_code == 0
    assert [one.text.split()[0] for one in result.findings] == ["LATE", "CLOCK"]


def test_findings_beyond_the_first_hundred_are_counted(log: LogMaker, sql: SqlStore) -> None:
    log.grow(150)
    with sql.transaction("tables", writing=True) as transaction:
        transaction.change(text("UPDATE jafsec_audit_entry SET actor = 'x'"))

    result = make_verifier(log.store).run(now=now(log))

    assert len(result.findings) == MAX_KEPT
    assert (result.more, result.exit_code) == (50, 1)


@pytest.mark.parametrize(
    ("levels", "exit_code"),
    [
        ([], 0),
        ([Level.NOTE], 0),
        ([Level.INCOMPLETE, Level.NOTE], 2),
        ([Level.INCOMPLETE, Level.TAMPERED], 1),
    ],
)
def test_tampering_weighs_more_than_what_could_not_be_verified(
    levels: list[Level], exit_code: int
) -> None:
    findings = Findings()

    for level in levels:
        findings.add(level, "x")

    assert findings.exit_code == exit_code


def test_memory_does_not_grow_with_the_log(log: LogMaker) -> None:
    log.grow(700)
    verifier = make_verifier(log.store)
    most = 0
    with log.store.reading() as view:
        check = verifier.event_check(Findings(), check_mac=True, from_start=True)
        for first in range(0, 700, 100):
            for stored in view.leaves(first, 100):
                check.take_leaf(stored)
            most = max(most, len(check.newest))

    assert most == 3
