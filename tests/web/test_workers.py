"""Several processes of a real server: what one decides, all obey within five seconds."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from flask_jafsec import JafSecurity
from flask_jafsec.web.extension import state_of
from flask_jafsec.web.state import State
from tests.apps import OPERATOR
from tests.serving import PATIENCE_S, Served, served

APP = "tests.web.served_app:app"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    root = base64.b64encode(os.urandom(32)).decode()
    return {
        "JAFSEC_ROOT_KEYS": f"r1:{root}",
        "JAFSEC_DATABASE_URL": f"sqlite:///{tmp_path / 'shared.sqlite3'}",
        "JAFSEC_APP_ID": "served",
        "JAFSEC_ADDRESS_RATE": "100000/minute",
    }


@pytest.fixture
def operator(environment: dict[str, str]) -> Iterator[State]:
    """The same installation in this process, as an operator's command line has it."""
    app = Flask("served")
    app.config.from_mapping(environment, JAFSEC_ROLES={"user": ["chat:basic"]})
    JafSecurity(app, sinks=[])
    state = state_of(app)
    state.roles.grant("ann", "user", by=OPERATOR)
    yield state
    state.services.trail.close()
    state.store.close()


def eventually(holds: Callable[[], bool]) -> float:
    """Return after how many seconds *holds* was true."""
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE_S:
        if holds():
            return time.monotonic() - began
        time.sleep(0.1)
    raise AssertionError("it never came true")


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(("--workers", "4"), id="sync"),
        pytest.param(("--workers", "2", "--threads", "4"), id="threads"),
        pytest.param(("--workers", "2", "--preload"), id="preload"),
        pytest.param(("--workers", "2", "-k", "gevent"), id="gevent"),
    ],
)
def test_what_is_revoked_here_is_refused_by_every_worker(
    tmp_path: Path, environment: dict[str, str], operator: State, options: tuple[str, ...]
) -> None:
    pair = operator.tokens.issue("ann")
    minted = operator.keys.mint("ci", scopes=frozenset({"chat:basic"}), by=OPERATOR)
    token = {"Authorization": f"Bearer {pair.access}"}
    key = {"X-API-Key": minted.secret}

    with served(tmp_path, APP, *options, **environment) as server:
        assert server.statuses("/chat", token, 20) == {200}
        assert server.statuses("/chat", key, 20) == {200}

        operator.tokens.revoke(pair.token_id, by="cli:tests")
        operator.keys.revoke(minted.key.id, by=OPERATOR, why="leaked")

        took = eventually(lambda: server.statuses("/chat", token, 20) == {401})
        took += eventually(lambda: server.statuses("/chat", key, 20) == {401})
        # Promised are 5 s. Ten times as wide here, so that a slow machine decides nothing.
        assert took < 50


def test_a_withdrawn_role_acts_in_every_worker(
    tmp_path: Path, environment: dict[str, str], operator: State
) -> None:
    token = {"Authorization": f"Bearer {operator.tokens.issue('ann').access}"}

    with served(tmp_path, APP, "--workers", "3", **environment) as server:
        assert server.statuses("/chat", token, 15) == {200}
        operator.roles.withdraw("ann", "user", by=OPERATOR)
        eventually(lambda: server.statuses("/chat", token, 15) == {403})


def test_a_stopped_server_has_written_every_event_and_count(
    tmp_path: Path, environment: dict[str, str], operator: State
) -> None:
    token = {"Authorization": f"Bearer {operator.tokens.issue('ann').access}"}

    with served(tmp_path, APP, "--workers", "1", **environment) as server:
        for _ in range(30):
            assert server.ask("/chat", token)[0] == 200
            assert server.ask("/chat")[0] == 401
        log = server.stop()

    events = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    allowed = [e.get("count", 1) for e in events if e["type"] == "request.allowed"]
    missing = [e.get("count", 1) for e in events if e["type"] == "auth.credential.missing"]
    assert sum(allowed) == 30
    assert sum(missing) == 30


def test_uses_of_a_key_are_written_when_the_server_stops(
    tmp_path: Path, environment: dict[str, str], operator: State
) -> None:
    minted = operator.keys.mint("ci", scopes=frozenset({"chat:basic"}), by=OPERATOR)

    with served(tmp_path, APP, "--workers", "2", **environment) as server:
        for _ in range(12):
            server.ask("/chat", {"X-API-Key": minted.secret})
        server.stop()

    assert operator.keys.get(minted.key.id).last_used_at is not None
    with operator.store.reading() as tables:
        uses = tables.keys.uses(
            minted.key.id, minted.key.created_at.replace(minute=0, second=0, microsecond=0)
        )
    assert sum(use.allowed for use in uses) == 12


def test_a_limit_kept_in_valkey_is_exact_over_all_workers(
    tmp_path: Path, environment: dict[str, str], valkey_url: str
) -> None:
    environment["JAFSEC_LIMITS_STORE"] = valkey_url

    with served(tmp_path, APP, "--workers", "4", **environment) as server:
        statuses = [server.ask("/limited")[0] for _ in range(40)]

    assert statuses.count(200) == 10
    assert statuses.count(429) == 30


def test_the_same_installation_runs_on_postgresql(
    tmp_path: Path, environment: dict[str, str], postgres_url: str
) -> None:
    from flask_jafsec.stores.schema import upgrade

    environment["JAFSEC_DATABASE_URL"] = postgres_url
    upgrade(postgres_url)
    app = Flask("served")
    app.config.from_mapping(environment, JAFSEC_ROLES={"user": ["chat:basic"]})
    JafSecurity(app, sinks=[])
    state = state_of(app)
    state.roles.grant("ann", "user", by=OPERATOR)
    token = {"Authorization": f"Bearer {state.tokens.issue('ann').access}"}

    with served(tmp_path, APP, "--workers", "2", **environment) as server:
        assert server.statuses("/chat", token, 10) == {200}
        state.tokens.revoke_all("ann", by="cli:tests")
        eventually(lambda: server.statuses("/chat", token, 10) == {401})
    state.services.trail.close()
    state.store.close()


def test_served_answers_are_the_same_as_in_tests(
    tmp_path: Path, environment: dict[str, str], operator: State
) -> None:
    with served(tmp_path, APP, "--workers", "1", **environment) as server:
        assert isinstance(server, Served)
        status, body = server.ask("/chat", {"Authorization": "Bearer a.b.c"})

    assert status == 401
    assert json.loads(body)["code"] == "credential_missing"
