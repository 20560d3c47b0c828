"""How long the server works on the pages of the audit log, on a full log in SQLite.

``python -m benchmarks.console_audit --help``. The search copies are made as ``audit_search`` makes
them; the events behind them too, as envelopes with a sealed part each, so that a page with names
opens what it would open. Pages are asked for as a browser does, through the whole application.
Beside the time on the clock stands the time of the processor: other work on the machine does not
change it. The made-up hashes raise the log's alarm, as they should; its banner is on every page.
"""

import argparse
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

from flask import Flask
from flask.testing import FlaskClient

from benchmarks import audit_search
from benchmarks.machine import facts
from benchmarks.tables import bullets, fill_readme, table, write_json
from flask_jafsec import JafSecurity
from flask_jafsec.audit.envelope import Place, References, write
from flask_jafsec.audit.rows import OUTCOME_NUMBER, Entry
from flask_jafsec.events import Event, EventType, Outcome, Severity
from flask_jafsec.identity.permissions import Actor
from flask_jafsec.stores.audit_tables import EVENT, LEAF
from flask_jafsec.testing import FrozenClock
from flask_jafsec.web.extension import state_of

#: Goal in milliseconds at the 95th percentile, with a million events. Source: console.md B14.
PAGE_MS, COUNTS_MS = 60.0, 80.0
ROUNDS, WARM_UP = 60, 5
PORTION = 50_000
WRITER = "00000000000000aa"
OPERATOR = Actor.operator("cli:benchmark")
PREFIX = "/security"
NAMES = {number: name for name, number in audit_search.TYPE_IDS.items()}
OUTCOMES = {number: outcome for outcome, number in OUTCOME_NUMBER.items()}


def event_of(entry: Entry) -> Event:
    """Returns an event whose search copies would be *entry*."""
    return Event(
        id=entry.event_id,
        type=EventType(NAMES[entry.type_id]),
        at=datetime.fromtimestamp(entry.ts / 1e6, UTC),
        severity=Severity(entry.severity),
        outcome=Outcome(OUTCOMES[entry.outcome]),
        method="GET",
        route="/api/v1/things/<int:id>",
        status=200,
        key_id=entry.key or "",
        request_id=entry.request or "",
        count=entry.decisions,
    )


def envelopes(number: int) -> Iterator[tuple[tuple[object, ...], tuple[object, ...]]]:
    """Yields the rows of every event and its leaf."""
    for entry in audit_search.entries(number):
        n = entry.leaf_index + 1
        place = Place("bench/app/audit/1", "app", WRITER, n, "0" * 64)
        kinds = ("anonymous", "person", "service")
        refs = References(entry.actor or "", kinds[entry.actor_kind], entry.subject, entry.ip)
        envelope = write(event_of(entry), entry.ts, place, refs)
        yield (WRITER, n, envelope, bytes(32), "r1"), (entry.leaf_index, WRITER, n, bytes(32))


def fill(path: Path, number: int) -> None:
    """Fills an empty database: search copies, events, leaves."""
    audit_search.seed(f"sqlite:///{path}", number)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        rows: list[tuple[tuple[object, ...], tuple[object, ...]]] = []
        for row in envelopes(number):
            rows.append(row)
            if len(rows) == PORTION:
                add(connection, rows)
                rows = []
        add(connection, rows)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def add(
    connection: sqlite3.Connection, rows: Sequence[tuple[tuple[object, ...], tuple[object, ...]]]
) -> None:
    connection.execute("BEGIN")
    events, leaves = [event for event, _ in rows], [leaf for _, leaf in rows]
    for name, columns, values in ((EVENT.name, 5, events), (LEAF.name, 4, leaves)):
        places = ",".join("?" * columns)
        connection.executemany(f"INSERT INTO {name} VALUES ({places})", values)
    connection.execute("COMMIT")


def make_app(folder: Path, path: Path) -> tuple[Flask, FlaskClient]:
    """Returns an app on the database, whose clock stands at the end of the log, and a reader."""
    app = Flask("bench", instance_path=str(folder))
    app.config.update(
        TESTING=True,
        JAFSEC_DATABASE_URL=f"sqlite:///{path}",
        JAFSEC_ROOT_KEYS="r1:KxJ0m2Rr3bqz8vWQe4u1TnYs6dLhPc9oGfA7iZkXwBE=",
        JAFSEC_LIMITS_ENABLED=False,
        JAFSEC_LOG_ENABLED=False,
        JAFSEC_ANCHORS=f"file:{folder / 'anchors.log'}",
        JAFSEC_ROLES={"reader": ["jafsec:audit:read"]},
    )
    end = datetime.fromtimestamp(audit_search.END_US / 1e6, UTC)
    JafSecurity(app, clock=FrozenClock(end))
    state = state_of(app)
    user = state.users.create("reader", by=OPERATOR, password="violet engines hum").user
    state.roles.grant(user.id, "reader", by=OPERATOR)
    client = app.test_client()
    client.set_cookie("jafsec_session", state.sessions.open(user).cookie)
    return app, client


