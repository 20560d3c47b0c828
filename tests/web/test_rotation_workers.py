"""A rotated key stops on time in processes that learnt of it before, on real clocks."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from flask_jafsec import JafSecurity
from flask_jafsec.testing import FrozenClock
from flask_jafsec.web.extension import state_of
from flask_jafsec.web.state import State
from tests.apps import OPERATOR
from tests.serving import PATIENCE_S, Served, served

APP = "tests.web.served_app:app"

#: How long before the end of the overlap the server is asked, in seconds.
LEFT_S = 4.0


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    root = base64.b64encode(os.urandom(32)).decode()
    return {
        "JAFSEC_ROOT_KEYS": f"r1:{root}",
        "JAFSEC_DATABASE_URL": f"sqlite:///{tmp_path / 'shared.sqlite3'}",
        "JAFSEC_APP_ID": "served",
        "JAFSEC_ADDRESS_RATE": "100000/minute",
    }


@contextmanager
def operator_at(environment: dict[str, str], at: datetime) -> Iterator[State]:
    """Give the same installation in this process, whose clock stands at *at*."""
    app = Flask("served")
    app.config.from_mapping(environment, JAFSEC_ROLES={"user": ["chat:basic"]})
    JafSecurity(app, sinks=[], clock=FrozenClock(at))
    state = state_of(app)
    yield state
    state.services.trail.close()
    state.store.close()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "it never came true"


def asked(server: Served, secret: str) -> tuple[float, float, int]:
    """Return when one request began and ended, and its status."""
    began = time.time()
    status, _ = server.ask("/chat", {"X-API-Key": secret})
    return began, time.time(), status


def test_an_overlap_ends_to_the_second_in_every_worker(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    with operator_at(environment, datetime.now(UTC)) as operator:
        old = operator.keys.mint("ci", scopes=["chat:basic"], by=OPERATOR)

    with served(tmp_path, APP, "--workers", "2", **environment) as server:
        assert server.statuses("/chat", {"X-API-Key": old.secret}, 20) == {200}

        # Rotated by an operator for whom it is almost an hour earlier: no test waits an hour.
        earlier = datetime.now(UTC) - timedelta(hours=1) + timedelta(seconds=LEFT_S)
        with operator_at(environment, earlier) as operator:
            new = operator.keys.rotate(old.key.id, by=OPERATOR, overlap="1h")
            ends_at = operator.keys.get(old.key.id).ends_at
        assert ends_at is not None
        answers = [asked(server, old.secret)]
        while answers[-1][0] < ends_at.timestamp() + 0.3:
            answers.append(asked(server, old.secret))

        assert server.statuses("/chat", {"X-API-Key": new.secret}, 20) == {200}

    # Each worker reads the clock between the two times of a request.
    before = {status for _, ended, status in answers if ended < ends_at.timestamp()}
    after = {status for began, _, status in answers if began >= ends_at.timestamp()}
    assert before == {200}
    assert after == {401}


def test_without_an_overlap_the_old_key_ends_in_every_worker(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    with operator_at(environment, datetime.now(UTC)) as operator:
        old = operator.keys.mint("ci", scopes=["chat:basic"], by=OPERATOR)
        key = {"X-API-Key": old.secret}

        with served(tmp_path, APP, "--workers", "2", **environment) as server:
            assert server.statuses("/chat", key, 20) == {200}

            new = operator.keys.rotate(old.key.id, by=OPERATOR, overlap="none")

            until(lambda: server.statuses("/chat", key, 20) == {401})
            assert server.statuses("/chat", {"X-API-Key": new.secret}, 20) == {200}
