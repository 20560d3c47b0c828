"""Records of made-up events, and texts that try to leave their line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from flask_jafsec.audit.envelope import Place, References, time_text, write
from flask_jafsec.audit.rows import EventRow, StoredEvent, micros
from flask_jafsec.audit.sinks.rendering import ExportRecord, record_of
from flask_jafsec.events import Event, EventType, Outcome, Severity

AT = datetime(2026, 11, 22, 17, 40, 0, 123456, tzinfo=UTC)
WRITER = "a1b2c3d4e5f60718"
PLACE = Place("example.com/shop/audit/1", "shop", WRITER, 7, "ab" * 32)
REFS = References("s" * 26, "person", "t" * 26, "i" * 26)

#: Attacks on whoever reads lines.
HOSTILE = (
    "plain",
    "two\nlines",
    "carriage\rreturn",
    "nul\0inside",
    "\u2028line separator\u2029paragraph\u0085next",
    "\u202eright to left\u2066",
    "\x1b[2J\x1b]0;title\x07",
    "half \ud800 a pair \udfff",
    '"}\n{"leaf_index":0,"type":"key.minted"}',
    "<13>1 2026-01-01T00:00:00Z host app - - - forged",
    '[jafsec@32473 id="x"] ] " \\ \\] \\"',
    "22 <13>1 - - - - - - x",
    "\x7f\x80\x9f\ufeff\ufffe",
    "\U0001f600" * 100,
    "x" * 10_000,
)

texts = st.sampled_from(HOSTILE) | st.text(max_size=80)
events = st.builds(
    Event,
    id=texts,
    type=st.sampled_from(EventType),
    at=st.just(AT),
    severity=st.sampled_from(Severity),
    outcome=st.sampled_from(Outcome),
    code=texts,
    reason=texts,
    status=st.integers(0, 999),
    method=texts,
    route=texts,
    key_id=texts,
    tenant=texts,
    request_id=texts,
    facts=st.dictionaries(st.sampled_from(["rule", "role", "error", "scopes"]), texts, max_size=3),
)


def event(**fields: Any) -> Event:
    values: dict[str, Any] = {
        "id": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "type": EventType.TOKEN_REJECTED,
        "at": AT,
        "severity": Severity.WARNING,
        "outcome": Outcome.DENY,
        "status": 401,
    }
    return Event(**(values | fields))


def envelope_of(happened: Event) -> bytes:
    return write(happened, micros(AT), PLACE, REFS)


def stored(envelope: bytes, leaf_index: int = 5) -> StoredEvent:
    return StoredEvent(EventRow(WRITER, 7, envelope, b"", "r1"), leaf_index)


def record(happened: Event, leaf_index: int = 5) -> ExportRecord:
    return record_of(stored(envelope_of(happened), leaf_index))


def hostile_records() -> list[ExportRecord]:
    """Return a record for each text, which stands in every place it can."""
    names = ("id", "code", "reason", "method", "route", "key_id", "tenant", "request_id")
    return [
        record(event(**dict.fromkeys(names, text), facts={"rule": text}), number)
        for number, text in enumerate(HOSTILE)
    ]


def leaves_of(lines: list[bytes]) -> list[int]:
    """Return the leaf index of each line, all of which must be whole JSON."""
    return [json.loads(line)["leaf_index"] for line in lines]


TIME_TEXT = time_text(micros(AT))