def questions() -> dict[str, tuple[Callable[[random.Random], str], float]]:
    """Returns each kind of page: how its address is made, and its goal."""
    actors, names = audit_search.ACTOR_REFS.values, audit_search.TYPE_NAMES.values
    return {
        "list, last 24 h": (lambda _c: "/audit", PAGE_MS),
        "list, 30 days": (lambda _c: "/audit?range=30d", PAGE_MS),
        "list, 30 days, outcome": (
            lambda c: f"/audit?range=30d&q=outcome:{c.choice(('allow', 'deny', 'done'))}",
            PAGE_MS,
        ),
        "list, 30 days, type": (
            lambda c: f"/audit?range=30d&q=type:{c.choice(names)}",
            PAGE_MS,
        ),
        "list, 30 days, actor": (
            lambda c: f"/audit?range=30d&q=actor:{c.choice(actors)}",
            PAGE_MS,
        ),
        "list, 30 days, free text": (lambda _c: "/audit?range=30d&q=things", PAGE_MS),
        "chart and facets, 24 h": (lambda _c: "/audit/counts", COUNTS_MS),
        "chart and facets, 30 days": (lambda _c: "/audit/counts?range=30d", COUNTS_MS),
        "rows since a leaf": (lambda _c: "/audit/newer?leaf=999999999", PAGE_MS),
    }


def timed(
    client: FlaskClient, write_path: Callable[[random.Random], str]
) -> tuple[list[float], list[float]]:
    """Returns the milliseconds of each asking, on the clock and of the processor."""
    chance = random.Random(3)
    laps: list[float] = []
    worked: list[float] = []
    headers = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
    for number in range(WARM_UP + ROUNDS):
        path = write_path(chance)
        part = {"X-Jafsec-Fragment": "1"} if path.startswith("/audit/") else {}
        started, begun = time.perf_counter(), time.thread_time()
        answer = client.get(PREFIX + path, headers=headers | part, buffered=True)
        lap = (time.perf_counter() - started) * 1e3
        work = (time.thread_time() - begun) * 1e3
        if answer.status_code != 200:
            raise SystemExit(f"{path} is answered with {answer.status_code}")
        if number >= WARM_UP:
            laps.append(lap)
            worked.append(work)
    return laps, worked


def verifying(number: int) -> float:
    """Returns how many events a page verifies in a second, on a genuine log of that many."""
    with tempfile.TemporaryDirectory(prefix="jafsec-bench-") as folder:
        app, _ = make_app(Path(folder), Path(folder) / "log.db")
        state = state_of(app)
        for _ in range(number):
            state.services.trail.record(
                Event(
                    id=audit_search.encode(random.getrandbits(127)),
                    type=EventType.PERMISSION_DENIED,
                    at=state.services.clock.now(),
                )
            )
        state.services.trail.close()
        assert state.integrity is not None
        started = time.perf_counter()
        found = state.integrity.verify(50_000, by="benchmark")
        return found.events / (time.perf_counter() - started)


def main(arguments: Sequence[str]) -> int:
    """Measures, prints and returns the exit code: 1 with ``--check`` and a goal missed."""
    parser = argparse.ArgumentParser(prog="benchmarks.console_audit", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--readme", action="store_true", help="put the result into README.md")
    parser.add_argument("--check", action="store_true", help="fail where a goal is missed")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="jafsec-bench-") as name:
        folder = Path(name)
        fill(folder / "log.db", options.events)
        print("filled", file=sys.stderr)
        app, client = make_app(folder, folder / "log.db")
        rows = []
        for label, (write_path, goal) in questions().items():
            laps, worked = timed(client, write_path)
            rows.append((label, median(laps), p95(laps), p95(worked), goal))
        state_of(app).services.trail.close()
    speed = verifying(5_000)
    said = {**facts(), "events": f"{options.events:,}", "verified on a page": f"{speed:,.0f}/s"}
    heads = ["page", "p50, ms", "p95, ms", "p95 of the processor, ms", "goal p95, ms"]
    lines = [
        [label, f"{half:.1f}", f"{most:.1f}", f"{work:.1f}", _goal(most, goal)]
        for label, half, most, work, goal in rows
    ]
    text = bullets(said) + "\n\n" + table(heads, lines)
    print(text)
    if options.readme:
        fill_readme("console_audit", text)
    if options.json:
        write_json(options.json, [list(row) for row in rows])
    return int(options.check and any(most > goal for _, _, most, _, goal in rows))


def p95(laps: list[float]) -> float:
    return quantiles(laps, n=20)[-1]


def _goal(most: float, goal: float) -> str:
    return f"{goal:.0f}" if most <= goal else f"{goal:.0f} missed"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
