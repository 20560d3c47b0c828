"""A worker that is asked to stop leaves nothing behind; a frozen one stops nobody."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, select

from flask_jafsec.stores.audit_tables import LEAF
from tests.load.installation import Installation, install
from tests.load.judging import Faults, judge
from tests.load.kills import BETWEEN_S, Crew, eventually, working

STOPS = 8
FREEZES = 5


@pytest.fixture(params=["sqlite", "postgres"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Installation:
    return install(tmp_path, request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def on_postgres(tmp_path: Path, postgres_url: str) -> Installation:
    return install(tmp_path, postgres_url)


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Have one process stand still, wherever it is."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_clean_stop_loses_nothing_that_was_taken(installation: Installation) -> None:
    with working(installation, workers=2, keepers=1, threads=4) as crew:
        for _ in range(STOPS):
            time.sleep(random.uniform(*BETWEEN_S))
            crew.stop_worker()
    verdict = judge(installation, crew.killed)

    assert verdict.faults == Faults(), str(verdict)
    assert verdict.tally.acked > 0


def test_a_frozen_worker_stops_no_other(on_postgres: Installation) -> None:
    with working(on_postgres, workers=3, keepers=1) as crew:
        for _ in range(FREEZES):
            time.sleep(random.uniform(*BETWEEN_S))
            pid = random.choice(crew.workers)
            with frozen(pid):
                go_on(crew, set(crew.workers) - {pid})
    verdict = judge(on_postgres, crew.killed)

    assert verdict.faults == Faults(), str(verdict)


def test_a_frozen_keeper_stops_no_worker(on_postgres: Installation) -> None:
    with working(on_postgres, workers=2, keepers=2) as crew:
        for _ in range(FREEZES):
            time.sleep(random.uniform(*BETWEEN_S))
            with frozen(random.choice(crew.keepers)):
                go_on(crew, set(crew.workers))
    verdict = judge(on_postgres, crew.killed)

    assert verdict.faults == Faults(), str(verdict)


def test_another_keeper_takes_over_from_a_frozen_one(on_postgres: Installation) -> None:
    with working(on_postgres, workers=1, keepers=2) as crew:
        for keeper in crew.keepers:
            with frozen(keeper):
                the_tree_grows(on_postgres)
    verdict = judge(on_postgres, crew.killed)

    assert verdict.faults == Faults(), str(verdict)


def go_on(crew: Crew, pids: set[int]) -> None:
    """Return when each of *pids* was told something that it had not been told before."""
    before = crew.acks()
    eventually(lambda: all(crew.acks()[pid] > before[pid] for pid in pids))


def the_tree_grows(installation: Installation) -> None:
    """Return when it has more leaves than now."""
    before = leaves(installation)
    eventually(lambda: leaves(installation) > before)


def leaves(installation: Installation) -> int:
    """Return the size of the tree."""
    engine = create_engine(installation.url)
    with engine.connect() as connection:
        number: int = connection.execute(select(func.count()).select_from(LEAF)).scalar_one()
    engine.dispose()
    return number
