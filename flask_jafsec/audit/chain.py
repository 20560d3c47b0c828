"""One writer's chain: gives every event its number, its place behind the one before, and a MAC."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from flask_jafsec.audit.envelope import Place, write
from flask_jafsec.audit.mac import prepared
from flask_jafsec.audit.plain import kind_name
from flask_jafsec.audit.references import Referrer
from flask_jafsec.audit.rows import EventRow, SealedRow, Writer, micros
from flask_jafsec.audit.soundness import check, sound
from flask_jafsec.audit.store import AuditBatch
from flask_jafsec.errors import JafsecError
from flask_jafsec.events import Event

_log = logging.getLogger("flask_jafsec.audit")

#: What a MAC covers begins with this, so that no other use of the key could be mistaken for it.
MAC_PREFIX: Final = b"jafsec-audit-v1\0"


@dataclass(frozen=True, slots=True)
class Log:
    """Which log is written, under which key."""

    origin: str
    app_id: str
    mac_key_id: str
    mac_key: bytes
    host: str = ""
    version: str = ""


class Links(NamedTuple):
    """Events made ready to be kept, and where the chain stands behind them."""

    rows: list[EventRow]
    sealed: list[SealedRow]
    n: int
    prev: str
    ts: int


def mac_of(key: bytes, envelope: bytes) -> bytes:
    """Return the MAC of an envelope."""
    return hmac.digest(key, MAC_PREFIX + envelope, "sha256")


class Chain:
    """The events of one process, in order. Not for two threads at once."""

    def __init__(self, log: Log, referrer: Referrer) -> None:
        self._log = log
        self._referrer = referrer
        self._mac = prepared(log.mac_key, MAC_PREFIX)
        self.begin_again()

    def begin_again(self) -> None:
        """Become another writer: after a fork, or when nobody knows how the old one ended."""
        self.writer_id = os.urandom(8).hex()
        self.n = 0
        self.prev = "0" * 64
        self.last_ts = 0
        self.pid = os.getpid()

    def writer(self, now: int) -> Writer:
        """Return the row that introduces this writer."""
        return Writer(
            writer_id=self.writer_id,
            started_at=now,
            host=self._log.host,
            pid=self.pid,
            version=self._log.version,
            seen_at=now,
        )

    def link(self, events: Sequence[Event], batch: AuditBatch | None) -> Links:
        """Return *events* with their places behind the last kept one. Changes nothing.

        Args:
            batch: Where persons and keys are looked up; None without a database.
        """
        try:
            return self._linked(events, batch)
        except JafsecError:
            raise  # the database's, which says nothing about the events
        except BaseException as error:  # noqa: BLE001 - an event's values may raise whatever they like
            # One event that is none must not take the others of its batch with it, nor the thread.
            _log.error("an event is not what an event should be: %s", kind_name(error))
            before = datetime.fromtimestamp(self.last_ts // 1_000_000, UTC)
            return self._linked([sound(event, before) for event in events], batch)

    def _linked(self, events: Sequence[Event], batch: AuditBatch | None) -> Links:
        timed = self._timed(events)
        self._referrer.prepare(timed, batch)
        log, writer_id, n, prev = self._log, self.writer_id, self.n, self.prev
        rows: list[EventRow] = []
        parts: list[SealedRow] = []
        ts, mac = self.last_ts, self._mac
        for event, ts in timed:
            check(event)
            n += 1
            refs, part = self._referrer.seal(event, ts, writer_id=writer_id, n=n, origin=log.origin)
            place = Place(log.origin, log.app_id, writer_id, n, prev)
            envelope = write(event, ts, place, refs)
            rows.append(EventRow(writer_id, n, envelope, mac(envelope), log.mac_key_id))
            if part is not None:
                parts.append(part)
            prev = hashlib.sha256(envelope).hexdigest()
        return Links(rows, parts, n, prev, ts)

    def advance(self, links: Links) -> None:
        """Take note that these are kept: the next ones stand behind them."""
        self.n, self.prev, self.last_ts = links.n, links.prev, links.ts

    def _timed(self, events: Sequence[Event]) -> list[tuple[Event, int]]:
        """Return each event with its time, never before the one in front of it."""
        ts = self.last_ts
        timed = []
        for event in events:
            ts = max(micros(event.at), ts + 1)
            timed.append((event, ts))
        return timed
