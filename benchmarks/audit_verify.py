"""Sequencing, verifying and proving a log of many events, on SQLite and PostgreSQL.

``python -m benchmarks.audit_verify --help``. Rates are of CPU time of our own process, which other
programs on the machine disturb less, beside those of the clock. Verifying runs in a process that
has loaded nothing else, so that the memory is its own; the command loads a Flask application too.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from benchmarks.audit_append import postgres
from benchmarks.audit_parts import APP_ID, ORIGIN, events, parts
from benchmarks.audit_reading import Kept, Verified, alone
from benchmarks.machine import facts
from benchmarks.tables import bullets, fill_readme, table, write_json

EVENTS, ROUNDS = 500_000, 5

#: Events between two runs of the sequencer, each of which ends with a checkpoint.
PORTION = 4_000

#: Source: issue "The audit log", figures.
GOAL_PER_S, GOAL_MB, GOAL_PROOF_MS = 50_000, 64, 10


@dataclass(frozen=True, slots=True)
class Row:
    """What one database's log took; rates are events per second."""

    database: str
    sequenced_by_cpu: float
    verified_by_cpu: float
    best_by_cpu: float
    verified_by_clock: float
    peak_mb: float
    proof_ms: float
    proof_p95_ms: float

    @property
    def missed(self) -> tuple[str, ...]:
        """Which goals are missed."""
        goals = {
            "events/s": self.verified_by_cpu >= GOAL_PER_S,
            "memory": self.peak_mb <= GOAL_MB,
            "proof": self.proof_p95_ms <= GOAL_PROOF_MS,
        }
        return tuple(name for name, is_met in goals.items() if not is_met)


def made(log: Kept, number: int) -> float:
    """Fill an empty database; return how many events a second of CPU time were sequenced."""
    took = 0.0
    with parts(log.url, root=log.root) as opened:
        sequencer = opened.sequencer()
        for first in range(0, number, PORTION):
            opened.write(events(min(PORTION, number - first)))
            began = time.process_time()
            while sequencer.run_once(force=True).has_more:
                pass
            took += time.process_time() - began
    return number / took


def row(database: str, url: str, options: argparse.Namespace) -> Row:
    """Return what a log on one database takes."""
    log = Kept(url, ORIGIN, APP_ID, os.urandom(32))
    rate = made(log, options.events)
    runs = [Verified._make(alone("verified", log)) for _ in range(options.rounds)]
    by_cpu = [run.events / run.cpu_s for run in runs]
    middle, slow = alone("proved", log)
    return Row(
        database=database,
        sequenced_by_cpu=rate,
        verified_by_cpu=median(by_cpu),
        best_by_cpu=max(by_cpu),
        verified_by_clock=median(run.events / run.wall_s for run in runs),
        peak_mb=max(run.peak_mb for run in runs),
        proof_ms=middle,
        proof_p95_ms=slow,
    )


def measured(options: argparse.Namespace) -> Iterator[Row]:
    """Yield a row for each database."""
    with ExitStack() as stack:
        if options.only in (None, "sqlite"):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="jafsec-bench-"))
            yield row("SQLite", f"sqlite:///{folder}/log.sqlite", options)
        if options.only in (None, "postgres"):
            url, _ = stack.enter_context(postgres())
            yield row("PostgreSQL", url, options)


HEADS = (
    *("database", "sequenced /s CPU", "verified /s CPU", "best", "by the clock", "peak MB"),
    *("proof ms", "p95", "missed"),
)


def cells(one: Row) -> tuple[str, ...]:
    """Return a row as it is shown."""
    rates = (one.sequenced_by_cpu, one.verified_by_cpu, one.best_by_cpu, one.verified_by_clock)
    shown = (f"{one.peak_mb:.1f}", f"{one.proof_ms:.1f}", f"{one.proof_p95_ms:.1f}")
    return (
        one.database,
        *(f"{rate:,.0f}" for rate in rates),
        *shown,
        ", ".join(one.missed) or "nothing",
    )


def main(arguments: Sequence[str]) -> int:
    """Measure, print and return the exit code: 1 with ``--check`` and a goal missed."""
    parser = argparse.ArgumentParser(prog="benchmarks.audit_verify", description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", choices=("sqlite", "postgres"), help="one database")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--readme", action="store_true", help="put the result into README.md")
    parser.add_argument("--check", action="store_true", help="fail where a goal is missed")
    options = parser.parse_args(arguments)
    rows = list(measured(options))
    goals = f"{GOAL_PER_S:,} verified a second, {GOAL_MB} MB, proof {GOAL_PROOF_MS} ms"
    length = f"{options.events:,} events, {options.rounds} rounds; goals: {goals}"
    text = f"{length}\n\n{table(HEADS, [cells(one) for one in rows])}\n\n{bullets(facts())}"
    print(text)
    if options.readme:
        fill_readme("audit_verify", text)
    if options.json:
        write_json(options.json, {one.database: asdict(one) for one in rows})
    return int(options.check and any(one.missed for one in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
