"""A writer's chain: numbers, places, MACs and times that never go back."""

from __future__ import annotations

import hmac
import os
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.audit.chain import Chain, Log, mac_of
from flask_jafsec.audit.envelope import read
from flask_jafsec.audit.reading import read_back
from flask_jafsec.audit.references import Referrer
from flask_jafsec.audit.rows import micros
from flask_jafsec.encryption.keyring import Keyring
from flask_jafsec.encryption.vault import Vault
from flask_jafsec.events import Event, EventType, Outcome, Severity
from flask_jafsec.ids import is_id
from tests.audit.hostile import WORST, Quitter
from tests.audit.log_setting import APP, AT, ORIGIN, ROOTS, event, events

KEY = b"m" * 32


@pytest.fixture
def chain() -> Chain:
    return new_chain()


def new_chain() -> Chain:
    return Chain(
        Log(ORIGIN, APP, "r1", KEY, "host", "0.2"), Referrer(Vault(Keyring(ROOTS, APP), APP))
    )


def test_events_are_numbered_from_one_each_behind_the_other(chain: Chain) -> None:
    first = chain.link(events(2), None)
    chain.advance(first)
    second = chain.link(events(1), None)

    rows = [*first.rows, *second.rows]
    assert [row.n for row in rows] == [1, 2, 3]
    places = [read(row.envelope)["prev"] for row in rows]
    hashes = [sha256(row.envelope).hexdigest() for row in rows]
    assert places == ["0" * 64, *hashes[:2]]
    assert second.prev == hashes[2]


def test_linking_alone_changes_nothing(chain: Chain) -> None:
    one = events(1)

    assert chain.link(one, None).rows == chain.link(one, None).rows
    assert chain.n == 0


def test_a_mac_covers_the_envelope_under_a_prefix_of_its_own(chain: Chain) -> None:
    (row,) = chain.link([event()], None).rows

    assert row.mac == hmac.digest(KEY, b"jafsec-audit-v1\0" + row.envelope, "sha256")
    assert row.mac == mac_of(KEY, row.envelope)
    assert row.mac_key == "r1"
    assert mac_of(b"x" * 32, row.envelope) != row.mac
    assert mac_of(KEY, row.envelope[:-1] + b" ") != row.mac


def test_an_envelope_names_its_log_app_and_writer(chain: Chain) -> None:
    (row,) = chain.link([event()], None).rows

    members = read(row.envelope)
    assert (members["log"], members["app"], members["w"]) == (ORIGIN, APP, chain.writer_id)
    assert row.writer_id == chain.writer_id


@given(steps=st.lists(st.timedeltas(timedelta(days=-1), timedelta(days=1)), max_size=8))
def test_times_go_forward_even_when_clocks_go_back(steps: list[timedelta]) -> None:
    chain = new_chain()
    found: list[str] = []
    for step in steps:
        links = chain.link([event(at=AT + step), event(at=AT)], None)
        chain.advance(links)
        found += [read(row.envelope)["ts"] for row in links.rows]

    assert found == sorted(set(found))


def test_a_time_that_goes_forward_is_kept_to_the_microsecond(chain: Chain) -> None:
    at = datetime(2026, 3, 29, 1, 59, 59, 999_999, tzinfo=UTC)

    (row,) = chain.link([event(at=at)], None).rows

    assert read(row.envelope)["ts"] == "2026-03-29T01:59:59.999999Z"
    assert chain.link([event(at=at)], None).ts == micros(at)


def test_a_chain_that_begins_again_is_another_writer(chain: Chain) -> None:
    before = chain.writer_id
    chain.advance(chain.link(events(3), None))

    chain.begin_again()

    assert chain.writer_id != before
    (row,) = chain.link([event()], None).rows
    assert (row.n, read(row.envelope)["prev"]) == (1, "0" * 64)


def test_writers_are_told_apart_by_64_random_bits() -> None:
    ids = {new_chain().writer_id for _ in range(100)}

    assert len(ids) == 100
    assert {len(each) for each in ids} == {16}


def test_a_writer_says_which_process_it_is(chain: Chain) -> None:
    writer = chain.writer(7)

    assert (writer.host, writer.pid, writer.version) == ("host", os.getpid(), "0.2")
    assert (writer.started_at, writer.seen_at, writer.final_n) == (7, 7, None)


def test_sealed_parts_belong_to_their_events(chain: Chain) -> None:
    links = chain.link([event(), event(client="192.0.2.1")], None)

    (part,) = links.sealed
    assert (part.writer_id, part.n) == (chain.writer_id, 2)
    assert read(links.rows[1].envelope)["pdh"] == sha256(part.data).hexdigest()
    assert read(links.rows[0].envelope)["pdh"] is None


# -- what is no event --


@pytest.mark.parametrize("field", [*Event.__slots__])
def test_no_field_of_the_wrong_kind_stops_the_others(chain: Chain, field: str) -> None:
    for value in WORST:
        first, last = events(2)

        links = chain.link([first, event(**{field: value}), last], None)

        found = [read(row.envelope) for row in links.rows]
        assert [each["id"] for each in found[::2]] == [first.id, last.id]
        assert found[0]["ts"] < found[1]["ts"] < found[2]["ts"]
        assert EventType(read_back(links.rows[1].envelope).type_name)


@pytest.mark.parametrize("value", [None, "", 7, {}, {"a": 1}, [], b"id", Quitter()])
def test_an_id_that_is_no_text_is_replaced_by_a_new_one(chain: Chain, value: Any) -> None:
    rows = chain.link([event(id=value), event(id=value)], None).rows

    ids = {read(row.envelope)["id"] for row in rows}
    assert len(ids) == 2
    assert all(is_id(each) for each in ids)


def test_what_can_be_told_of_an_event_that_is_none_is_told(chain: Chain) -> None:
    broken = {
        "id": None,
        "type": "key.minted",
        "at": datetime(2026, 1, 1),  # noqa: DTZ001 - without a zone is what is tested
        "severity": 5,
        "outcome": "done",
        "status": "200",
        "actor": 7,
        "reason": None,
        "count": -1,
        "facts": ["no facts"],
    }

    (row,) = chain.link([event(code="c", key_id="k7", **broken)], None).rows

    members = read(row.envelope)
    assert members["id"]
    assert members["type"] == EventType.SECURITY_FAILED
    assert (members["sev"], members["out"]) == (Severity.ERROR, Outcome.FAIL)
    assert (members["st"], members["key"], members["d"]) == (0, "k7", {"code": "c"})
