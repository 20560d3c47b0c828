"""While a key and its successor both work: the old one is ended early, or given more time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from flask_jafsec.errors import Conflict, GrantExceeded, InvalidValue, KeyEnded, NotFound
from flask_jafsec.events import EventType
from flask_jafsec.ids import new_id
from tests.identity.key_setting import mint
from tests.identity.raced_store import RacedStore
from tests.identity.rights_setting import HOME, OPERATOR, House, actor

DAY = timedelta(days=1)


def works(house: House, secret: str) -> bool:
    try:
        house.keys.match(secret, client=HOME, now=house.clock.time(), generation=house.generation)
    except KeyEnded:
        return False
    return True


def test_the_old_key_ends_at_the_date_that_was_chosen(raced_house: House) -> None:
    house = raced_house
    old = mint(house)
    until = house.clock.now() + 3 * DAY

    new = house.keys.rotate(old.key.id, by=OPERATOR, overlap=until)

    house.clock.advance(3 * 86_400 - 1)
    assert works(house, old.secret)
    house.clock.advance(1)
    assert not works(house, old.secret)
    assert works(house, new.secret)
    (event,) = house.notebook.of(EventType.KEY_ROTATED)
    assert event.key_id == old.key.id
    assert event.facts["successor"] == new.key.id
    assert event.facts["ends_at"] == event.facts["overlap"] == until.isoformat()


def test_an_old_key_is_ended_now(raced_house: House) -> None:
    house = raced_house
    old = mint(house)
    new = house.keys.rotate(old.key.id, by=OPERATOR)
    assert works(house, old.secret)

    ended = house.keys.end_overlap(old.key.id, by=actor(name="ann"))

    assert ended == house.keys.get(old.key.id)
    assert ended.ends_at == house.clock.now()
    assert not works(house, old.secret)
    assert works(house, new.secret)
    (event,) = house.notebook.of(EventType.KEY_OVERLAP_ENDED)
    assert (event.actor, event.key_id) == ("ann", old.key.id)
    assert event.facts["successor"] == new.key.id
    assert event.facts["ends_at"] == house.clock.now().isoformat()


def test_an_old_key_gets_more_time(raced_house: House) -> None:
    house = raced_house
    old = mint(house)
    house.keys.rotate(old.key.id, by=OPERATOR, overlap="1h")
    until = house.clock.now() + DAY

    house.keys.extend_overlap(old.key.id, until, by=OPERATOR)

    house.clock.advance(3_601)
    assert works(house, old.secret)
    house.clock.advance(86_400)
    assert not works(house, old.secret)
    (event,) = house.notebook.of(EventType.KEY_OVERLAP_EXTENDED)
    assert event.facts["ends_at"] == until.isoformat()


def never_rotated(house: House) -> str:
    return mint(house).key.id


def ended(house: House) -> str:
    key_id = mint(house).key.id
    house.keys.rotate(key_id, by=OPERATOR, overlap="1h")
    house.clock.advance(3_600)
    return key_id


def revoked(house: House) -> str:
    key_id = mint(house).key.id
    house.keys.rotate(key_id, by=OPERATOR)
    house.keys.revoke(key_id, by=OPERATOR)
    return key_id


def expired(house: House) -> str:
    key_id = mint(house, expires_at=house.clock.now() + timedelta(hours=1)).key.id
    house.keys.rotate(key_id, by=OPERATOR)
    house.clock.advance(3_600)
    return key_id


@pytest.mark.parametrize("make", [never_rotated, ended, revoked, expired])
def test_what_does_not_overlap_is_neither_ended_nor_extended(
    raced_house: House, make: Callable[[House], str]
) -> None:
    key_id = make(raced_house)
    before = raced_house.keys.get(key_id)

    with pytest.raises(Conflict):
        raced_house.keys.end_overlap(key_id, by=OPERATOR)
    with pytest.raises((Conflict, InvalidValue)):
        raced_house.keys.extend_overlap(
            key_id, raced_house.clock.now() + timedelta(minutes=1), by=OPERATOR
        )

    assert raced_house.keys.get(key_id) == before


@pytest.mark.parametrize(
    "until",
    [
        pytest.param(lambda now: now, id="now"),
        pytest.param(lambda now: now - DAY, id="the past"),
        pytest.param(lambda now: (now + DAY).replace(tzinfo=None), id="no zone"),
        pytest.param(lambda now: now + 31 * DAY, id="after the key expires"),
    ],
)
def test_an_end_must_lie_between_now_and_the_keys_own(
    raced_house: House, until: Callable[[datetime], datetime]
) -> None:
    house = raced_house
    old = mint(house, expires_at=house.clock.now() + 30 * DAY).key.id
    end = until(house.clock.now())

    with pytest.raises(InvalidValue):
        house.keys.rotate(old, by=OPERATOR, overlap=end)
    house.keys.rotate(old, by=OPERATOR)
    with pytest.raises(InvalidValue):
        house.keys.extend_overlap(old, end, by=OPERATOR)


def test_of_two_who_move_the_end_the_second_is_told(raced: RacedStore, raced_house: House) -> None:
    house = raced_house
    old = mint(house).key.id
    house.keys.rotate(old, by=OPERATOR)
    seen = house.keys.get(old).ends_at
    first = house.clock.now() + 2 * DAY
    raced.meanwhile.append(lambda: house.keys.extend_overlap(old, first, by=OPERATOR, seen=seen))

    with pytest.raises(Conflict, match="meanwhile"):
        house.keys.end_overlap(old, by=OPERATOR, seen=seen)

    assert house.keys.get(old).ends_at == first
    assert house.notebook.of(EventType.KEY_OVERLAP_ENDED) == []


def test_more_time_is_given_by_who_may_do_what_the_key_may(raced_house: House) -> None:
    house = raced_house
    old = mint(house, "agent:*").key.id
    house.keys.rotate(old, by=OPERATOR)

    with pytest.raises(GrantExceeded):
        house.keys.extend_overlap(old, house.clock.now() + 2 * DAY, by=actor("agent:read"))


def test_an_unknown_key_has_no_end_to_move(raced_house: House) -> None:
    with pytest.raises(NotFound):
        raced_house.keys.end_overlap("0" * 26, by=OPERATOR)
    with pytest.raises(NotFound):
        raced_house.keys.extend_overlap("0" * 26, raced_house.clock.now() + DAY, by=OPERATOR)


def test_asking_twice_under_one_id_makes_one_key(raced_house: House) -> None:
    house = raced_house
    key_id = new_id()
    first = mint(house, key_id=key_id)

    with pytest.raises(Conflict):
        mint(house, key_id=key_id)

    assert first.key.id == key_id
    assert first.secret.startswith(f"jfk_live_{key_id}_")
    assert len(house.keys.list()) == 1
    assert len(house.notebook.of(EventType.KEY_MINTED)) == 1


def test_a_successor_can_be_given_its_id(raced_house: House) -> None:
    house = raced_house
    old, wanted = mint(house).key.id, new_id()

    assert house.keys.rotate(old, by=OPERATOR, new_key_id=wanted).key.id == wanted


@pytest.mark.parametrize("key_id", ["short", "0" * 25 + "u", "8" + "0" * 25])
def test_an_id_of_a_key_has_the_form_of_ids(raced_house: House, key_id: str) -> None:
    with pytest.raises(InvalidValue):
        mint(raced_house, key_id=key_id)


def test_who_comes_second_to_revoke_leaves_no_event(raced: RacedStore, raced_house: House) -> None:
    key_id = mint(raced_house).key.id
    first = actor(name="ann")
    raced.meanwhile.append(lambda: raced_house.keys.revoke(key_id, by=first, why="1st"))

    key = raced_house.keys.revoke(key_id, by=actor(name="bob"), why="2nd")

    assert (key.revoked_by, key.revoked_why) == ("ann", "1st")
    assert [e.actor for e in raced_house.notebook.of(EventType.KEY_REVOKED)] == ["ann"]
