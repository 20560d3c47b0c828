"""One event becomes one line of JSON that says all of it and nothing personal."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.audit.plain import canonical
from flask_jafsec.audit.rows import EventRow, StoredEvent, micros
from flask_jafsec.audit.sinks.rendering import NAMES, missing, record_of, shortened
from flask_jafsec.events import Event, Severity
from tests.audit.sinks.made import AT, TIME_TEXT, envelope_of, event, events, record, stored


def rebuilt(line: str) -> bytes:
    """Return the envelope, written again from a record as a collector keeps it."""
    values = json.loads(line)
    members = {name: values.get(longer) for name, longer in NAMES.items()}
    members["sev"] = int(Severity[values["severity"].upper()])
    return canonical(members).encode()


@given(events)
def test_a_record_is_one_line_of_printable_ascii(happened: Event) -> None:
    line = record(happened).line

    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["leaf_index"] == 5


@given(events)
def test_whoever_keeps_a_record_can_write_the_envelope_again(happened: Event) -> None:
    assert rebuilt(record(happened).line) == envelope_of(happened)


def test_a_record_has_names_one_can_read() -> None:
    values = json.loads(record(event(code="token_expired")).line)

    assert values["at"] == TIME_TEXT
    assert values["severity"] == "warning"
    assert values["outcome"] == "deny"
    assert values["type"] == "auth.token.rejected"
    assert values["details"] == {"code": "token_expired"}
    assert record(event()).ts == micros(AT)


def test_nothing_personal_leaves() -> None:
    happened = event(
        actor="canary-actor",
        subject="canary-subject",
        client="canary-client",
        reason="Canary, written by a person",
        personal={"path": "/canary", "user_agent": "canary"},
        facts={"email": "canary@example.com"},
    )

    assert "canary" not in record(happened).line.lower()


@pytest.mark.parametrize(
    "envelope",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"id":"x"}',
        b'{"st":NaN,"sev":5,"ts":"2026-11-22T17:40:00.123456Z"}',
        b'{"sev":5,"ts":NaN}',
        b'{"sev":[],"ts":"2026-11-22T17:40:00.123456Z"}',
        b'{"p":"\\ud800","sev":5,"ts":"2026-11-22T17:40:00.123456Z"}',
        b'{"n":' + b"9" * 5_000 + b"}",
        b"[" * 5_000,
        b'{"p":"' + b"x" * 9_000 + b'","sev":5,"ts":"2026-11-22T17:40:00.123456Z"}',
    ],
)
def test_a_damaged_event_is_a_record_that_says_so(envelope: bytes) -> None:
    found = record_of(stored(envelope))

    values = json.loads(found.line)
    assert values["error"] == "damaged"
    assert values["leaf_index"] == 5
    assert found.severity == Severity.CRITICAL


@given(st.binary(max_size=300))
def test_no_bytes_stop_the_rendering(envelope: bytes) -> None:
    line = record_of(stored(envelope)).line

    assert line.isascii()
    assert line.isprintable()


def test_a_stranger_in_the_envelope_takes_no_known_place() -> None:
    envelope = envelope_of(event())[:-1] + b',"leaf_index":99,"severity":"low"}'

    values = json.loads(record_of(stored(envelope)).line)

    assert values["leaf_index"] == 5
    assert values["severity"] == "warning"
    assert values["other"] == {"leaf_index": 99, "severity": "low"}


def test_a_missing_event_has_a_record() -> None:
    assert json.loads(missing(9).line)["error"] == "missing"


def test_an_event_without_a_place_is_a_mistake_of_the_program() -> None:
    with pytest.raises(ValueError, match="not sequenced"):
        record_of(StoredEvent(EventRow("a", 1, b"", b"", "r1"), None))


@given(events, st.integers(512, 9_000))
def test_a_shortened_record_is_whole_json_and_says_that_it_is_short(
    happened: Event, room: int
) -> None:
    whole = record(happened)

    line = shortened(whole, room)

    values = json.loads(line)
    assert len(line) <= room
    assert values["leaf_index"] == 5
    assert values.get("truncated") == (None if line == whole.line else len(whole.line))
