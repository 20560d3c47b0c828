"""Nothing that was confirmed is lost or doubled, whoever is killed whenever."""

from __future__ import annotations

from pathlib import Path

from tests.load.installation import install
from tests.load.judging import Faults, judge
from tests.load.kills import rounds, working
from tests.load.own_postgres import own_postgres


def test_nothing_confirmed_is_lost_on_sqlite(tmp_path: Path, sqlite_url: str) -> None:
    installation = install(tmp_path, sqlite_url)

    with working(installation) as crew:
        rounds(crew, worker_kills=30, keeper_kills=12, others=[])
    verdict = judge(installation, crew.killed)

    assert verdict.faults == Faults(), str(verdict)
    assert verdict.tally.acked > 0


def test_nothing_confirmed_is_lost_on_postgresql_which_crashes_too(tmp_path: Path) -> None:
    with own_postgres() as postgres:
        installation = install(tmp_path, postgres.url)

        def crash() -> None:
            postgres.crash()
            postgres.start_again()

        with working(installation) as crew:
            rounds(crew, worker_kills=30, keeper_kills=12, others=[crash] * 5)
        verdict = judge(installation, crew.killed)

    assert verdict.faults == Faults(), str(verdict)
    assert verdict.tally.acked > 0
