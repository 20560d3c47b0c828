"""What the log says about its own integrity: never more than a verification covered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flask_jafsec.audit.standing import Standing
from flask_jafsec.events import EventType
from tests.console.log_place import LogPlace, log_place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[LogPlace]:
    with log_place(tmp_path) as opened:
        yield opened


def verified(place: LogPlace, result: str = "OK", **facts: object) -> None:
    given = {"rows": 10, "error": result, "first_leaf": 0} | facts
    place.record(EventType.AUDIT_VERIFIED, actor="cli:ops", facts=given)


def stands(place: LogPlace) -> Standing:
    place.settle()
    return place.log.standing()


def test_a_new_log_says_that_nobody_has_verified_it(place: LogPlace) -> None:
    found = stands(place)

    assert found.verified is None
    assert found.broken_at_us is None


def test_a_verification_covers_what_it_looked_at_and_nothing_else(place: LogPlace) -> None:
    verified(place, first_leaf=5, rows=3, anchor="anchors.log", anchored=8)

    found = stands(place).verified

    assert found is not None
    assert [leaf for leaf in range(12) if found.covers(leaf)] == [5, 6, 7]
    assert not found.is_whole
    assert (found.anchor, found.anchored) == ("anchors.log", 8)


@pytest.mark.parametrize("result", ["TAMPERED", "INCOMPLETE", ""])
def test_what_did_not_end_well_covers_nothing(place: LogPlace, result: str) -> None:
    verified(place, result)

    found = stands(place).verified

    assert found is not None
    assert not found.covers(0)


def test_a_record_without_its_beginning_covers_nothing(place: LogPlace) -> None:
    place.record(EventType.AUDIT_VERIFIED, facts={"rows": 10, "error": "OK"})

    found = stands(place).verified

    assert found is not None
    assert not found.is_whole
    assert not found.covers(0)


def test_an_alarm_stays_until_the_whole_log_was_verified(place: LogPlace) -> None:
    place.record(EventType.AUDIT_INTEGRITY, actor="system", facts={"rule": "HEAD is of elsewhere"})
    assert stands(place).damage == "HEAD is of elsewhere"

    verified(place, first_leaf=9)
    assert stands(place).broken_at_us is not None, "a part says nothing about the rest"
    verified(place, "INCOMPLETE")
    assert stands(place).broken_at_us is not None

    verified(place)
    assert stands(place).broken_at_us is None


def test_a_verification_that_found_changes_is_an_alarm_too(place: LogPlace) -> None:
    verified(place)
    verified(place, "TAMPERED")
    verified(place, first_leaf=9)

    assert stands(place).broken_at_us is not None
