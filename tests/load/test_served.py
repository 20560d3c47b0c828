"""The same through a real server: whoever has read an answer can rely on it."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select

from flask_jafsec.audit.envelope import read
from flask_jafsec.stores.audit_tables import EVENT
from tests.load.clients import Clients, asking
from tests.load.installation import Installation, install
from tests.load.judging import Faults, judge
from tests.load.kills import BETWEEN_S, eventually
from tests.serving import served

APP = "tests.load.web_app:app"

#: Source: load promises, L1.
OPTIONS = ("--worker-class", "gthread", "--workers", "2", "--threads", "8", "--preload")

KILLS = 12
RECYCLES = 10


@pytest.fixture(params=["sqlite", "postgres"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Installation:
    return install(tmp_path, request.getfixturevalue(f"{request.param}_url"))


def kill_one(clients: Clients, killed: set[int]) -> None:
    """Kill a worker that has answered, a while after there is one."""
    eventually(lambda: bool(set(clients.pids) - killed))
    time.sleep(random.uniform(*BETWEEN_S))
    pid = random.choice([pid for pid in clients.pids if pid not in killed])
    os.kill(pid, signal.SIGKILL)
    killed.add(pid)


def test_no_answer_is_lost_when_workers_are_killed(
    tmp_path: Path, installation: Installation
) -> None:
    killed = set[int]()

    with served(tmp_path, APP, *OPTIONS, **installation.environment) as server:
        with asking(server, installation) as clients:
            for _ in range(KILLS):
                kill_one(clients, killed)
        server.stop()
    verdict = judge(installation, killed)

    assert verdict.faults == Faults(), str(verdict)
    assert verdict.tally.acked > 0
    assert len(killed) == KILLS
    assert {status for _, status in clients.statuses} <= {200, 401}


def test_recycled_workers_lose_not_even_a_count(tmp_path: Path, installation: Installation) -> None:
    recycling = ("--max-requests", "60", "--max-requests-jitter", "60")

    with served(tmp_path, APP, *OPTIONS, *recycling, **installation.environment) as server:
        with asking(server, installation) as clients:
            eventually(lambda: len(clients.pids) > RECYCLES)
        server.stop()
    verdict = judge(installation, killed=())

    assert verdict.faults == Faults(), str(verdict)
    answered = clients.statuses["/guarded", 401]
    assert answered <= refusals(installation) <= answered + clients.cut
    assert answered > 0


def refusals(installation: Installation) -> int:
    """Return how many refusals the log tells of, counts included."""
    engine = create_engine(installation.url)
    with engine.connect() as connection:
        envelopes = [read(bytes(raw)) for raw in connection.scalars(select(EVENT.c.envelope))]
    engine.dispose()
    missing = [each for each in envelopes if each["type"] == "auth.credential.missing"]
    return sum(each["d"].get("count", 1) for each in missing)
