"""What keeping events costs: appended, sequenced, waited for, only counted.

``python -m benchmarks.audit_append --help``; README.md tells what each row is.
"""

import argparse
import gc
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles

import psycopg

from benchmarks.audit_counted import counted_rows
from benchmarks.audit_parts import (
    Parts,
    PlainPostgres,
    PlainSqlite,
    events,
    in_threads,
    parts,
)
from benchmarks.machine import facts
from benchmarks.tables import bullets, fill_readme, table, write_json
from flask_jafsec.audit.item import Item
from flask_jafsec.audit.trail import Trail
from flask_jafsec.events import EventType
from tests.servers import running, start_postgres

#: Source: load promises, 4.1 (at least five, alternating).
ROUNDS = 11

#: Events of one lap, and of one lap in which each is waited for or has a transaction of its own.
EVENTS, WAITED = 4_000, 1_920

Lap = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Row:
    """How often ours goes into the baseline's time, or the time itself; see ``unit``."""

    label: str
    ours_us: float
    base_us: float
    ratio: float
    low: float
    worst: float
    cpu_ratio: float
    """The same of this process's CPU time, which other programs on the machine disturb less."""
    goal: float

    @property
    def meets_goal(self) -> bool:
        """Whether the median is as good as promised."""
        return self.ratio >= self.goal


def compare(
    label: str, ours: Callable[[], Lap], base: Lap, number: int, goal: float, rounds: int
) -> Row:
    """Return how fast ours is beside its baseline: the ratio of their rates, round by round.

    Args:
        ours: Prepares one lap, outside the clock.
    """
    pairs: list[tuple[float, float]] = []
    cpu: list[float] = []
    shuffled = random.Random(0)
    ours()()
    base()
    for _ in range(rounds):
        lap = ours()
        order = shuffled.sample([(0, lap), (1, base)], 2)
        times = {place: _timed(one) for place, one in order}
        pairs.append((times[0][0], times[1][0]))
        cpu.append(times[1][1] / times[0][1])
    ratios = sorted(theirs / mine for mine, theirs in pairs)
    return Row(
        label=label,
        ours_us=median(mine for mine, _ in pairs) / number * 1e6,
        base_us=median(theirs for _, theirs in pairs) / number * 1e6,
        ratio=median(ratios),
        low=quantiles(ratios, n=4)[0],
        worst=ratios[0],
        cpu_ratio=median(cpu),
        goal=goal,
    )


def _timed(lap: Lap) -> tuple[float, float]:
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    lap()
    return time.perf_counter() - wall, time.process_time() - cpu


def appended(log: Parts) -> Callable[[], Lap]:
    """Return laps that append, durably, in the trail's batches."""

    def prepare() -> Lap:
        work = events(EVENTS)
        return lambda: log.write(work)

    return prepare


def sustained(log: Parts) -> Callable[[], Lap]:
    """Return laps that end when the last event is in the tree and signed.

    The sequencer runs on a thread of the same process, as it does in a worker.
    """
    sequencer = log.sequencer()

    def prepare() -> Lap:
        work = events(EVENTS)
        written = threading.Event()

        def sequence() -> None:
            while not written.is_set():
                sequencer.run_once()
            sequencer.run_once(force=True)

        def lap() -> None:
            thread = threading.Thread(target=sequence)
            thread.start()
            log.write(work)
            written.set()
            thread.join()

        return lap

    return prepare


def waited(trail: Trail, threads: int) -> Callable[[], Lap]:
    """Return laps in which every event is waited for, by so many threads at once."""

    def prepare() -> Lap:
        work = events(WAITED, EventType.SIGN_IN_SUCCEEDED)
        return lambda: in_threads(threads, work, trail)

    return prepare


def one_by_one(log: Parts) -> Lap:
    """Return a lap with a transaction for each event, one after the other, on this thread.

    Nobody is woken up here, so it is the best that a transaction a request could be.
    """

    def lap() -> None:
        for event in events(WAITED, EventType.SIGN_IN_SUCCEEDED):
            log.writer.write([Item(event)])

    return lap


