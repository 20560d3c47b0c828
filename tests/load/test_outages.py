"""While the database is down, events go to journals, and everything comes back from there."""

from __future__ import annotations

import random
import time
from pathlib import Path

from sqlalchemy import create_engine, select

from flask_jafsec.audit.envelope import read
from flask_jafsec.stores.audit_tables import EVENT
from tests.load.installation import Installation, install
from tests.load.judging import Faults, judge
from tests.load.kills import BETWEEN_S, Crew, working
from tests.load.own_postgres import own_postgres

OUTAGES = 3

#: How long each lasts, in seconds.
DOWN_S = 2.0


def test_outages_lose_and_refuse_nothing_while_workers_are_killed(tmp_path: Path) -> None:
    with own_postgres() as postgres:
        installation = install(tmp_path, postgres.url)
        with working(installation) as crew:
            for _ in range(OUTAGES):
                postgres.crash()
                kill_for(DOWN_S, crew)
                postgres.start_again()
                kill_for(DOWN_S / 2, crew)
        verdict = judge(installation, crew.killed)
        adopted = abandoned(installation)

    assert verdict.faults == Faults(), str(verdict)
    assert verdict.tally.acked > 0
    assert adopted > 0


def kill_for(seconds: float, crew: Crew) -> None:
    """Kill workers for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(random.uniform(*BETWEEN_S))
        crew.kill_worker()


def abandoned(installation: Installation) -> int:
    """Return how many journals of dead workers the log says were imported."""
    engine = create_engine(installation.url)
    with engine.connect() as connection:
        envelopes = [read(bytes(raw)) for raw in connection.scalars(select(EVENT.c.envelope))]
    engine.dispose()
    return sum(each["type"] == "audit.writer_abandoned" for each in envelopes)
