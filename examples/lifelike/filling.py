"""Puts the story into the database of an application: written, sequenced, signed, anchored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask_jafsec import __version__
from flask_jafsec.audit.anchors import Anchors, FileAnchor
from flask_jafsec.audit.chain import Chain, Log
from flask_jafsec.audit.item import Item
from flask_jafsec.audit.references import Referrer
from flask_jafsec.audit.sequencer import Sequencer
from flask_jafsec.audit.spool import Spool
from flask_jafsec.audit.writer import AuditWriter
from flask_jafsec.encryption.keyring import Purpose
from flask_jafsec.events import Event, EventType, system_event
from flask_jafsec.identity.passwords import Passwords
from flask_jafsec.records import KeyUse
from flask_jafsec.testing import FrozenClock
from flask_jafsec.web.state import State

from .cast import Cast
from .company import DAY
from .office import settle
from .story import DEMO, SMALL, Size, tell

__all__ = ["DEMO", "SMALL", "Filled", "Size", "fill"]

#: When the company's server was started anew: each start is another writer of the log. Days before
#: the end.
RESTARTS = (23.4, 16.2, 9.3, 4.35, 0.72)

#: Events in one transaction, as the trail writes them, and between two signed checkpoints.
BATCH = 1_000
SIGN_EVERY = 5_000
_MOST = SIGN_EVERY + BATCH + 1


@dataclass(frozen=True, slots=True)
class Filled:
    """What stands in the database now."""

    cast: Cast
    events: Sequence[Event]
    end: datetime


def fill(
    state: State,
    end: datetime,
    *,
    seed: int = 1,
    size: Size = DEMO,
    passwords: Passwords | None = None,
    progress: Callable[[int, int], object] = lambda _done, _of: None,
) -> Filled:
    """Fill the empty database of *state* with the story up to *end*; return what was told.

    Nobody may write to it meanwhile.

    Args:
        passwords: Hashes the passwords of people; tests hand in a cheap one.
        progress: Told how many events are written, of how many.

    Raises:
        ValueError: There are users already.
    """
    if state.users.any():
        raise ValueError("the database is not empty; fill another one")
    cast, changes = settle(state, end, passwords or Passwords())
    events = tell(cast, changes, end, seed=seed, size=size, roles=state.settings.roles)
    keeper = _Keeper(state, events[0].at)
    done = 0
    for life in _lives(events, end):
        for batch in _batches(life):
            keeper.write(batch)
            done += len(batch)
            progress(done, len(events))
        keeper.close()
    with state.store.writing() as tables:
        tables.keys.add_uses(_uses(cast, events, end))
    return Filled(cast, events, end)


class _Keeper:
    """The parts of the log, on a clock that goes along with the events."""

    def __init__(self, state: State, first: datetime) -> None:
        if state.audit_log is None:
            raise TypeError("the application's store keeps no audit log; use an SqlStore")
        log, root = state.audit_log, state.keyring.active
        self._clock = FrozenClock(first)
        referrer = Referrer(log.vault)
        named = Log(
            origin=log.origin,
            app_id=state.settings.app_id,
            mac_key_id=root,
            mac_key=state.keyring.derive(Purpose.AUDIT_MAC, root),
            host="assist-1.fernhill.example",
            version=__version__,
        )
        self._writer = AuditWriter(
            log.store, Chain(named, referrer), referrer, Spool(None), self._clock
        )
        self._sequencer = Sequencer(
            log.store,
            origin=log.origin,
            signers=log.signers,
            mac_key=log.mac_key,
            clock=self._clock,
            # All that waits in one transaction, under one checkpoint: a second one of the same
            # moment would come days after its events, and verifying calls such events late.
            per_writer=_MOST,
            max_rows=_MOST,
        )
        files = [text.removeprefix("file:") for text in state.settings.audit.anchors]
        self._anchors = Anchors(
            [FileAnchor(Path(file)) for file in files if file != "log"], self._clock
        )
        self._unsigned = 0

    def write(self, events: Sequence[Event]) -> None:
        """Keep *events* in one transaction; now and then, sign how far the log has grown."""
        self._advance(events[-1].at)
        items = [Item(event) for event in events]
        self._writer.write(items)
        for item in items:
            item.wait(0)
        self._unsigned += len(events)
        if self._unsigned >= SIGN_EVERY:
            self._sign()

    def close(self) -> None:
        """End the writer as a process that ends in order does; the next one is another."""
        facts = {"rows": self._writer.count + 1}
        self._writer.write(
            [Item(system_event(EventType.AUDIT_CLOSED, self._clock.now(), facts=facts))]
        )
        self._writer.end()
        self._sign()

    def _sign(self) -> None:
        checkpoint = self._sequencer.run_once(force=True).checkpoint
        self._anchors.publish(checkpoint, everywhere=True)
        self._unsigned = 0

    def _advance(self, at: datetime) -> None:
        self._clock.advance(max(0.0, (at - self._clock.now()).total_seconds()))


def _lives(events: Sequence[Event], end: datetime) -> Iterator[Sequence[Event]]:
    """Yield the events of one process after the other."""
    starts = [end - DAY * days for days in RESTARTS]
    number = Counter(sum(1 for start in starts if event.at >= start) for event in events)
    at = 0
    for life in sorted(number):
        yield events[at : at + number[life]]
        at += number[life]


def _batches(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    for start in range(0, len(events), BATCH):
        yield events[start : start + BATCH]


def _uses(cast: Cast, events: Sequence[Event], end: datetime) -> list[KeyUse]:
    """Return the uses of keys that the events tell of, by hour, and the last ones of old keys."""
    allowed: Counter[tuple[str, datetime]] = Counter()
    refused: Counter[tuple[str, datetime]] = Counter()
    last: dict[tuple[str, datetime], datetime] = {}
    for event in events:
        # As the gate counts: a request whose key held, whatever became of it.
        if event.credential != "key" or event.actor == "anonymous":
            continue
        place = (event.key_id, event.at.replace(minute=0, second=0, microsecond=0))
        (refused if event.code else allowed)[place] += event.count
        last[place] = max(event.until or event.at, last.get(place, event.at))
    uses = [
        KeyUse(key_id, hour, allowed[key_id, hour], refused[key_id, hour], at)
        for (key_id, hour), at in last.items()
    ]
    return uses + [
        KeyUse(held.key.id, at.astimezone(UTC).replace(minute=0, second=0, microsecond=0), 3, 0, at)
        for keys in cast.keys.values()
        for held in keys
        if held.plan.last_used is not None
        for at in [end - timedelta(days=held.plan.last_used)]
    ]
