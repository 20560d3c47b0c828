"""Chains of events made without the writer, and a log on a database that holds them."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from flask_jafsec.audit.envelope import Place, References, write
from flask_jafsec.audit.notes import NoteSigner, NoteVerifier
from flask_jafsec.audit.rows import EventRow, SealedRow, Writer, micros
from flask_jafsec.audit.sequencer import Sequencer
from flask_jafsec.audit.store import AuditStore
from flask_jafsec.audit.verifying import Verifier
from flask_jafsec.events import Event, EventType, Outcome, Severity

ORIGIN = "example.com/shop/audit/1"
SIGNER = NoteSigner(ORIGIN, bytes(range(32)))
VERIFIERS = (NoteVerifier.from_vkey(SIGNER.verifier_key),)
MAC_KEY = bytes(range(32, 64))
START = datetime(2026, 11, 22, 17, 40, tzinfo=UTC)
NAMES = ("a" * 16, "b" * 16, "c" * 16)

_KINDS = (
    (EventType.TOKEN_REJECTED, Outcome.DENY, Severity.WARNING, "token_expired", 401),
    (EventType.KEY_MINTED, Outcome.DONE, Severity.NOTICE, "", 0),
    (EventType.SIGN_IN_SUCCEEDED, Outcome.DONE, Severity.INFO, "", 200),
)


def mac_key(root_id: str) -> bytes | None:
    """Return the one key there is."""
    return MAC_KEY if root_id == "k1" else None


class TestClock:
    """A clock that stands still until it is told."""

    __test__ = False

    def __init__(self, at: datetime = START + timedelta(hours=1)) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def time(self) -> float:
        return self.at.timestamp()

    def monotonic(self) -> float:
        return self.at.timestamp()

    def go_on(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class ChainMaker:
    """One writer's events, made in order."""

    def __init__(self, writer_id: str, origin: str = ORIGIN, key: bytes = MAC_KEY) -> None:
        self.writer_id = writer_id
        self._origin = origin
        self._key = key
        self.n = 0
        self.prev = "0" * 64

    def event(self, at: datetime, **more: Any) -> Event:
        """Return the event that comes next."""
        kind, outcome, severity, code, status = _KINDS[self.n % len(_KINDS)]
        values: dict[str, Any] = {
            "id": f"0190{self.n + 1:08x}-{self.writer_id}",
            "type": kind,
            "at": at,
            "outcome": outcome,
            "severity": severity,
            "code": code,
            "status": status,
            "method": "POST",
            "route": "/chat/<id>",
            "request_id": f"r{self.n}",
        }
        return Event(**(values | more))

    def next(
        self, at: datetime, *, sealed: bool = False, **more: Any
    ) -> tuple[EventRow, SealedRow | None]:
        """Return the next event as it is stored, with a sealed part if asked for."""
        part = None
        n = self.n + 1
        if sealed:
            data = sha256(f"{self.writer_id}/{n}".encode()).digest() * 3
            part = SealedRow(self.writer_id, n, "d" * 26, data)
        refs = References(
            "s" * 26,
            "person",
            ip="i" * 26 if sealed else None,
            sealed_hash=sha256(part.data).hexdigest() if part else None,
            sealed_key=part.key_ref if part else None,
        )
        place = Place(self._origin, "shop", self.writer_id, n, self.prev)
        envelope = write(self.event(at, **more), micros(at), place, refs)
        return self.row(envelope), part

    def row(self, envelope: bytes) -> EventRow:
        """Return *envelope* as the next row of this writer, under a genuine MAC."""
        self.n += 1
        self.prev = sha256(envelope).hexdigest()
        mac = hmac.digest(self._key, b"jafsec-audit-v1\0" + envelope, "sha256")
        return EventRow(self.writer_id, self.n, envelope, mac, "k1")


def writer_row(writer_id: str, at: datetime = START) -> Writer:
    """Return the row that introduces a writer."""
    now = micros(at)
    return Writer(writer_id=writer_id, started_at=now, host="h", pid=1, version="0", seen_at=now)


def append(store: AuditStore, rows: Sequence[EventRow], sealed: Sequence[SealedRow] = ()) -> None:
    """Append *rows*, and the writers they are of."""
    with store.appending() as batch:
        for writer_id in dict.fromkeys(row.writer_id for row in rows):
            batch.add_writer(writer_row(writer_id))
        batch.append(rows, sealed)


class LogMaker:
    """A log of a few writers who take turns, one event every 7 seconds."""

    def __init__(self, store: AuditStore, names: Sequence[str] = NAMES) -> None:
        self.store = store
        self.clock = TestClock()
        self.chains = [ChainMaker(name) for name in names]
        self.at = START
        self.count = 0
        self.sequencer = make_sequencer(store, self.clock)

    def append(self, count: int, **more: Any) -> None:
        """Append *count* events; every second one has a sealed part."""
        rows, parts = [], []
        for number in range(self.count, self.count + count):
            self.at += timedelta(seconds=7)
            chain = self.chains[number % len(self.chains)]
            row, part = chain.next(self.at, sealed=number % 2 == 0, **more)
            rows.append(row)
            parts += [part] if part else []
        self.count += count
        append(self.store, rows, parts)

    def sequence(self) -> None:
        """Sequence and sign what waits."""
        self.clock.at = max(self.clock.at + timedelta(seconds=2), self.at)
        done = self.sequencer.run_once(force=True)
        assert done.problems == ()
        assert done.checkpoint is not None

    def grow(self, count: int) -> None:
        """Append *count* events, sequence and sign them."""
        self.append(count)
        self.sequence()


def make_sequencer(store: AuditStore, clock: TestClock, **more: Any) -> Sequencer:
    """Return a sequencer of this log, as another process would have it."""
    values: dict[str, Any] = {
        "origin": ORIGIN,
        "signers": [SIGNER],
        "mac_key": mac_key,
        "clock": clock,
    }
    return Sequencer(store, **(values | more))


def make_verifier(store: AuditStore, find_key: Callable[[str], bytes | None] = mac_key) -> Verifier:
    """Return a verifier of this log."""
    return Verifier(store, origin=ORIGIN, verifiers=VERIFIERS, mac_key=find_key)
