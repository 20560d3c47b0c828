"""A database that takes no changes (fault matrix, row 9): before the start, and while running."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import make_url

from flask_jafsec import JafSecurity
from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.events import EventType
from flask_jafsec.stores.schema import upgrade
from flask_jafsec.web.extension import state_of
from flask_jafsec.web.state import State
from tests.apps import OPERATOR
from tests.audit.log_setting import rows_in
from tests.load.crew import signed_in
from tests.load.installation import keeper_of


@pytest.fixture
def state(postgres_url: str, tmp_path: Path) -> Iterator[State]:
    upgrade(postgres_url)
    app = Flask("site", instance_path=str(tmp_path))
    app.config.update(JAFSEC_DATABASE_URL=postgres_url, TESTING=True)
    JafSecurity(app, sinks=[])
    state = state_of(app)
    yield state
    state.services.trail.close()
    state.store.close()


def set_read_only(url: str, value: str) -> None:
    """Have the server refuse changes or take them, on all connections, new ones and old ones."""
    database = make_url(url).database
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as owner:
        owner.execute("SET default_transaction_read_only = off")
        owner.execute(
            f'ALTER DATABASE "{database}" SET default_transaction_read_only = {value}'.encode()
        )
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def check(url: str, folder: Path) -> Result:
    app = Flask("site", instance_path=str(folder))
    app.config.update(JAFSEC_DATABASE_URL=url, TESTING=True)
    JafSecurity(app, sinks=[])
    return app.test_cli_runner().invoke(args=["jafsec", "db", "check"])


def test_before_the_start_it_is_said_and_ends_with_78(postgres_url: str, tmp_path: Path) -> None:
    upgrade(postgres_url)
    assert check(postgres_url, tmp_path).exit_code == 0
    set_read_only(postgres_url, "on")

    refused = check(postgres_url, tmp_path)

    assert refused.exit_code == 78
    assert "must be writable" in refused.output
    assert "Traceback" not in refused.output


def test_while_running_events_go_to_the_journal_and_changes_are_refused(
    postgres_url: str, state: State
) -> None:
    trail = state.services.trail
    trail.record(signed_in(1))
    set_read_only(postgres_url, "on")

    trail.record(signed_in(2))
    with pytest.raises(StoreUnavailable):
        state.keys.mint("ci", scopes=["agent:read"], by=OPERATOR)
    trail.record(signed_in(3))

    assert len(rows_in(postgres_url)) == 1
    set_read_only(postgres_url, "off")
    trail.close()
    keeper_of(state).tick()
    kinds = [b'"type":"auth.sign_in.succeeded"' in row.envelope for row in rows_in(postgres_url)]
    assert sum(kinds) == 3
    assert EventType.KEY_MINTED not in str([row.envelope for row in rows_in(postgres_url)])
