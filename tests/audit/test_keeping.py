"""What a process does for the log beside writing: what it says, and what it does at the end."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from flask_jafsec.audit.journal import Journal
from flask_jafsec.audit.keeping import Keeper
from flask_jafsec.audit.rows import SignedCheckpoint
from flask_jafsec.errors import StoreDamaged
from flask_jafsec.events import Event, EventType, Severity
from tests.audit.log_setting import Setting, database_url, event, log_on

CHECKPOINT = SignedCheckpoint(3, bytes(32), 0, "note")


@dataclass
class Done:
    checkpoint: SignedCheckpoint | None = CHECKPOINT
    has_more: bool = False
    is_leader: bool = True
    problems: tuple[str, ...] = ()


@dataclass
class Signing:
    """Sequences and publishes nothing, and remembers how it was asked."""

    is_leader: bool = True
    forced: list[bool] = field(default_factory=list)
    everywhere: list[bool] = field(default_factory=list)

    def run_once(self, *, force: bool = False) -> Done:
        self.forced.append(force)
        return Done(is_leader=self.is_leader)

    def publish(
        self, checkpoint: SignedCheckpoint | None, *, everywhere: bool = False
    ) -> tuple[str, ...]:
        assert checkpoint is CHECKPOINT
        self.everywhere.append(everywhere)
        return ()


@pytest.fixture
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Setting]:
    with log_on(database_url(request, "sqlite"), tmp_path / "spool") as made:
        yield made


def keeper(log: Setting, signing: Signing, recorded: list[Event]) -> Keeper:
    return Keeper(
        log.audit,
        log.spool,
        signing,
        signing,
        log.clock,
        folder=log.folder,
        record=recorded.append,
    )


def test_what_is_new_is_signed_and_anchored_at_once_when_the_process_ends(log: Setting) -> None:
    signing = Signing()
    made = keeper(log, signing, [])

    made.start()
    made.stop()

    assert signing.forced[-1] is True
    assert signing.everywhere[-1] is True
    assert not any(signing.forced[:-1] + signing.everywhere[:-1])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_journal_of_another_user_is_said_once(
    log: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    assert log.folder is not None
    journal = Journal.create(log.folder, "a" * 16)
    journal.close()
    os.chown(journal.path, 65534, 65534)
    made = keeper(log, Signing(), [])

    with caplog.at_level(logging.WARNING, "flask_jafsec.audit"):
        made.tick()
        made.tick()

    (said,) = [record.getMessage() for record in caplog.records]
    assert str(journal.path) in said
    assert journal.path.exists()


def lags(recorded: list[Event]) -> list[Event]:
    return [event for event in recorded if event.type is EventType.AUDIT_LAG]


def pass_time(log: Setting, made: Keeper, seconds: int) -> None:
    for _ in range(seconds):
        log.clock.advance(1)
        made.tick()


def test_a_lead_that_is_not_to_be_had_is_said_once_while_events_wait(log: Setting) -> None:
    recorded: list[Event] = []
    made = keeper(log, Signing(is_leader=False), recorded)
    log.keep(event())

    pass_time(log, made, 29)
    assert lags(recorded) == []
    pass_time(log, made, 120)

    (lag,) = lags(recorded)
    assert lag.severity is Severity.ERROR


@pytest.mark.parametrize("waits", [False, True])
def test_no_lead_is_no_lag_while_nothing_waits_for_long(log: Setting, waits: bool) -> None:
    # Another process leads each time, as it may; what waits has only just come.
    recorded: list[Event] = []
    made = keeper(log, Signing(is_leader=False), recorded)

    pass_time(log, made, 29)
    if waits:
        log.keep(event(at=log.clock.now()))
    pass_time(log, made, 5)

    assert lags(recorded) == []


@dataclass
class Failing(Signing):
    """A sequencer that stumbles."""

    error: Exception = field(default_factory=lambda: TypeError("of 'a secret'"))

    def run_once(self, *, force: bool = False) -> Done:
        super().run_once(force=force)
        raise self.error


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (TypeError("of 'a secret'"), "keeping_failed: sequence: TypeError"),
        (StoreDamaged("no such table: x"), "database_changed: no such table: x"),
    ],
)
def test_a_failure_that_nobody_expected_is_one_critical_event(
    log: Setting, caplog: pytest.LogCaptureFixture, error: Exception, problem: str
) -> None:
    recorded: list[Event] = []
    made = keeper(log, Failing(error=error), recorded)

    for _ in range(3):
        made.tick()

    (told,) = recorded
    assert (told.type, told.severity) == (EventType.AUDIT_INTEGRITY, Severity.CRITICAL)
    assert told.facts == {"rule": problem}
    assert sum(record.exc_info is not None for record in caplog.records) <= 1


def test_events_that_wait_because_of_a_failure_are_told_as_lag(log: Setting) -> None:
    recorded: list[Event] = []
    made = keeper(log, Failing(), recorded)

    made.tick()
    log.clock.advance(31)
    made.tick()

    assert [event.type for event in recorded] == [EventType.AUDIT_INTEGRITY, EventType.AUDIT_LAG]
