"""What searching a full audit log costs, on SQLite and PostgreSQL.

``python -m benchmarks.audit_search --help``. The service is asked as the console asks it, each
question with another value every time.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import psycopg

from benchmarks.audit_search_log import references, seed
from benchmarks.audit_search_questions import (
    CURSORS,
    DEEP_TIMES,
    ROUNDS,
    Row,
    deep,
    questions,
    row,
    timed,
)
from benchmarks.machine import facts
from benchmarks.tables import bullets, fill_readme, table, write_json
from flask_jafsec.audit.searching import LogSearch
from flask_jafsec.stores.sql.audit.store import SqlAuditStore
from flask_jafsec.stores.sql.store import SqlStore
from tests.servers import running, start_postgres


def measure(url: str, rounds: int) -> list[Row]:
    with closing(SqlStore(url, timeout_s=60)) as store:
        search = LogSearch(
            SqlAuditStore(store),
            CURSORS,
            subject_refs=lambda text: [text],
            address_refs=references,
        )
        rows = [row(label, timed(ask, rounds), goal) for label, ask, goal in questions(search)]
        return [*rows, *deep(search, rounds)]


@contextmanager
def databases(kinds: Sequence[str]) -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        urls: dict[str, str] = {}
        if "sqlite" in kinds:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="jafsec-bench-"))
            urls["SQLite"] = f"sqlite:///{folder}/log.db"
        if "postgres" in kinds:
            server = start_postgres()
            stack.enter_context(running(server))
            urls["PostgreSQL"] = f"postgresql+psycopg://postgres@/postgres?host={server.folder}"
            _wait_for(urls["PostgreSQL"])
        yield urls


def _wait_for(url: str) -> None:
    # A server takes connections before it answers them.
    for _ in range(300):
        try:
            psycopg.connect(url.replace("+psycopg", "")).close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return


def parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.audit_search", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", choices=("sqlite", "postgres"), help="one database")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--readme", action="store_true", help="put the result into README.md")
    parser.add_argument("--check", action="store_true", help="fail where a goal is missed")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Measures, prints and returns the exit code: 1 with ``--check`` and a goal missed."""
    options = parse_options(arguments)
    measured: dict[str, list[Row]] = {}
    with databases([options.only] if options.only else ["sqlite", "postgres"]) as urls:
        for name, url in urls.items():
            started = time.perf_counter()
            seed(url, options.events)
            print(f"{name}: filled in {time.perf_counter() - started:.0f} s", file=sys.stderr)
            measured[name] = measure(url, options.rounds)
    report(measured, options)
    missed = any(not r.meets_goal for rows in measured.values() for r in rows)
    return int(options.check and missed)


def report(measured: dict[str, list[Row]], options: argparse.Namespace) -> None:
    names = list(measured)
    heads = [
        "question",
        *(f"{n} {p}, ms" for n in names for p in ("p50", "p95", "CPU")),
        "goal p95, ms",
    ]
    lines = []
    for rows in zip(*measured.values(), strict=True):
        cells = [f"{value:.2f}" for r in rows for value in (r.p50_ms, r.p95_ms, r.cpu_ms)]
        goals = {_goal(r) for r in rows}
        missed = "" if all(r.meets_goal for r in rows) else " missed"
        lines.append([rows[0].label, *cells, " / ".join(sorted(goals)) + missed])
    text = bullets({**facts(), "events": f"{options.events:,}"}) + "\n\n" + table(heads, lines)
    print(text)
    if options.readme:
        fill_readme("audit_search", text)
    if options.json:
        results = {
            n: [[r.label, r.p50_ms, r.p95_ms, r.cpu_ms] for r in rows]
            for n, rows in measured.items()
        }
        write_json(options.json, results)


def _goal(measured: Row) -> str:
    if measured.of_median:
        return f"p50 {DEEP_TIMES:.0f}x the first"
    return f"{measured.goal_ms:.0f}" if measured.goal_ms else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
