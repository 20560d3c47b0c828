"""Revoked keys, the list of keys, and what is recorded of changes."""

from __future__ import annotations

from typing import Any

import pytest

from flask_jafsec.errors import InvalidValue, KeyEnded, NotFound, StoreUnavailable
from flask_jafsec.events import EventType
from tests.identity.raced_store import RacedStore
from tests.identity.rights_setting import HOME, OPERATOR, House, actor, make_house


@pytest.fixture
def house() -> House:
    return make_house()


def test_the_first_revocation_stays(raced_house: House) -> None:
    key = raced_house.keys.mint("ci", scopes=["agent:read"], by=OPERATOR).key
    first = raced_house.keys.revoke(key.id, by=actor(name="ann"), why="leaked")
    raced_house.clock.advance(60)

    second = raced_house.keys.revoke(key.id, by=actor(name="bob"), why="again")

    assert second == first == raced_house.keys.get(key.id)
    assert (second.revoked_by, second.revoked_why) == ("ann", "leaked")
    assert len(raced_house.notebook.of(EventType.KEY_REVOKED)) == 1


def test_a_revocation_that_came_first_is_not_written_over(
    raced: RacedStore, raced_house: House
) -> None:
    key = raced_house.keys.mint("ci", scopes=["agent:read"], by=OPERATOR).key
    raced.meanwhile.append(lambda: raced_house.keys.revoke(key.id, by=actor(name="ann"), why="1st"))

    raced_house.keys.revoke(key.id, by=actor(name="bob"), why="2nd")

    assert raced_house.keys.get(key.id).revoked_why == "1st"


def test_revoking_ends_both_during_an_overlap_only_where_both_are_revoked(house: House) -> None:
    old = house.keys.mint("ci", scopes=["agent:read"], by=OPERATOR)
    new = house.keys.rotate(old.key.id, by=OPERATOR)

    house.keys.revoke(old.key.id, by=OPERATOR)

    match = house.keys.match(
        new.secret, client=HOME, now=house.clock.time(), generation=house.generation
    )
    assert match.key.id == new.key.id
    with pytest.raises(KeyEnded) as refused:
        house.keys.match(
            old.secret, client=HOME, now=house.clock.time(), generation=house.generation
        )
    assert refused.value.reason == "key_revoked"


@pytest.mark.parametrize("change", ["get", "rotate", "revoke"])
def test_an_unknown_key_is_not_found(house: House, change: str) -> None:
    options = {} if change == "get" else {"by": OPERATOR}

    with pytest.raises(NotFound):
        getattr(house.keys, change)("0" * 26, **options)


def test_a_reason_is_one_line(house: House) -> None:
    key = house.keys.mint("ci", scopes=["agent:read"], by=OPERATOR).key

    with pytest.raises(InvalidValue):
        house.keys.revoke(key.id, by=OPERATOR, why="leaked\nand forged a second line")

    assert house.keys.get(key.id).revoked_at is None


def test_keys_are_listed_by_owner_in_the_order_they_were_made(raced_house: House) -> None:
    made: list[str] = []
    for owner in ("ann", "", "bob", "ann"):
        minted = raced_house.keys.mint("ci", scopes=["agent:read"], by=OPERATOR, owner=owner)
        made.append(minted.key.id)
        raced_house.clock.advance(1)

    assert [key.id for key in raced_house.keys.list()] == made
    assert [key.id for key in raced_house.keys.list(owner="ann")] == [made[0], made[3]]
    assert [key.id for key in raced_house.keys.list(after=made[1], limit=1)] == [made[2]]


@pytest.mark.parametrize("change", ["mint", "rotate", "revoke"])
def test_every_change_tells_all_processes_to_look_again(raced_house: House, change: str) -> None:
    key = raced_house.keys.mint("ci", scopes=["agent:read"], by=OPERATOR).key
    before = raced_house.generation

    arguments: dict[str, Any] = {"mint": {"scopes": ["agent:read"]}}.get(change, {})
    getattr(raced_house.keys, change)(
        "ci" if change == "mint" else key.id, by=OPERATOR, **arguments
    )

    assert raced_house.generation == before + 1


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ("mint", EventType.KEY_MINTED),
        ("rotate", EventType.KEY_ROTATED),
        ("revoke", EventType.KEY_REVOKED),
    ],
)
def test_a_change_that_is_not_stored_is_not_recorded(
    house: House, change: str, kind: EventType
) -> None:
    key = house.keys.mint("ci", scopes=["agent:read"], by=OPERATOR).key
    house.notebook.events.clear()
    house.store.cannot_write = True

    arguments: dict[str, Any] = {"mint": {"scopes": ["agent:read"]}}.get(change, {})
    with pytest.raises(StoreUnavailable):
        getattr(house.keys, change)("x" if change == "mint" else key.id, by=OPERATOR, **arguments)

    assert house.notebook.of(kind) == []


def test_the_events_say_who_did_what_to_which_key(house: House) -> None:
    ann = actor("agent:read", "jafsec:keys:write")
    old = house.keys.mint("ci", scopes=["agent:read"], by=ann, owner="bob").key
    new = house.keys.rotate(old.id, by=ann, overlap="7d").key
    house.keys.revoke(new.id, by=ann, why="leaked")

    minted, rotated, revoked = house.notebook.events
    assert [event.actor for event in house.notebook.events] == ["ann"] * 3
    assert (minted.key_id, minted.subject, minted.facts["scopes"]) == (
        old.id,
        "bob",
        ["agent:read"],
    )
    assert (rotated.key_id, rotated.facts["successor"], rotated.facts["overlap"]) == (
        old.id,
        new.id,
        "7d",
    )
    assert (revoked.key_id, revoked.facts["why"]) == (new.id, "leaked")
