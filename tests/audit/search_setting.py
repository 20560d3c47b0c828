"""A made-up log: its search copies and rollups in a database, and what queries should find."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from uuid import uuid4

import psycopg
import pytest
from hypothesis import strategies as st
from sqlalchemy import create_engine

from flask_jafsec.audit.cursors import Cursors
from flask_jafsec.audit.query import Field, Query, Term
from flask_jafsec.audit.rows import ACTOR_NUMBER, OUTCOME_NUMBER, Entry, Rollup
from flask_jafsec.audit.search_plan import Bounds
from flask_jafsec.audit.searching import LogSearch
from flask_jafsec.events import Severity
from flask_jafsec.ids import encode
from flask_jafsec.stores.audit_tables import ENTRY, ROLLUP, TYPE
from flask_jafsec.stores.sql.audit.store import SqlAuditStore
from flask_jafsec.stores.sql.store import SqlStore
from tests.conftest import PostgresServer
from tests.servers import STARTING_S
from tests.stores.conftest import make_tables

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US

#: Databases of these tests, as pytest's parameters.
KINDS = ("sqlite", "postgres")

#: 2026-11-20, 10:02:30: no bucket begins here.
START_US = 1_795_168_950_000_000
SPAN_US = 3 * DAY_US
END_US = START_US + SPAN_US
WHOLE = (START_US, END_US)

#: So small that almost every query of a small log is cut into steps and pages.
SMALL = {"page": 60, "text": 40, "first": 10, "chart": 50, "total": 30}

TYPES = {
    "request.allowed": 3,
    "auth.token.rejected": 1,
    "auth.key.rejected": 7,
    "auth.sign_in.failed": 2,
    "authz.denied": 9,
    "key.minted": 4,
}
TYPE_NAMES = {number: name for name, number in TYPES.items()}
OUTCOMES = {outcome.value: number for outcome, number in OUTCOME_NUMBER.items()}
SEVERITIES = {level.name.lower(): level.value for level in Severity}

#: A person may have two references; one person was never seen.
PEOPLE = {"ada": ["A" * 26], "bob": ["B" * 26, "C" * 26], "eve": ["E" * 26], "never": []}
ADDRESSES = ("192.0.2.1", "192.0.2.2", "2001:db8::7")
TEXTS = ("get /chat/<int:id>", "post /100%_sure", "get /\\strange", "patch /étude/ü")

KEY = bytes(range(32))
CURSORS = Cursors([KEY])


def subject_refs(text: str) -> Sequence[str]:
    return PEOPLE.get(text, ())


def address_ref(address: str, day: int) -> str:
    return encode(ADDRESSES.index(address) * 1_000_000 + day + 1)


def address_refs(address: str, from_us: int, to_us: int) -> Sequence[str]:
    if address not in ADDRESSES:
        return ()
    days = range(max(from_us, START_US) // DAY_US, (min(to_us, END_US) - 1) // DAY_US + 1)
    return [address_ref(address, day) for day in days]


def made(number: int) -> list[Entry]:
    """Return that many entries; often several at one time, and not in the order of time."""
    chance = random.Random(number)
    entries: list[Entry] = []
    for leaf in range(number):
        ts = START_US + chance.randrange(number // 2) * (SPAN_US // (number // 2))
        name = chance.choice(list(TYPES))
        actor = chance.choice(["anonymous", "system", *(ref for p in PEOPLE.values() for ref in p)])
        key = f"key{leaf % 5}" if leaf % 3 else None
        words = f"{name} {chance.choice(TEXTS)} {key or ''}"
        entries.append(
            Entry(
                leaf_index=leaf,
                event_id=f"event{leaf}",
                ts=ts,
                type_id=TYPES[name],
                severity=chance.choice((0, 2, 2, 2, 5, 5, 6, 7)),
                outcome=chance.choice((1, 1, 1, 2, 2, 3, 4)),
                actor_kind=ACTOR_NUMBER.get(actor, 1),
                actor=actor,
                subject=chance.choice((None, None, "A" * 26, "B" * 26)),
                ip=chance.choice((None, address_ref(chance.choice(ADDRESSES), ts // DAY_US))),
                request=f"request{leaf // 2}" if leaf % 7 else None,
                key=key,
                country=None,
                words=words + " needle" * (leaf % 131 == 0),
                decisions=1 + leaf % 3,
            )
        )
    return entries


def rollups_of(entries: Sequence[Entry], fine_from_us: int = 0) -> list[Rollup]:
    """Return the rollups of *entries*; fine ones from a time on only."""
    events, decisions = Counter[tuple[int, ...]](), Counter[tuple[int, ...]]()
    for entry in entries:
        for step in (300, 3_600):
            bucket = entry.ts // 1_000_000 // step * step
            if step == 3_600 or bucket * 1_000_000 >= fine_from_us:
                place = (step, bucket, entry.type_id, entry.outcome, entry.severity)
                events[place] += 1
                decisions[place] += entry.decisions
    return [Rollup._make((*place, n, decisions[place])) for place, n in events.items()]


@dataclass(frozen=True, slots=True)
class Log:
    """A filled database and what is in it."""

    store: SqlStore
    entries: list[Entry]

    def search(self, **bounds: int) -> LogSearch:
        return LogSearch(
            SqlAuditStore(self.store),
            CURSORS,
            subject_refs=subject_refs,
            address_refs=address_refs,
            bounds=Bounds(**bounds),
        )

    def matching(self, query: Query, from_us: int = START_US, to_us: int = END_US) -> list[Entry]:
        """Return what *query* should find, newest first, by its definition."""
        found = [
            entry
            for entry in self.entries
            if from_us <= entry.ts < to_us
            and all(_holds(term, entry, from_us, to_us) for term in query.terms)
        ]
        return sorted(found, key=lambda entry: (entry.ts, entry.leaf_index), reverse=True)


@contextmanager
def filled(url: str, entries: list[Entry], fine_from_us: int = 0) -> Iterator[Log]:
    """Fill an empty database that has our tables."""
    with closing(SqlStore(url, timeout_s=60.0)) as store:
        with store.transaction("background", writing=True) as transaction:
            if entries:
                transaction.append(ENTRY, entries)
                transaction.append(ROLLUP, rollups_of(entries, fine_from_us))
            transaction.append(TYPE, [(number, name) for name, number in TYPES.items()])
        yield Log(store, entries)


@contextmanager
def small_log(
    kind: str, request: pytest.FixtureRequest, paths: pytest.TempPathFactory
) -> Iterator[Log]:
    """Make a log of 600 entries, whose fine rollups begin on the second day."""
    entries = made(600)
    with database(kind, request, paths) as url, filled(url, entries, START_US + DAY_US) as log:
        yield log


@contextmanager
def large_log(
    kind: str, request: pytest.FixtureRequest, paths: pytest.TempPathFactory
) -> Iterator[Log]:
    """Make a log of twenty thousand entries, with statistics where the database keeps some."""
    with database(kind, request, paths) as url, filled(url, made(20_000)) as log:
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.exec_driver_sql("ANALYZE")
        engine.dispose()
        yield log


@contextmanager
def database(
    kind: str, request: pytest.FixtureRequest, paths: pytest.TempPathFactory
) -> Iterator[str]:
    """Make a database with our tables, for longer than one test."""
    if kind == "sqlite":
        url = f"sqlite:///{paths.mktemp('log')}/log.sqlite"
        make_tables(url)
        yield url
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = f"log_{uuid4().hex}"
    _create(server, name)
    make_tables(server.url(name))
    yield server.url(name)
    server.drop(name)


def _create(server: PostgresServer, name: str) -> None:
    # The server takes connections a little before it answers them.
    deadline = time.monotonic() + STARTING_S
    while True:
        try:
            server.create(name)
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
        else:
            return


def _holds(term: Term, entry: Entry, from_us: int, to_us: int) -> bool:
    return any(_has(term.field, value, entry, from_us, to_us) for value in term.values) is not (
        term.excluded
    )


def _has(field: Field, value: str, entry: Entry, from_us: int, to_us: int) -> bool:
    name = TYPE_NAMES[entry.type_id]
    if field is Field.TYPE:
        return name.startswith(value[:-1]) if value.endswith("*") else name == value
    if field is Field.ACTOR:
        return entry.actor in (value, *subject_refs(value))
    if field is Field.IP:
        return entry.ip in address_refs(value, from_us, to_us)
    checks = {
        Field.OUTCOME: lambda: entry.outcome == OUTCOMES[value],
        Field.SEVERITY: lambda: entry.severity == SEVERITIES[value],
        Field.KIND: lambda: entry.actor_kind == ACTOR_NUMBER[value],
        Field.SUBJECT: lambda: entry.subject in subject_refs(value),
        Field.REQUEST: lambda: entry.request == value,
        Field.KEY: lambda: entry.key == value,
        Field.TEXT: lambda: value in entry.words,
    }
    return checks[field]()


_terms = st.one_of(
    st.builds(
        Term,
        st.just(Field.TYPE),
        st.lists(
            st.sampled_from([*TYPES, "auth.*", "auth.key*", "user.*", "user.created"]), min_size=1
        ).map(tuple),
        st.booleans(),
    ),
    *(
        st.builds(
            Term,
            st.just(field),
            st.lists(st.sampled_from(values), min_size=1, max_size=3).map(tuple),
            st.booleans(),
        )
        for field, values in {
            Field.OUTCOME: list(OUTCOMES),
            Field.SEVERITY: list(SEVERITIES),
            Field.KIND: ["anonymous", "person", "service", "system"],
            Field.ACTOR: [*PEOPLE, "system", "anonymous"],
            Field.SUBJECT: list(PEOPLE),
            Field.IP: [*ADDRESSES, "192.0.2.99"],
            Field.KEY: ["key0", "key1", "nokey"],
            Field.REQUEST: ["request1", "request2", "request77", "no"],
        }.items()
    ),
    st.builds(
        Term,
        st.just(Field.TEXT),
        st.sampled_from(["auth", "100%_s", "%", "_", "/", "\\", "ü", "needle", "nowhere"]).map(
            lambda text: (text,)
        ),
        st.booleans(),
    ),
)
queries = st.lists(_terms, max_size=3).map(Query.of)
spans = st.one_of(
    st.just(WHOLE),
    st.tuples(st.integers(START_US - 5, END_US), st.integers(1, END_US - START_US)).map(
        lambda pair: (pair[0], pair[0] + pair[1])
    ),
)
