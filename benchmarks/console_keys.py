"""The console's list of 10,000 API keys, each as the page that a person opens.

Requests go through the whole application: gate, session, permissions, queries, template.
Goal: p95 under 50 ms (console specification, B5).
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from benchmarks.machine import facts
from benchmarks.tables import bullets, fill_readme, table, write_json
from flask_jafsec import JafSecurity
from flask_jafsec.identity.permissions import Actor
from flask_jafsec.ids import new_id
from flask_jafsec.records import ApiKey, Environment, KeyUse
from flask_jafsec.web.extension import state_of

KEYS = 10_000
ROUNDS = 60
GOAL_MS = 50.0

#: Keys that are used every hour; their use is summed up on the first pages.
BUSY = 500

PAGES = {
    "first page": "/security/keys",
    "first page, by name": "/security/keys?sort=name",
    "expiring": "/security/keys?status=expiring",
    "with a text in many names": "/security/keys?q=worker",
    "with a text in no name": "/security/keys?q=nothing-like-it",
    "wildcards, few among many": "/security/keys?status=wildcard",
}


@dataclass(frozen=True)
class Row:
    label: str
    p50_ms: float
    p95_ms: float
    cpu_ms: float
    """The median of the processor's time, which neighbours on the machine change less."""

    @property
    def meets_goal(self) -> bool:
        return self.p95_ms < GOAL_MS


def make_app(folder: Path) -> Flask:
    app = Flask("bench", instance_path=str(folder))
    app.config.update(
        TESTING=True,
        JAFSEC_DATABASE_URL=f"sqlite:///{folder / 'keys.db'}",
        JAFSEC_LIMITS_ENABLED=False,
        JAFSEC_LOG_ENABLED=False,
    )
    JafSecurity(app)
    return app


def seed(app: Flask, number: int) -> None:
    """Fill the tables with keys of every state, the same ones in every run."""
    chance = random.Random(4)
    now = datetime.now(UTC)
    keys = [_key(chance, now, n) for n in range(number)]
    state = state_of(app)
    for begin in range(0, number, 1_000):
        with state.store.writing() as tables:
            for key in keys[begin : begin + 1_000]:
                tables.keys.add(key)
    hour = now.replace(minute=0, second=0, microsecond=0)
    busy = sorted(keys, key=lambda key: key.last_used_at or now - timedelta(days=999))[-BUSY:]
    for begin in range(0, len(busy), 50):
        with state.store.writing() as tables:
            tables.keys.add_uses(_uses(chance, busy[begin : begin + 50], hour))


def _key(chance: random.Random, now: datetime, number: int) -> ApiKey:
    made = now - timedelta(days=chance.randrange(400))
    key = ApiKey(
        id=new_id(),
        name=f"{chance.choice(('worker', 'sync', 'report', 'agent'))}-{number}",
        environment=Environment.LIVE,
        owner=chance.choice(("", "ann", "bob", f"subject-{number % 100}")),
        scopes=frozenset(chance.sample(("a:read", "a:write", "b:read", "c:run", "d:run"), 3)),
        digest=chance.randbytes(32),
        root_id="bench",
        created_at=made,
        created_by="bench",
        expires_at=now + timedelta(days=chance.randrange(-60, 400)) if number % 5 else None,
        last_used_at=now - timedelta(minutes=chance.randrange(200_000)) if number % 7 else None,
    )
    if number % 500 == 0:
        return replace(key, scopes=frozenset({"a:*"}))
    return replace(key, revoked_at=now - timedelta(days=number % 200)) if number % 9 == 0 else key


def _uses(chance: random.Random, keys: Sequence[ApiKey], hour: datetime) -> Iterator[KeyUse]:
    for key in keys:
        for back in range(24 * 14):
            yield KeyUse(key.id, hour - timedelta(hours=back), chance.randrange(900), 1)


def sign_in(app: Flask) -> FlaskClient:
    state, operator = state_of(app), Actor.operator("cli:bench")
    user = state.users.create("ada", by=operator, password="violet engines hum").user
    state.roles.grant(user.id, "jafsec_admin", by=operator)
    client = app.test_client()
    client.set_cookie("jafsec_session", state.sessions.open(user).cookie)
    return client


def measure(client: FlaskClient, rounds: int) -> list[Row]:
    deep = _deep_page(client)
    pages = {**PAGES, "100 pages further on": deep}
    took: dict[str, list[float]] = {label: [] for label in pages}
    spent: dict[str, list[float]] = {label: [] for label in pages}
    for number in range(rounds + 5):
        for label, path in pages.items():
            started, cpu = time.perf_counter(), time.process_time()
            answer = client.get(path, headers={"Accept-Encoding": "gzip"})
            elapsed = (time.perf_counter() - started) * 1000
            cpu = (time.process_time() - cpu) * 1000
            assert answer.status_code == 200, (path, answer.status_code)
            if number >= 5:
                took[label].append(elapsed)
                spent[label].append(cpu)
    return [
        Row(label, _share(times, 0.5), _share(times, 0.95), _share(spent[label], 0.5))
        for label, times in took.items()
    ]


def _deep_page(client: FlaskClient) -> str:
    path = "/security/keys?sort=created"
    for _ in range(100):
        text = client.get(path).text
        path = text.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    return path


def _share(times: list[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def main(arguments: Sequence[str]) -> int:
    """Measures, prints and returns the exit code: 1 with ``--check`` and a goal missed."""
    parser = argparse.ArgumentParser(prog="benchmarks.console_keys", description=__doc__)
    parser.add_argument("--keys", type=int, default=KEYS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--readme", action="store_true", help="put the result into README.md")
    parser.add_argument("--check", action="store_true", help="fail where a goal is missed")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        app = make_app(Path(folder))
        seed(app, options.keys)
        rows = measure(sign_in(app), options.rounds)
        state_of(app).services.trail.close()
    heads = ["page", "CPU p50, ms", "p50, ms", "p95, ms", "goal p95, ms"]
    lines = [
        [r.label, f"{r.cpu_ms:.1f}", f"{r.p50_ms:.1f}", f"{r.p95_ms:.1f}", _goal(r)] for r in rows
    ]
    text = bullets({**facts(), "keys": f"{options.keys:,}"}) + "\n\n" + table(heads, lines)
    print(text)
    if options.readme:
        fill_readme("console_keys", text)
    if options.json:
        write_json(options.json, {r.label: [r.p50_ms, r.p95_ms] for r in rows})
    return int(options.check and not all(r.meets_goal for r in rows))


def _goal(row: Row) -> str:
    return f"{GOAL_MS:.0f}" + ("" if row.meets_goal else " missed")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
