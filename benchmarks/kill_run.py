"""The long kill run: the harness of the tests, for as many kills as were promised.

``python -m benchmarks.kill_run --database postgresql``; prints one line and fails where one of the
numbers that must be 0 is not. Source: load promises, L1 and L2.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.load.clients import asking
from tests.load.installation import Installation, install
from tests.load.judging import Faults, Verdict, judge
from tests.load.kills import rounds, working
from tests.load.own_postgres import OwnPostgres, own_postgres
from tests.load.test_outages import kill_for
from tests.load.test_served import APP, OPTIONS, kill_one
from tests.serving import served

#: Source: load promises, L1.
WORKERS, KEEPERS, CRASHES = 200, 60, 20

#: Source: load promises, L2: how often the database is down, and for how long, in seconds.
OUTAGES, DOWN_S = 5, 2.5


def main(arguments: Sequence[str]) -> int:
    """Run, print the verdict and return the exit code."""
    options = parse(arguments)
    with tempfile.TemporaryDirectory(prefix="jafsec-kills-") as folder:
        verdict = run(Path(folder), options)
    print(f"{options.way} {options.database}: {verdict}")
    return int(verdict.faults != Faults())


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="benchmarks.kill_run", description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--way", choices=("direct", "served", "outages"), default="direct")
    parser.add_argument("--workers", type=int, default=WORKERS, help="how many are killed")
    parser.add_argument("--keepers", type=int, default=KEEPERS, help="how many are killed")
    parser.add_argument("--crashes", type=int, default=CRASHES, help="of PostgreSQL")
    parser.add_argument("--outages", type=int, default=OUTAGES, help="of PostgreSQL")
    return parser.parse_args(arguments)


def run(folder: Path, options: argparse.Namespace) -> Verdict:
    """Return the verdict on one run in *folder*."""
    if options.database == "sqlite" and options.way != "outages":
        installation = install(folder, f"sqlite:///{folder / 'kills.sqlite'}")
        return WAYS[options.way](installation, options, None)
    with own_postgres() as postgres:
        return WAYS[options.way](install(folder, postgres.url), options, postgres)


def direct(
    installation: Installation, options: argparse.Namespace, postgres: OwnPostgres | None
) -> Verdict:
    """Kill workers that record by themselves, keepers, and the database."""

    def crash() -> None:
        assert postgres is not None
        postgres.crash()
        postgres.start_again()

    crashes = [crash] * options.crashes if postgres else []
    with working(installation) as crew:
        rounds(crew, options.workers, options.keepers, crashes)
    return judge(installation, crew.killed)


def through_a_server(
    installation: Installation, options: argparse.Namespace, _postgres: OwnPostgres | None
) -> Verdict:
    """Kill the workers of a real server."""
    killed = set[int]()
    environment = installation.environment
    with served(installation.folder, APP, *OPTIONS, **environment) as server:
        with asking(server, installation) as clients:
            for _ in range(options.workers):
                kill_one(clients, killed)
        server.stop()
    return judge(installation, killed)


def outages(
    installation: Installation, options: argparse.Namespace, postgres: OwnPostgres | None
) -> Verdict:
    """Take the database away while workers are killed."""
    assert postgres is not None
    with working(installation) as crew:
        for _ in range(options.outages):
            postgres.crash()
            kill_for(DOWN_S, crew)
            postgres.start_again()
            kill_for(DOWN_S, crew)
    return judge(installation, crew.killed)


Way = Callable[[Installation, argparse.Namespace, OwnPostgres | None], Verdict]
WAYS: dict[str, Way] = {"direct": direct, "served": through_a_server, "outages": outages}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
