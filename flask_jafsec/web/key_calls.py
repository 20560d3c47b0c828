"""Who calls with a key, and what was done to it: from the audit log, or else from the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from flask_jafsec.audit.query import Field, Query, Term
from flask_jafsec.audit.rows import Entry, micros
from flask_jafsec.audit.searching import MAX_PAGE_SIZE
from flask_jafsec.errors import NotFound
from flask_jafsec.events import Event, EventType, Outcome
from flask_jafsec.identity.permissions import Actor
from flask_jafsec.ids import new_id
from flask_jafsec.records import ApiKey
from flask_jafsec.web.audit_log import AuditLog
from flask_jafsec.web.state import State

#: How far back "now" goes for who is about to cut a key off. Source: console specification, B5.
LATELY: Final = timedelta(hours=1)

#: Pages of the log that are looked at: a key of many callers is told as "at least".
MAX_PAGES: Final = 5

#: Addresses that are named; each is opened from a sealed event of its own.
MAX_NAMED: Final = 5

#: Changes of a key that its own page lists.
MAX_CHANGES: Final = 20

_CHANGES: Final = Term(Field.TYPE, ("key.*",))
#: Neither what was done to the key nor that somebody looked is a call with it.
_CALLS: Final = Term(Field.TYPE, ("audit.*", "key.*"), excluded=True)


@dataclass(frozen=True, slots=True)
class Caller:
    """One address, and how often it called."""

    calls: int
    address: str = ""
    """Empty where it may not be opened, or cannot be."""


@dataclass(frozen=True, slots=True)
class RecentCalls:
    """Calls with one key up to now."""

    calls: int
    since: datetime
    is_exact: bool
    """If not, there are at least this many."""
    callers: tuple[Caller, ...] | None
    """Most first; None where the log keeps no addresses."""
    more: int = 0
    """Addresses beyond those in ``callers``."""


@dataclass(frozen=True, slots=True)
class KeyChange:
    """Something that was done to a key."""

    event_id: str
    """Empty where it is known from the key itself only."""
    type: str
    at: datetime
    by: str
    """Empty where the key does not say."""


def recent_calls(state: State, key: ApiKey, by: Actor, *, open_addresses: bool) -> RecentCalls:
    """Return the calls with *key* of the last hour.

    Args:
        open_addresses: Whether to say from where. Addresses are sealed; opening some is recorded.
    """
    now = state.services.clock.now()
    if state.audit_log is None:
        return _counted(state, key, now)
    entries, is_all = _entries(state.audit_log, key, now)
    by_address: Counter[str] = Counter()
    for entry in entries:
        if entry.ip:
            by_address[entry.ip] += entry.decisions
    named = by_address.most_common(MAX_NAMED)
    shown = {ref: "" for ref, _ in named}
    if open_addresses and named:
        shown = {ref: _address(state.audit_log, entries, ref) for ref in shown}
        _record_opening(state, key, by, len(shown))
    return RecentCalls(
        calls=sum(entry.decisions for entry in entries),
        since=now - LATELY,
        is_exact=is_all,
        callers=tuple(Caller(calls, shown[ref]) for ref, calls in named),
        more=len(by_address) - len(named),
    )


def changes(state: State, key: ApiKey) -> Sequence[KeyChange]:
    """Return what was done to *key*, newest first."""
    if state.audit_log is None:
        return _known_changes(key)
    now = micros(state.services.clock.now()) + 1_000_000
    query = Query.of([Term(Field.KEY, (key.id,)), _CHANGES])
    first = max(0, micros(key.created_at) - 1_000_000)
    page = state.audit_log.search.page(query, first, max(now, first + 1), size=MAX_CHANGES)
    known = {change.type: change.by for change in _known_changes(key)}
    return [
        KeyChange(
            entry.event_id,
            page.type_names.get(entry.type_id, ""),
            datetime.fromtimestamp(entry.ts / 1_000_000, UTC),
            known.get(page.type_names.get(entry.type_id, ""), ""),
        )
        for entry in page.entries
    ]


def _entries(log: AuditLog, key: ApiKey, now: datetime) -> tuple[list[Entry], bool]:
    query = Query.of([Term(Field.KEY, (key.id,)), _CALLS])
    from_us, to_us = micros(now - LATELY), micros(now) + 1_000_000
    found: list[Entry] = []
    after: str | None = None
    for _ in range(MAX_PAGES):
        page = log.search.page(query, from_us, to_us, after=after, size=MAX_PAGE_SIZE)
        found += page.entries
        after = page.older
        if after is None:
            return found, True
    return found, False


def _address(log: AuditLog, entries: Sequence[Entry], ref: str) -> str:
    event_id = next(entry.event_id for entry in entries if entry.ip == ref)
    try:
        return str(log.opener.find(event_id, open_personal=True).personal.get("ip", ""))
    except NotFound:
        return ""


def _record_opening(state: State, key: ApiKey, by: Actor, number: int) -> None:
    state.services.trail.record(
        Event(
            id=new_id(),
            type=EventType.AUDIT_PERSONAL_OPENED,
            at=state.services.clock.now(),
            outcome=Outcome.DONE,
            actor=by.name,
            key_id=key.id,
            facts={"rows": number},
        )
    )


def _counted(state: State, key: ApiKey, now: datetime) -> RecentCalls:
    since = (now - LATELY).replace(minute=0, second=0, microsecond=0)
    with state.store.reading() as tables:
        uses = tables.keys.uses(key.id, since)
    calls = sum(use.allowed + use.refused for use in uses)
    return RecentCalls(calls, since, is_exact=True, callers=None)


def _known_changes(key: ApiKey) -> list[KeyChange]:
    found = [KeyChange("", EventType.KEY_MINTED, key.created_at, key.created_by)]
    if key.rotated_at is not None:
        found.append(KeyChange("", EventType.KEY_ROTATED, key.rotated_at, ""))
    if key.revoked_at is not None:
        found.append(KeyChange("", EventType.KEY_REVOKED, key.revoked_at, key.revoked_by))
    return found[::-1]
