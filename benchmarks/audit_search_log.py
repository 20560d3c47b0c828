"""A made-up audit log of 90 days: search copies, rollups and types, written directly.

They come in the order and through the indexes a real sequencer would use.
"""

import hashlib
import random
import sqlite3
from bisect import bisect
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import accumulate

import psycopg

from flask_jafsec.audit.rows import Entry
from flask_jafsec.events import EventType
from flask_jafsec.ids import encode
from flask_jafsec.stores import schema
from flask_jafsec.stores.audit_tables import ENTRY, ROLLUP, TYPE
from flask_jafsec.stores.sql.store import SqlStore

#: A log of 90 days, the default retention of personal parts.
DAYS = 90
TYPES, ACTORS, ADDRESSES, KEYS = 40, 5_000, 20_000, 300
DAY_US = 86_400_000_000
END_US = 1_800_000_000_000_000
START_US = END_US - DAYS * DAY_US
#: Rows handed to the database at once.
PORTION = 50_000


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
KEY_IDS = Skewed([ref("key", number) for number in range(KEYS)])


def references(address: str, from_us: int, to_us: int) -> list[str]:
    """Returns one reference for each day, as the keys of the days give them."""
    parts = [int(part) for part in address.split(".")]
    number = parts[1] << 16 | parts[2] << 8 | parts[3]
    days = range((from_us - START_US) // DAY_US, (to_us - 1 - START_US) // DAY_US + 1)
    return [address_ref(number, day) for day in days]


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
