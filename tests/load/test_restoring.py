"""An older copy of the database is put back (fault matrix, rows 5 and 15), over real processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, func, select

from flask_jafsec.audit.anchors import read_anchors
from flask_jafsec.audit.envelope import read
from flask_jafsec.events import EventType, Severity
from flask_jafsec.stores.audit_tables import CHECKPOINT, EVENT
from tests.load.crew import signed_in
from tests.load.installation import Installation, install, opened
from tests.load.kills import eventually
from tests.load.older_copies import Copies, copies_of
from tests.serving import served

APP = "tests.load.web_app:app"

#: How many events the copy lacks. Source: fault matrix, row 5.
LOST = 1_000


@pytest.fixture(params=["sqlite", "postgres"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Installation:
    return install(tmp_path, request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def copies(request: pytest.FixtureRequest, installation: Installation) -> Iterator[Copies]:
    yield from copies_of(request, installation)


def test_a_copy_that_lacks_a_thousand_events_goes_on_is_not_signed_and_says_what_is_missing(
    tmp_path: Path, installation: Installation, copies: Copies
) -> None:
    write(installation, 20)
    copies.make()
    write(installation, LOST)
    anchored = newest_anchor(installation)
    copies.put_back()
    signed = newest_checkpoint(installation)

    with served(tmp_path, APP, "--workers", "2", **installation.environment) as server:
        # It is said within a second or so of the first event, and answers go on.
        assert server.ask("/keys", method="POST")[0] == 200
        eventually(lambda: bool(of_type(installation, EventType.AUDIT_INTEGRITY)))
        assert server.ask("/keys", method="POST")[0] == 200
        server.stop()

    (said, *_) = of_type(installation, EventType.AUDIT_INTEGRITY)
    assert said["sev"] == Severity.CRITICAL
    assert f"{anchored} leaves are anchored" in said["d"]["rule"]
    assert "are gone" in said["d"]["rule"]
    assert len(of_type(installation, EventType.KEY_MINTED)) == 2
    assert newest_checkpoint(installation) == signed
    assert newest_anchor(installation) == anchored

    code, told = verified(installation)
    assert code == 1, told
    assert f"leaves, anchor says {anchored}" in told
    assert "TRUNCATED log has " in told


def test_as_many_new_events_as_are_missing_hide_nothing(
    installation: Installation, copies: Copies
) -> None:
    write(installation, 20)
    copies.make()
    write(installation, 30)
    anchored = newest_anchor(installation)
    copies.put_back()
    signed = newest_checkpoint(installation)

    write(installation, 200)

    assert newest_checkpoint(installation) == signed
    assert newest_anchor(installation) == anchored
    (said, *_) = of_type(installation, EventType.AUDIT_INTEGRITY)
    assert "not the beginning of this log" in said["d"]["rule"]
    code, told = verified(installation)
    assert code == 1
    assert "FORK" in told


def test_what_is_as_it_was_left_is_signed_on(installation: Installation, copies: Copies) -> None:
    write(installation, 20)
    copies.make()
    copies.put_back()
    before = newest_checkpoint(installation)

    write(installation, 20)

    assert newest_checkpoint(installation) > before
    assert newest_anchor(installation) == newest_checkpoint(installation)
    assert of_type(installation, EventType.AUDIT_INTEGRITY) == []
    assert verified(installation)[0] == 0


def write(installation: Installation, number: int) -> None:
    """Record so many events in a process that ends in good order."""
    with opened(installation) as state:
        for each in range(number):
            event = replace(signed_in(each), type=EventType.PERMISSION_DENIED)
            state.services.trail.record(event)


def newest_anchor(installation: Installation) -> int:
    with opened(installation) as state:
        assert state.audit_log is not None
        return read_anchors(installation.anchor_path, state.audit_log.verifiers)[-1].size


def newest_checkpoint(installation: Installation) -> int:
    size: int = rows(installation, select(func.max(CHECKPOINT.c.size)))[0][0]
    return size


def of_type(installation: Installation, kind: EventType) -> list[Mapping[str, Any]]:
    envelopes = [read(bytes(row.envelope)) for row in rows(installation, select(EVENT.c.envelope))]
    return [each for each in envelopes if each["type"] == kind]


def rows(installation: Installation, query: Any) -> Sequence[Any]:
    engine = create_engine(installation.url)
    with engine.connect() as connection:
        found = connection.execute(query).all()
    engine.dispose()
    return found


def verified(installation: Installation) -> tuple[int, str]:
    """Return the exit code of the command, and what it says."""
    flask = (sys.executable, "-m", "flask", "--app", "tests.load.web_app")
    done = subprocess.run(
        [*flask, "jafsec", "audit", "verify", "--anchor", str(installation.anchor_path)],
        env=installation.programs_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout
