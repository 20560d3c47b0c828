"""The judge sees what it is there to see: a harness that cannot fail would prove nothing."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.load.acks import EVENT, KEY, AckFile
from tests.load.crew import change_once
from tests.load.installation import Installation, install, opened
from tests.load.judging import Faults, judge


@pytest.fixture
def installation(tmp_path: Path, sqlite_url: str) -> Installation:
    """A log of a dozen events, all of them confirmed and sequenced."""
    made = install(tmp_path, sqlite_url)
    acks = AckFile(made.ack_path)
    with opened(made) as state:
        for number in range(12):
            change_once(state, acks, number)
    acks.close()
    assert judge(made, killed=()).faults == Faults()
    return made


def faults(installation: Installation) -> set[str]:
    """Return the names of what is wrong."""
    found = asdict(judge(installation, killed=()).faults)
    return {name for name, number in found.items() if number}


@pytest.mark.parametrize("kind", [EVENT, KEY])
def test_something_confirmed_that_is_not_there(installation: Installation, kind: str) -> None:
    acks = AckFile(installation.ack_path)
    acks.write(kind, "01M89V0TDQE2AR7664VGCTSPDM")
    acks.close()

    assert faults(installation) == {"lost"}


@pytest.mark.parametrize(
    ("table", "statement", "seen"),
    [
        pytest.param(
            "jafsec_audit_event",
            "DELETE FROM jafsec_audit_event WHERE n = 3",
            {"lost", "gaps", "broken", "wrong_leaves"},
            id="event gone",
        ),
        pytest.param(
            "jafsec_audit_event",
            "UPDATE jafsec_audit_event SET envelope ="
            " CAST(replace(CAST(envelope AS TEXT), 'POST', 'HEAD') AS BLOB)",
            {"broken", "wrong_leaves"},
            id="event rewritten",
        ),
        pytest.param(
            "jafsec_audit_leaf",
            "DELETE FROM jafsec_audit_leaf WHERE leaf_index = 3",
            {"leafless", "wrong_leaves", "forked"},
            id="leaf gone",
        ),
        pytest.param(
            "jafsec_audit_checkpoint",
            "UPDATE jafsec_audit_checkpoint SET root = zeroblob(32)",
            {"forked"},
            id="another root signed",
        ),
        pytest.param(
            "jafsec_audit_entry", "DELETE FROM jafsec_audit_entry", {"unsearchable"}, id="not found"
        ),
        pytest.param("jafsec_api_key", "DELETE FROM jafsec_api_key", {"apart"}, id="change undone"),
    ],
)
def test_a_log_that_was_changed(
    installation: Installation, table: str, statement: str, seen: set[str]
) -> None:
    engine = create_engine(installation.url)
    with engine.begin() as connection:
        for verb in ("update", "delete"):
            connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_no_{verb}"))
        connection.execute(text(statement))
    engine.dispose()

    assert seen <= faults(installation)
