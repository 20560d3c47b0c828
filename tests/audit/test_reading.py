"""Reading envelopes: the fast way and the plain way say the same, and what ``envelope`` says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.audit import reading
from flask_jafsec.audit.envelope import (
    EnvelopeInvalid,
    Place,
    References,
    entry_of,
    read,
    write,
)
from flask_jafsec.audit.reading import read_back
from flask_jafsec.events import Event, EventType, Outcome, Severity

TEXTS = st.text(max_size=8) | st.sampled_from(['"', "\\", "{", "}", "\u2028", "\x7f", "\ud800"])
EVENTS = st.builds(
    Event,
    id=TEXTS,
    type=st.sampled_from(EventType),
    at=st.just(datetime(2026, 11, 22, tzinfo=UTC)),
    severity=st.sampled_from(Severity),
    outcome=st.sampled_from(Outcome),
    code=TEXTS,
    reason=TEXTS,
    status=st.integers(0, 599),
    method=TEXTS,
    route=TEXTS,
    key_id=TEXTS,
    request_id=TEXTS,
    tenant=TEXTS,
    count=st.integers(1, 5),
    facts=st.dictionaries(st.sampled_from(["role", "rule", "size"]), TEXTS | st.integers()),
)
PLACE = Place("example.com/shop/audit/1", "shop", "a" * 16, 7, "0" * 64)
REFS = References("s" * 26, "person", ip="i" * 26, sealed_hash="e" * 64, sealed_key="k" * 26)


def written(**more: Any) -> bytes:
    event = Event(id="one", type=EventType.KEY_MINTED, at=datetime(2026, 11, 22, tzinfo=UTC))
    members = json.loads(write(event, 1_795_000_000_123_456, PLACE, REFS)) | more
    return json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@given(EVENTS, st.integers(0, 4_000_000_000_000_000))
def test_whatever_is_written_is_read_back_the_same_in_every_way(event: Event, ts: int) -> None:
    envelope = write(event, ts, PLACE, REFS)

    found = read_back(envelope)

    members = read(envelope)
    assert found == reading._read_any(envelope)
    assert found.entry(3, 9) == entry_of(3, members, 9)
    assert (found.writer_id, found.n, found.prev, found.log, found.type_name) == tuple(
        members[name] for name in ("w", "n", "prev", "log", "type")
    )
    assert (found.sealed_hash, found.sealed_key) == (members["pdh"], members["pdk"])


@given(st.data())
def test_bent_bytes_are_judged_alike(data: st.DataObject) -> None:
    envelope = bytearray(written(d={"code": "x", "count": 3}))
    at = data.draw(st.integers(0, len(envelope) - 1))
    envelope[at] ^= 1 << data.draw(st.integers(0, 7))

    results: list[object] = []
    for way in (read_back, reading._read_any):
        try:
            results.append(way(bytes(envelope)))
        except EnvelopeInvalid:
            results.append(None)

    assert results[0] == results[1]


@pytest.mark.parametrize(
    "envelope",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff", id="no text"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(written() + b" ", id="a space behind"),
        pytest.param(written(more=1), id="a member more"),
        pytest.param(written(n="7"), id="a number as text"),
        pytest.param(written(n=True), id="a number as truth"),
        pytest.param(written(v=2), id="another version"),
        pytest.param(written(v=True), id="a version as truth"),
        pytest.param(written(ak="nobody"), id="an unknown kind of actor"),
        pytest.param(written(ts="2026-11-22 17:40:00.123456Z"), id="another form of time"),
        pytest.param(written(ts="2026-99-22T17:40:00.123456Z"), id="no time"),
        pytest.param(written(d=[]), id="details that are none"),
        pytest.param(written(d={"count": "many"}), id="a count that is none"),
        pytest.param(written().replace(b'"d":{}', b'"d":{"b":1,"a":1}'), id="unsorted details"),
        pytest.param(written().replace(b'"d":{}', b'"d":{"a":1,"a":1}'), id="details twice"),
        pytest.param(written().replace(b'"one"', b'"\\u006fne"'), id="another spelling"),
        pytest.param(written().replace(b'"n":7', b'"n":7.0'), id="a float"),
        pytest.param(written().replace(b'"n":7', b'"n":' + b"7" * 5_000), id="a huge number"),
    ],
)
def test_what_is_no_canonical_envelope_is_not_read(envelope: bytes) -> None:
    with pytest.raises(EnvelopeInvalid):
        read_back(envelope)
