"""What searching a full audit log costs, on SQLite and PostgreSQL.

``python -m benchmarks.audit_search --help``. The search copies, rollups and types of a made-up log
are written directly, in the order and through the indexes a real sequencer would; then the service
is asked as the console asks it, each question with another value every time.
"""

import argparse
import hashlib
import random
import sqlite3
import sys
import tempfile
import time
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from statistics import median, quantiles

import psycopg

from benchmarks.machine import facts
from benchmarks.tables import bullets, fill_readme, table, write_json
from flask_jafsec.audit.cursors import Cursor, Cursors, scope_of
from flask_jafsec.audit.query import Query, parse
from flask_jafsec.audit.rows import Entry
from flask_jafsec.audit.searching import LogSearch
from flask_jafsec.events import EventType
from flask_jafsec.ids import encode
from flask_jafsec.stores import schema
from flask_jafsec.stores.audit_tables import ENTRY, ROLLUP, TYPE
from flask_jafsec.stores.sql.audit.store import SqlAuditStore
from flask_jafsec.stores.sql.store import SqlStore
from tests.servers import running, start_postgres

#: A log of 90 days, the default retention of personal parts.
DAYS = 90
TYPES, ACTORS, ADDRESSES, KEYS = 40, 5_000, 20_000, 300
DAY_US = 86_400_000_000
END_US = 1_800_000_000_000_000
START_US = END_US - DAYS * DAY_US
#: Rows handed to the database at once.
PORTION = 50_000
#: Questions of each kind, each with another value; those before them warm the caches.
ROUNDS, WARM_UP = 40, 5
#: Goals in milliseconds at the 95th percentile. Source: performance.md, goals 3; console.md B5.
PAGE_MS, HISTOGRAM_MS, FACETS_MS, DEEP_TIMES = 15.0, 20.0, 80.0, 3.0


@dataclass(frozen=True, slots=True)
class Row:
    """One measured question."""

    label: str
    p50_ms: float
    p95_ms: float
    goal_ms: float | None
    of_median: bool = False
    """The goal is a ratio to another row's median, and so is for the median."""

    @property
    def meets_goal(self) -> bool:
        judged = self.p50_ms if self.of_median else self.p95_ms
        return self.goal_ms is None or judged <= self.goal_ms


class Skewed:
    """Picks from a list as people do: a few all the time, most of them seldom (Zipf, s = 1)."""

    def __init__(self, values: Sequence[str]) -> None:
        self.values = values
        self._sums = list(accumulate(1 / rank for rank in range(1, len(values) + 1)))

    def pick(self, chance: random.Random) -> str:
        return self.values[bisect(self._sums, chance.random() * self._sums[-1])]


def ref(kind: str, number: object) -> str:
    digest = hashlib.sha256(f"{kind}{number}".encode()).digest()
    return encode(int.from_bytes(digest[:16], "big"))


def address_ref(number: object, day: int) -> str:
    return ref(f"ip{day}/", number)


NAMES = [event_type.value for event_type in EventType][:TYPES]
TYPE_NAMES = Skewed(sorted(NAMES, key=lambda name: (name != "request.allowed", ref("t", name))))
TYPE_IDS = {name: number for number, name in enumerate(sorted(NAMES), 1)}
ACTOR_REFS = Skewed([ref("actor", number) for number in range(ACTORS)])
ADDRESS_NUMBERS = Skewed([str(number) for number in range(ADDRESSES)])
CURSORS = Cursors([bytes(32)])
KEY_IDS = Skewed([ref("key", number) for number in range(KEYS)])


