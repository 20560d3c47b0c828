"""Every kind of question to the audit log's search, as the console asks it, and its goal."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median, quantiles

from benchmarks.audit_search_log import (
    ACTOR_REFS,
    ADDRESSES,
    DAY_US,
    END_US,
    KEY_IDS,
    START_US,
    TYPE_NAMES,
    TYPES,
    ref,
)
from flask_jafsec.audit.cursors import Cursor, Cursors, scope_of
from flask_jafsec.audit.query import Query, parse
from flask_jafsec.audit.searching import LogSearch

#: Questions of each kind, each with another value; those before them warm the caches.
ROUNDS, WARM_UP = 40, 5
#: Goals in milliseconds at the 95th percentile. Source: performance.md, goals 3; console.md B5.
PAGE_MS, HISTOGRAM_MS, FACETS_MS, DEEP_TIMES = 15.0, 20.0, 80.0, 3.0
CURSORS = Cursors([bytes(32)])


@dataclass(frozen=True, slots=True)
class Row:
    """One measured question."""

    label: str
    p50_ms: float
    p95_ms: float
    cpu_ms: float
    """Median of this process's own time: on SQLite all the work there is, on PostgreSQL ours."""
    goal_ms: float | None
    of_median: bool = False
    """The goal is a ratio to another row's median, and so is for the median."""

    @property
    def meets_goal(self) -> bool:
        judged = self.p50_ms if self.of_median else self.p95_ms
        return self.goal_ms is None or judged <= self.goal_ms


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


@dataclass(frozen=True, slots=True)
class Laps:
    """Milliseconds of each asking."""

    wall: list[float]
    cpu: list[float]


def timed(ask: Callable[[random.Random], object], rounds: int) -> Laps:
    """Returns how long each asking takes."""
    chance = random.Random(3)
    laps = Laps([], [])
    for number in range(WARM_UP + rounds):
        started, worked = time.perf_counter(), time.process_time()
        ask(chance)
        if number >= WARM_UP:
            laps.wall.append((time.perf_counter() - started) * 1e3)
            laps.cpu.append((time.process_time() - worked) * 1e3)
    return laps


def row(label: str, laps: Laps, goal: float | None, *, of_median: bool = False) -> Row:
    wall, cpu = median(laps.wall), median(laps.cpu)
    return Row(label, wall, p95(laps.wall), cpu, goal or None, of_median)


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
        goal = median(first.wall) * DEEP_TIMES
        yield row(f"half the depth: {label}", there, goal, of_median=True)