def measured(rounds: int) -> Iterator[Row]:
    """Yield every row that is compared with a baseline."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="jafsec-bench-")))
        plain = stack.enter_context(closing(PlainSqlite(folder / "plain.sqlite")))

        def raw() -> None:
            plain.write(EVENTS)

        def log(name: str) -> Parts:
            return stack.enter_context(parts(f"sqlite:///{folder / name}.sqlite"))

        label = "append / plain insert, three indexes, SQLite"
        yield compare(label, appended(log("append")), raw, EVENTS, 0.4, rounds)
        label = "append until sequenced and signed / the same insert, SQLite"
        yield compare(label, sustained(log("sustained")), raw, EVENTS, 0.2, rounds)
        for threads, goal in ((1, 0.0), (8, 2.0), (64, 5.0)):
            trail, single = log(f"waited-{threads}").trail(), log(f"single-{threads}")
            stack.callback(trail.say_goodbye)
            label = f"waiting for the disk, {threads} thread(s) / one transaction each, SQLite"
            laps = waited(trail, threads)
            yield compare(label, laps, one_by_one(single), WAITED, goal, rounds)
    with (
        postgres() as (url, host),
        parts(url) as log_there,
        closing(PlainPostgres(host, "postgres")) as plain_there,
    ):
        label = "append / plain COPY, three indexes, PostgreSQL"
        laps = appended(log_there)
        yield compare(label, laps, lambda: plain_there.write(EVENTS), EVENTS, 0.4, rounds)


@contextmanager
def postgres() -> Iterator[tuple[str, Path]]:
    """Start a PostgreSQL and yield the URL of its database and the folder of its socket."""
    server = start_postgres()
    with running(server):
        url = f"postgresql+psycopg://postgres@/postgres?host={server.folder}"
        _wait_until_ready(server.folder)
        yield url, server.folder


def _wait_until_ready(host: Path) -> None:
    while True:
        try:
            psycopg.connect(host=str(host), user="postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return


HEADS = (
    *("what", "ours us", "base us", "ratio of rates", "lower quartile", "worst", "by CPU"),
    *("goal", "met"),
)


def cells(row: Row) -> tuple[str, ...]:
    """Return *row* as it is shown."""
    numbers = (f"{row.ours_us:.1f}", f"{row.base_us:.1f}", f"{row.ratio:.2f}", f"{row.low:.2f}")
    goal = f">= {row.goal:g}" if row.goal else "-"
    met = "-" if not row.goal else "yes" if row.meets_goal else "NO"
    return (row.label, *numbers, f"{row.worst:.2f}", f"{row.cpu_ratio:.2f}", goal, met)


def main(arguments: Sequence[str]) -> int:
    """Measure, print and return the exit code: 1 with ``--check`` and a goal missed."""
    parser = argparse.ArgumentParser(prog="benchmarks.audit_append", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--readme", action="store_true", help="put the result into README.md")
    parser.add_argument("--check", action="store_true", help="fail where a goal is missed")
    options = parser.parse_args(arguments)
    machine = facts()
    rows = list(measured(options.rounds))
    heads, counted, counts_are_met = counted_rows(options.rounds)
    length = f"{options.rounds} rounds of {EVENTS} events ({WAITED} waited for), interleaved"
    shown = table(HEADS, [cells(row) for row in rows])
    text = f"{length}\n\n{shown}\n\n{table(heads, counted)}\n\n{bullets(machine)}"
    print(text)
    if options.readme:
        fill_readme("audit_append", text)
    if options.json:
        kept = {"machine": machine, "rows": [asdict(row) for row in rows], "counted": counted}
        write_json(options.json, kept)
    missed = not counts_are_met or any(not row.meets_goal for row in rows)
    return int(options.check and missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
