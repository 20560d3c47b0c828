"""The canonical bytes of an event: the same by RFC 8785, bounded, and silent about persons."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_jafsec.audit.envelope import (
    MAX_BYTES,
    OPEN_FACTS,
    EnvelopeInvalid,
    Place,
    References,
    entry_of,
    micros_of,
    read,
    time_text,
    write,
)
from flask_jafsec.audit.rows import ACTOR_NUMBER, OUTCOME_NUMBER, micros
from flask_jafsec.events import Event, EventType, Outcome, Severity
from tests.audit.hostile import WORST, HostileMapping, values

AT = datetime(2026, 11, 22, 17, 40, 0, 123_456, tzinfo=UTC)
TS = micros(AT)
PLACE = Place("shop.example.com/shop/audit/1", "shop", "0" * 16, 42, "ab" * 32)
REFS = References("S" * 26, "person", "T" * 26, "I" * 26, "cd" * 32, "K" * 26)

# Control characters need six bytes each, others four: the worst a text can do to a size.
texts = st.one_of(
    st.text(st.characters(), max_size=12),
    st.sampled_from(["\x01" * 300, "\U0001f600" * 300, "\ud800" * 300, '"\\\n', "\u202e\u2028"]),
    st.sampled_from(['"},"act":"system"', "2026-01-01 INFO root: allowed"]),
)
facts = st.dictionaries(
    st.sampled_from([*sorted(OPEN_FACTS), "email", "Rule", "\u202e"]), values, max_size=4
)
names = ("id", "code", "reason", "credential", "key_id", "method", "route", "tenant", "request_id")
some_events = st.builds(
    Event,
    type=st.sampled_from(EventType),
    at=st.just(AT),
    severity=st.sampled_from(Severity),
    outcome=st.sampled_from(Outcome),
    status=st.integers(0, 599),
    count=st.integers(1, 2**53 - 1),
    until=st.one_of(st.none(), st.just(AT)),
    facts=facts,
    **dict.fromkeys(names, texts),
)


def event(**fields: Any) -> Event:
    given: dict[str, Any] = {"id": "E" * 26, "type": EventType.KEY_MINTED, "at": AT}
    return Event(**(given | fields))


def members_of(one: Event, refs: References = REFS) -> dict[str, Any]:
    return dict(read(write(one, TS, PLACE, refs)))


@given(one=some_events)
def test_the_bytes_are_those_of_rfc_8785_and_of_sorted_json_and_not_too_many(one: Event) -> None:
    envelope = write(one, TS, PLACE, REFS)

    assert len(envelope) <= MAX_BYTES
    members = json.loads(envelope)
    assert envelope == rfc8785.dumps(members)
    plainly = json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert envelope == plainly.encode()


@pytest.mark.parametrize("letter", ["\x01", "\U0001f600", '"', "x"])
def test_all_texts_at_their_longest_fit(letter: str) -> None:
    longest = letter * 10_000
    open_facts = dict.fromkeys(OPEN_FACTS, [longest] * 100)
    one = event(**dict.fromkeys(names, longest), facts=open_facts)

    assert len(write(one, TS, PLACE, REFS)) <= MAX_BYTES


@pytest.mark.parametrize("number", range(len(WORST)))
def test_no_fact_raises_and_no_fact_hides_the_others(number: int) -> None:
    one = event(facts={"rule": WORST[number], "role": "admin", "other": WORST[number]})

    assert members_of(one)["d"]["role"] == "admin"


def test_facts_that_cannot_be_read_are_said_to_be_so() -> None:
    assert members_of(event(code="c", facts=HostileMapping()))["d"] == {
        "code": "c",
        "error": "facts_unreadable",
    }


# -- what is in it --


def test_every_member_says_what_the_event_says() -> None:
    one = event(
        type=EventType.TOKEN_REJECTED,
        severity=Severity.WARNING,
        outcome=Outcome.DENY,
        code="token_expired",
        reason="expired: 3 s",
        credential="token",
        key_id="k7",
        status=401,
        method="POST",
        route="/chat/<id>",
        tenant="t1",
        request_id="r9",
        count=3,
        until=AT + timedelta(seconds=5),
        facts={"role": "admin", "rows": 7},
    )

    assert members_of(one) == {
        "act": "S" * 26,
        "ak": "person",
        "app": "shop",
        "d": {
            "code": "token_expired",
            "count": 3,
            "credential": "token",
            "reason": "expired: 3 s",
            "role": "admin",
            "rows": 7,
            "until": "2026-11-22T17:40:05.123456Z",
        },
        "id": "E" * 26,
        "ip": "I" * 26,
        "key": "k7",
        "log": PLACE.log,
        "m": "POST",
        "n": 42,
        "out": "deny",
        "p": "/chat/<id>",
        "pdh": "cd" * 32,
        "pdk": "K" * 26,
        "prev": "ab" * 32,
        "req": "r9",
        "sev": 5,
        "st": 401,
        "sub": "T" * 26,
        "ten": "t1",
        "ts": "2026-11-22T17:40:00.123456Z",
        "type": "auth.token.rejected",
        "v": 1,
        "w": "0" * 16,
    }


def test_what_an_event_does_not_have_is_null() -> None:
    members = members_of(event(), References("anonymous", "anonymous"))

    empty = [name for name, value in members.items() if value is None]
    assert empty == ["ip", "key", "m", "p", "pdh", "pdk", "req", "sub", "ten"]


def test_only_open_facts_stand_in_the_clear() -> None:
    given_facts = dict.fromkeys(OPEN_FACTS, "open") | {"email": "x", "name_ref": "y", "Rule": 1}

    assert set(members_of(event(facts=given_facts))["d"]) == OPEN_FACTS


@pytest.mark.parametrize("field", ["actor", "client", "subject", "reason"])
def test_nothing_about_a_person_stands_in_it(field: str) -> None:
    assert b"Canary" not in write(event(**{field: "Canary <canary@x.org>"}), TS, PLACE, REFS)


@pytest.mark.parametrize("name", ["path", "user_agent", "email", "user_id", "rule", "role"])
def test_no_personal_detail_stands_in_it_whatever_it_is_called(name: str) -> None:
    assert b"Canary" not in write(event(personal={name: "Canary"}), TS, PLACE, REFS)


def test_a_reason_of_our_words_is_shown_and_any_other_is_not() -> None:
    assert members_of(event(reason="no_such_key"))["d"] == {"reason": "no_such_key"}
    assert members_of(event(reason="because Ada said so"))["d"] == {}


# -- reading --


@settings(max_examples=40)
@given(one=some_events)
def test_the_search_copies_are_what_was_written(one: Event) -> None:
    members = read(write(one, TS, PLACE, REFS))

    entry = entry_of(9, members, 3)

    assert (entry.leaf_index, entry.type_id, entry.ts) == (9, 3, TS)
    assert (entry.actor, entry.subject, entry.ip) == (REFS.actor, REFS.subject, REFS.ip)
    assert entry.severity == one.severity
    assert entry.outcome == OUTCOME_NUMBER[one.outcome]
    assert entry.actor_kind == ACTOR_NUMBER["person"]
    assert entry.decisions == one.count
    assert one.type.value in entry.words
    for copy in (entry.event_id, entry.key, entry.request, entry.words):
        assert copy is None or "\0" not in copy, "PostgreSQL keeps no NUL"


def test_a_long_event_id_or_key_is_searched_as_it_is_written() -> None:
    members = members_of(event(key_id="k\0y", request_id="r" * 300))

    entry = entry_of(0, members, 1)

    assert entry.key == "k\ufffdy"
    assert entry.request == members["req"]


@pytest.mark.parametrize(
    "envelope",
    [b"", b"{", b"[]", b"7", b'"text"', b"\xff", b"[" * 100_000, b"1" * 10_000, b"{}{}"],
    ids=range(9),
)
def test_bytes_that_are_no_envelope_are_refused(envelope: bytes) -> None:
    with pytest.raises(EnvelopeInvalid):
        read(envelope)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[(name, None) for name in ("d", "out", "ts", "sev", "ak")],
        ("out", "maybe"),
        ("ak", "god"),
        ("ak", []),
        ("ts", "2026-11-22 17:40:00.123456Z"),
        ("ts", 7),
        ("act", 7),
        ("req", ["r"]),
        ("d", {"count": float("inf")}),
        ("d", {"count": "many"}),
        ("d", []),
    ],
)
def test_members_of_the_wrong_kind_are_refused(name: str, value: object) -> None:
    members = members_of(event()) | {name: value}

    with pytest.raises(EnvelopeInvalid):
        entry_of(0, members, 1)


def test_a_missing_member_is_refused() -> None:
    members = members_of(event())
    del members["sub"]

    with pytest.raises(EnvelopeInvalid):
        entry_of(0, members, 1)


# -- times --

moments = st.datetimes(timezones=st.just(UTC))


@given(at=moments)
def test_a_time_comes_back_to_the_microsecond(at: datetime) -> None:
    text = time_text(micros(at))

    assert len(text) == 27
    assert micros_of(text) == micros(at)
    assert datetime.fromisoformat(text) == at


@given(at=moments, more=st.timedeltas(timedelta(0), timedelta(days=400)))
def test_later_times_are_larger_texts(at: datetime, more: timedelta) -> None:
    if at.year < 9_998:
        assert time_text(micros(at)) <= time_text(micros(at + more))


@given(text=st.from_regex(r"[0-9TZ:.+W, -]{26}Z", fullmatch=True))
def test_a_text_that_is_no_time_of_ours_is_refused(text: str) -> None:
    try:
        found = micros_of(text)
    except ValueError:
        return
    assert time_text(found) == text


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T17:40:00,123456Z",
        "2026-W47-7T17:40:00.123456Z",
        "2026-11-22T17:40:00.12345Z",
        "2026-11-22T17:40:00.123456z",
    ],
)
def test_another_way_to_write_a_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"time|iso"):
        micros_of(text)