def entries(number: int) -> Iterator[Entry]:
    """Yields *number* events, evenly from the start to the end."""
    chance = random.Random(7)
    for leaf in range(number):
        ts = START_US + (END_US - START_US) * leaf // number + chance.randrange(1_000)
        name = TYPE_NAMES.pick(chance)
        refused = any(word in name for word in ("reject", "denied", "fail", "refused", "exceeded"))
        outcome = (2 if refused else 1 if name == "request.allowed" else 3) if leaf % 97 else 4
        severity = (5 if refused else 2) if leaf % 1_009 else 7
        known = chance.random() < 0.8
        key = KEY_IDS.pick(chance) if known and chance.random() < 0.3 else None
        address = ADDRESS_NUMBERS.pick(chance)
        words = f"{name} get /api/v{leaf % 3}/things/<int:id> {'denied' if refused else 'ok'}"
        yield Entry(
            leaf_index=leaf,
            event_id=ref("event", leaf),
            ts=ts,
            type_id=TYPE_IDS[name],
            severity=severity,
            outcome=outcome,
            actor_kind=(2 if key else 1) if known else 0,
            actor=ACTOR_REFS.pick(chance) if known else "anonymous",
            subject=ACTOR_REFS.pick(chance) if leaf % 12 == 0 else None,
            ip=address_ref(address, (ts - START_US) // DAY_US),
            request=ref("request", leaf // 2),
            key=key,
            country=None,
            words=f"{words} {key or ''} {ref('event', leaf)}".lower()
            + (" needle" if leaf % 400_000 == 399_999 else ""),
            decisions=1 if leaf % 10 else 7,
        )


def seed(url: str, number: int) -> None:
    """Fills an empty database."""
    schema.upgrade(url)
    buckets: Counter[tuple[int, ...]] = Counter()
    weights: Counter[tuple[int, ...]] = Counter()
    with closing(Filling(url)) as filling:
        portion: list[Entry] = []
        for entry in entries(number):
            for step in (300, 3_600):
                if step == 300 and entry.ts < END_US - 2 * DAY_US:
                    continue  # the fine buckets are kept for 48 hours
                bucket = entry.ts // 1_000_000 // step * step
                place = (step, bucket, entry.type_id, entry.outcome, entry.severity)
                buckets[place] += 1
                weights[place] += entry.decisions
            portion.append(entry)
            if len(portion) == PORTION:
                filling.add(ENTRY.name, portion)
                portion = []
        filling.add(ENTRY.name, portion)
        rollups = [(*place, n, weights[place]) for place, n in sorted(buckets.items())]
        filling.add(ROLLUP.name, rollups)
        filling.add(TYPE.name, [(number, name) for name, number in TYPE_IDS.items()])
        filling.finish()


class Filling:
    """The fast way into either database. Only here: nothing needs to survive a power cut."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lite = None
        self._store = None
        if url.startswith("sqlite"):
            path = url.removeprefix("sqlite:///")
            self._lite = sqlite3.connect(path, isolation_level=None)
            for pragma in ("synchronous=OFF", "cache_size=-500000", "temp_store=MEMORY"):
                self._lite.execute(f"PRAGMA {pragma}")
        else:
            self._store = SqlStore(url, timeout_s=600)

    def add(self, name: str, rows: Sequence[tuple[object, ...]]) -> None:
        if not rows:
            return
        if self._lite is not None:
            places = ",".join("?" * len(rows[0]))
            self._lite.execute("BEGIN")
            self._lite.executemany(f"INSERT INTO {name} VALUES ({places})", rows)
            self._lite.execute("COMMIT")
        elif self._store is not None:
            tables = {table.name: table for table in (ENTRY, ROLLUP, TYPE)}
            with self._store.transaction("background", writing=True) as transaction:
                transaction.append(tables[name], rows)

    def finish(self) -> None:
        if self._lite is not None:
            self._lite.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return
        # The server does this by itself, about a minute later.
        url = self._url.replace("postgresql+psycopg", "postgresql")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")

    def close(self) -> None:
        for opened in (self._lite, self._store):
            if opened is not None:
                opened.close()


def questions(search: LogSearch) -> Iterator[tuple[str, Callable[[random.Random], object], float]]:
    """Yields every kind of question: its label, the asking of one, and its goal."""
    month = (END_US - 30 * DAY_US, END_US)
    whole = (START_US, END_US)

    def page(write: Callable[[random.Random], str]) -> Callable[[random.Random], object]:
        return lambda chance: search.page(parse(write(chance)), *whole)

    single = {
        "no filter": lambda _c: "",
        "type": lambda c: f"type:{TYPE_NAMES.values[c.randrange(TYPES)]}",
        "type, beginning": lambda _c: "type:auth.*",
        "outcome": lambda c: f"outcome:{c.choice(('allow', 'deny', 'done', 'fail'))}",
        "severity, from warning up": lambda _c: "severity:>=warning",
        "actor": lambda c: f"actor:{c.choice(ACTOR_REFS.values)}",
        "subject": lambda c: f"subject:{c.choice(ACTOR_REFS.values)}",
        "request": lambda c: f"request:{ref('request', c.randrange(1_000))}",
        "key": lambda c: f"key:{c.choice(KEY_IDS.values)}",
    }
    for label, write in single.items():
        yield f"newest 50: {label}", page(write), PAGE_MS

    def address(chance: random.Random) -> str:
        number = chance.randrange(ADDRESSES)
        return f"ip:10.{number >> 16}.{number >> 8 & 255}.{number & 255}"

    yield "newest 50: ip, 30 days", lambda c: search.page(parse(address(c)), *month), PAGE_MS
    yield "newest 50: ip, 90 days", page(address), PAGE_MS
    pairs = {
        "actor and outcome": lambda c: f"actor:{c.choice(ACTOR_REFS.values)} outcome:deny",
        "actor and type": lambda c: f"actor:{c.choice(ACTOR_REFS.values)} type:auth.*",
        "type and severity": lambda c: f"type:{TYPE_NAMES.values[c.randrange(9)]} severity:>=error",
        "not one type": lambda _c: "-type:request.allowed",
        "kind": lambda _c: "kind:service",
    }
    for label, write in pairs.items():
        yield f"newest 50: {label}", page(write), PAGE_MS
    yield "newest 50: two that never meet", page(lambda _c: "type:request.allowed outcome:deny"), 0
    yield "free text: everywhere", page(lambda _c: "things"), PAGE_MS
    yield "free text: nowhere in 20,000 rows", page(lambda _c: "needle"), 0
    yield (
        "histogram, 30 days",
        lambda _c: search.histogram(parse(""), *month),
        HISTOGRAM_MS,
    )
    denied = parse("outcome:deny")
    yield "histogram, 30 days, outcome", lambda _c: search.histogram(denied, *month), HISTOGRAM_MS
    short = (END_US - DAY_US, END_US)
    yield "histogram, 24 h", lambda _c: search.histogram(parse(""), *short), HISTOGRAM_MS
    yield (
        "histogram, 30 days, actor",
        lambda c: search.histogram(parse(f"actor:{c.choice(ACTOR_REFS.values)}"), *month),
        0,
    )
    yield "facets, 30 days", lambda _c: search.facets(parse(""), *month), FACETS_MS
    yield "total, 30 days", lambda _c: search.total(parse("outcome:deny"), *month), 0
    yield "total, actor", lambda _c: search.total(parse(f"actor:{ACTOR_REFS.values[0]}"), *month), 0


def timed(ask: Callable[[random.Random], object], rounds: int) -> list[float]:
    """Returns the milliseconds of each asking."""
    chance = random.Random(3)
    laps: list[float] = []
    for number in range(WARM_UP + rounds):
        started = time.perf_counter()
        ask(chance)
        if number >= WARM_UP:
            laps.append((time.perf_counter() - started) * 1e3)
    return laps


def row(label: str, laps: list[float], goal: float | None) -> Row:
    return Row(label, median(laps), p95(laps), goal or None)


def p95(laps: list[float]) -> float:
    return quantiles(laps, n=20)[-1]


def deep(search: LogSearch, rounds: int) -> Iterator[Row]:
    """Yields first pages, and pages in the middle of the log behind a cursor."""
    middle = (START_US + END_US) // 2
    for text in ("", f"actor:{ACTOR_REFS.values[0]}", "outcome:deny"):
        query, label = parse(text), text.partition(":")[0] or "no filter"
        # Paging into the middle takes 10,000 pages; the cursor is the same one.
        last = search.page(query, START_US, middle).entries[-1]
        scope = scope_of(query, START_US, END_US)
        cursor = CURSORS.sign(Cursor(last.ts, last.leaf_index, to_older=True), scope)

        def ask(after: str | None, query: Query = query) -> Callable[[random.Random], object]:
            return lambda _chance: search.page(query, START_US, END_US, after=after)

        first, there = timed(ask(None), rounds), timed(ask(cursor), rounds)
        yield row(f"first page: {label}", first, PAGE_MS)
        goal = median(first) * DEEP_TIMES
        yield Row(f"half the depth: {label}", median(there), p95(there), goal, of_median=True)


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


def references(address: str, from_us: int, to_us: int) -> list[str]:
    """Returns one reference for each day, as the keys of the days give them."""
    parts = [int(part) for part in address.split(".")]
    number = parts[1] << 16 | parts[2] << 8 | parts[3]
    days = range((from_us - START_US) // DAY_US, (to_us - 1 - START_US) // DAY_US + 1)
    return [address_ref(number, day) for day in days]


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
    heads = ["question", *(f"{n} {p}, ms" for n in names for p in ("p50", "p95")), "goal p95, ms"]
    lines = []
    for rows in zip(*measured.values(), strict=True):
        cells = [f"{value:.2f}" for r in rows for value in (r.p50_ms, r.p95_ms)]
        goals = {_goal(r) for r in rows}
        missed = "" if all(r.meets_goal for r in rows) else " missed"
        lines.append([rows[0].label, *cells, " / ".join(sorted(goals)) + missed])
    text = bullets({**facts(), "events": f"{options.events:,}"}) + "\n\n" + table(heads, lines)
    print(text)
    if options.readme:
        fill_readme("audit_search", text)
    if options.json:
        results = {n: [[r.label, r.p50_ms, r.p95_ms] for r in rows] for n, rows in measured.items()}
        write_json(options.json, results)


def _goal(measured: Row) -> str:
    if measured.of_median:
        return f"p50 {DEEP_TIMES:.0f}x the first"
    return f"{measured.goal_ms:.0f}" if measured.goal_ms else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
