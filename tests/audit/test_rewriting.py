"""Envelopes written anew from their rows: equal only where careful reading finds nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.audit.envelope import Place, References, framed, write
from flask_jafsec.audit.reading import frame_of, read_back
from flask_jafsec.audit.rewriting import Rewriting
from flask_jafsec.audit.rows import StoredLeaf
from flask_jafsec.events import Event, EventType, Severity

PREV = "9" * 64
TS = 1_795_000_000_123_456
DATA = b"sealed"
SEALED = {"key_ref": "k" * 26, "data": DATA}
TEXTS = st.text(max_size=6) | st.sampled_from(['"', "\\", '","ip":"', "\u2028", "\x7f", "\u0130"])
EVENTS = st.builds(
    Event,
    id=TEXTS.filter(bool),
    type=st.sampled_from(EventType),
    at=st.just(datetime(2026, 11, 22, tzinfo=UTC)),
    severity=st.sampled_from(Severity),
    code=st.sampled_from(["", "token_expired"]),
    status=st.integers(0, 599),
    method=TEXTS,
    route=TEXTS,
    key_id=TEXTS,
    request_id=TEXTS,
    tenant=TEXTS,
    count=st.integers(1, 3),
)


def envelope_of(event: Event, n: int = 7, *, is_sealed: bool = True) -> bytes:
    digest = sha256(DATA).hexdigest() if is_sealed else None
    refs = References("s" * 26, "person", ip="i" * 26, sealed_hash=digest)
    refs = refs._replace(sealed_key="k" * 26 if is_sealed else None)
    return write(event, TS + n, Place("example.com/audit/1", "shop", "a" * 16, n, PREV), refs)


def stored(envelope: bytes, **more: Any) -> StoredLeaf:
    """Return the rows that belong to an envelope."""
    said = read_back(envelope)
    sealed = SEALED if said.sealed_hash else {"key_ref": None, "data": None}
    entry = said.entry(5, 3)._asdict()
    rest = {"leaf_hash": b"", "envelope": envelope, "mac": b"", "mac_key": "k1"}
    place = {"writer_id": said.writer_id, "n": said.n, "is_readable": True}
    values = entry | place | rest | sealed | {"type_name": said.type_name} | more
    return StoredLeaf(**values)


def event(**more: Any) -> Event:
    values = {"id": "ONE", "type": EventType.KEY_MINTED, "request_id": "R1", "tenant": "acme"}
    return Event(at=datetime(2026, 11, 22, tzinfo=UTC), **(values | more))


def test_nothing_agrees_that_is_of_no_known_kind() -> None:
    assert not Rewriting().agrees(stored(envelope_of(event())), PREV)


@pytest.mark.parametrize("is_sealed", [True, False])
def test_the_next_event_of_a_kind_agrees(is_sealed: bool) -> None:
    rewriting = Rewriting()
    rewriting.learn(stored(envelope_of(event(), is_sealed=is_sealed)))

    following = stored(envelope_of(event(id="TWO", request_id=""), 8, is_sealed=is_sealed))

    assert rewriting.agrees(following, PREV)
    assert not rewriting.agrees(following, "8" * 64)


@pytest.mark.parametrize(
    "change",
    [
        {"writer_id": "b" * 16},
        {"n": 8},
        {"envelope": None},
        {"envelope": "text"},
        {"key_ref": "x" * 26},
        {"key_ref": None},
        {"data": b"another"},
        {"data": None},
        {"event_id": "TWO"},
        {"event_id": None},
        {"event_id": "one"},
        {"ts": TS + 8},
        {"ts": 2**70},
        {"ts": None},
        {"actor": "t" * 26},
        {"actor": None},
        {"actor": b"s" * 26},
        {"subject": "s" * 26},
        {"ip": None},
        {"ip": "j" * 26},
        {"request": None},
        {"request": "R2"},
        {"words": "key.minted two"},
        {"words": "key.minted  one"},
        {"words": 7},
        {"type_name": "user.created"},
        {"type_name": None},
        {"severity": 1},
        {"outcome": 2},
        {"actor_kind": 2},
        {"key": "k"},
        {"country": "FR"},
        {"decisions": 2},
    ],
    ids=str,
)
def test_no_row_may_say_anything_else(change: dict[str, Any]) -> None:
    rewriting = Rewriting()
    genuine = stored(envelope_of(event()))
    rewriting.learn(genuine)
    assert rewriting.agrees(genuine, PREV)

    assert not rewriting.agrees(genuine._replace(**change), PREV)


def test_a_value_cannot_bring_members_of_its_own() -> None:
    genuine = stored(envelope_of(event()))
    rewriting = Rewriting()
    rewriting.learn(genuine)
    frame = frame_of(genuine.envelope or b"")
    assert frame is not None

    smuggled = 'ONE","ip":"' + "j" * 26
    forged = framed(
        frame, "s" * 26, f'"{smuggled}"', f'"{"i" * 26}"', 7, f'"{sha256(DATA).hexdigest()}"',
        f'"{"k" * 26}"', PREV, '"R1"', "null", TS + 7, "a" * 16,
    )  # fmt: skip
    words = genuine.words.removesuffix("one") + smuggled.lower()

    assert not rewriting.agrees(
        genuine._replace(envelope=forged, event_id=smuggled, words=words), PREV
    )


@given(EVENTS, EVENTS, st.data())
def test_what_agrees_is_what_careful_reading_finds(
    first: Event, second: Event, data: st.DataObject
) -> None:
    rewriting = Rewriting()
    known, rows = stored(envelope_of(first)), stored(envelope_of(second, 8))
    rewriting.learn(known)
    rewriting.learn(rows)
    field = data.draw(st.sampled_from(StoredLeaf._fields[10:]))
    bent = rows._replace(**{field: getattr(known, field)})

    if rewriting.agrees(bent, PREV):
        assert bent == rows
