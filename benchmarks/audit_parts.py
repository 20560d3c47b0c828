"""The audit log's parts as the wiring puts them together, and events as requests make them."""

import base64
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import psycopg

from flask_jafsec.audit.chain import Chain, Log
from flask_jafsec.audit.item import Item
from flask_jafsec.audit.note_keys import NoteSigner
from flask_jafsec.audit.references import Referrer
from flask_jafsec.audit.sequencer import Sequencer
from flask_jafsec.audit.spool import Spool
from flask_jafsec.audit.trail import BATCH, Trail
from flask_jafsec.audit.writer import AuditWriter
from flask_jafsec.clock import SystemClock
from flask_jafsec.encryption.keyring import Keyring, Purpose
from flask_jafsec.encryption.vault import Vault
from flask_jafsec.events import Event, EventType, Outcome
from flask_jafsec.ids import new_id
from flask_jafsec.stores.schema import upgrade
from flask_jafsec.stores.sql.audit.store import SqlAuditStore
from flask_jafsec.stores.sql.store import SqlStore

ORIGIN, APP_ID = "bench.example/bench/audit/1", "bench"

#: People and addresses among the events.
CALLERS = 64

#: What a row of the baselines holds, in bytes. Source: performance.md, 3 (raw batch insert).
ROW_BYTES = 200

RAW_TABLE = (
    "CREATE TABLE plain (id {big} PRIMARY KEY, ts {big} NOT NULL, actor TEXT NOT NULL, "
    "type TEXT NOT NULL, body {bytes} NOT NULL)"
)
RAW_INDEXES = (
    "CREATE INDEX plain_actor ON plain (actor, ts)",
    "CREATE INDEX plain_type ON plain (type, ts)",
    "CREATE INDEX plain_ts ON plain (ts)",
)


@dataclass(frozen=True, slots=True)
class Parts:
    """A log on one database: its writer, and what makes the others."""

    store: SqlStore
    audit: SqlAuditStore
    keyring: Keyring
    writer: AuditWriter

    def trail(self) -> Trail:
        """Return a trail on the writer, without any other sink."""
        return Trail(self.store, [], SystemClock(), writer=self.writer)

    def sequencer(self) -> Sequencer:
        """Return a sequencer of the log."""
        seed = self.keyring.derive(Purpose.AUDIT_ED25519, self.keyring.active)
        key = self.keyring.derive(Purpose.AUDIT_MAC, self.keyring.active)
        return Sequencer(
            self.audit,
            origin=ORIGIN,
            signers=[NoteSigner(ORIGIN, seed)],
            mac_key=lambda _root: key,
            clock=SystemClock(),
        )

    def write(self, events: Sequence[Event]) -> None:
        """Keep *events* in batches as the trail makes them; raises what an item ended with."""
        for start in range(0, len(events), BATCH):
            items = [Item(event) for event in events[start : start + BATCH]]
            self.writer.write(items)
            for item in items:
                item.wait(0)


@contextmanager
def parts(url: str, spool: Path | None = None, root: bytes = b"") -> Iterator[Parts]:
    """Open a log on the database at *url*, making its tables where there are none.

    Args:
        root: The secret its keys come from, 32 bytes; without one it is made up.
    """
    upgrade(url)
    with closing(SqlStore(url)) as store:
        keyring = Keyring([("bench", root or os.urandom(32))], APP_ID)
        audit = SqlAuditStore(store)
        key = keyring.derive(Purpose.AUDIT_MAC, keyring.active)
        log = Log(ORIGIN, APP_ID, keyring.active, key, "bench")
        referrer = Referrer(Vault(keyring, APP_ID))
        chain = Chain(log, referrer)
        yield Parts(
            store, audit, keyring, AuditWriter(audit, chain, referrer, Spool(spool), SystemClock())
        )


def events(number: int, kind: EventType = EventType.REQUEST_ALLOWED) -> list[Event]:
    """Return *number* events as requests of ``CALLERS`` people bring them about."""
    return [_event(each % CALLERS, kind) for each in range(number)]


def _event(caller: int, kind: EventType) -> Event:
    return Event(
        id=new_id(),
        type=kind,
        at=datetime.now(UTC),
        outcome=Outcome.ALLOW,
        actor=f"caller-{caller}",
        status=200,
        method="GET",
        route="/chat/<int:chat_id>",
        client=f"203.0.113.{caller}",
        credential="token",
        request_id=new_id(),
    )


class PlainSqlite:
    """The baseline: rows into a table with three indexes, without a chain, durable all the same."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute(RAW_TABLE.format(big="INTEGER", bytes="BLOB"))
        for statement in RAW_INDEXES:
            self._connection.execute(statement)
        self._ids = count(1)

    def write(self, number: int) -> None:
        """Add *number* rows, in transactions as large as the trail's batches."""
        rows = plain_rows(number, self._ids)
        for start in range(0, number, BATCH):
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                "INSERT INTO plain VALUES (?, ?, ?, ?, ?)", rows[start : start + BATCH]
            )
            self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()


class PlainPostgres:
    """The same on PostgreSQL, by COPY."""

    def __init__(self, host: Path, database: str) -> None:
        self._connection = psycopg.connect(host=str(host), user="postgres", dbname=database)
        table = RAW_TABLE.format(big="BIGINT", bytes="BYTEA")
        self._connection.execute(table.encode())
        for statement in RAW_INDEXES:
            self._connection.execute(statement.encode())
        self._connection.commit()
        self._ids = count(1)

    def write(self, number: int) -> None:
        """Add *number* rows, in transactions as large as the trail's batches."""
        rows = plain_rows(number, self._ids)
        for start in range(0, number, BATCH):
            with (
                self._connection.cursor() as cursor,
                cursor.copy("COPY plain FROM STDIN") as copy,
            ):
                for row in rows[start : start + BATCH]:
                    copy.write_row(row)
            self._connection.commit()

    def close(self) -> None:
        self._connection.close()


def plain_rows(number: int, ids: Iterator[int]) -> list[tuple[int, int, str, str, bytes]]:
    """Return rows of about ``ROW_BYTES`` bytes each; made inside the clock, as they are cheap."""
    at = int(datetime.now(UTC).timestamp() * 1_000_000)
    body = base64.b64encode(os.urandom(ROW_BYTES))[: ROW_BYTES - 50]
    kind = EventType.REQUEST_ALLOWED.value
    return [
        (next(ids), at + each, f"caller-{each % CALLERS}", kind, body) for each in range(number)
    ]


def in_threads(threads: int, work: Sequence[Event], trail: Trail) -> None:
    """Have *threads* threads record *work*, each waiting for every event of its own."""

    def run(first: int) -> None:
        for event in work[first::threads]:
            trail.record(event)

    crew = [threading.Thread(target=run, args=(first,)) for first in range(threads)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
