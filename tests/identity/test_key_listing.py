"""The list of keys as people see it: searched, filtered, sorted, in pages, with what each is."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest

from flask_jafsec.errors import InvalidValue
from flask_jafsec.identity.key_cursors import KeyCursors
from flask_jafsec.identity.key_listing import KeyLists, prefix_of, without_secret
from flask_jafsec.identity.key_state import KeyState, ended_at, state_of
from flask_jafsec.ids import new_id
from flask_jafsec.records import KeyUse
from flask_jafsec.stored_keys import KeyPlace
from tests.identity.key_setting import mint
from tests.identity.rights_setting import OPERATOR, House
from tests.stores.made import DAY, NOW, api_key

HOUR = timedelta(hours=1)


@pytest.fixture
def lists(raced_house: House) -> KeyLists:
    return KeyLists(raced_house.store, raced_house.clock, [b"new" * 11, b"old" * 11])


def names(lists: KeyLists, **options: Any) -> list[str]:
    return [row.key.name for row in lists.page(**options).rows]


def make(house: House, *wanted: str) -> None:
    for name in wanted:
        house.keys.mint(name, scopes=["agent:read"], by=OPERATOR)
        house.clock.advance(1)


@pytest.mark.parametrize("sort", ["used", "-used", "created", "-created", "name", "-name"])
def test_pages_lead_on_and_back(raced_house: House, lists: KeyLists, sort: str) -> None:
    make(raced_house, *(f"key {number:02}" for number in range(60)))

    first = lists.page(sort=sort, size=25)
    second = lists.page(sort=sort, size=25, after=first.after)
    third = lists.page(sort=sort, size=25, after=second.after)

    assert [len(page.rows) for page in (first, second, third)] == [25, 25, 10]
    found = [row.key.id for page in (first, second, third) for row in page.rows]
    assert len(set(found)) == 60
    assert first.before == ""
    assert third.after == ""
    assert first.matching == 60
    back = lists.page(sort=sort, size=25, before=third.before)
    assert [row.key.id for row in back.rows] == found[25:50]
    front = lists.page(sort=sort, size=25, before=back.before)
    assert [row.key.id for row in front.rows] == found[:25]
    assert front.before == ""
    assert lists.page(sort=sort, size=25, after=front.after).rows == second.rows


def test_a_place_is_good_for_its_own_list_only(raced_house: House, lists: KeyLists) -> None:
    make(raced_house, *(f"key {number:02}" for number in range(30)))
    after = lists.page(size=25).after

    wrong: list[dict[str, Any]] = [
        {"sort": "name"},
        {"status": "active"},
        {"text": "key"},
        {"after": after[:-2]},
        {"after": "é"},
        {"after": "A"},
        {"after": "A" * 20_000},
        {"after": after, "before": after},
    ]
    for other in wrong:
        with pytest.raises(InvalidValue):
            lists.page(**{"size": 25, "after": after, **other})


def test_a_place_of_an_older_root_key_still_counts() -> None:
    place = KeyPlace(NOW, "id")
    text = KeyCursors([b"old" * 11]).sign(place, "scope")

    assert KeyCursors([b"new" * 11, b"old" * 11]).verify("after", text, "scope") == place
    with pytest.raises(InvalidValue):
        KeyCursors([b"new" * 11]).verify("after", text, "scope")


@pytest.mark.parametrize("value", [None, NOW, "", 'name "of" é', "n" * 1_000])
def test_every_place_comes_back(value: Any) -> None:
    cursors = KeyCursors([b"k" * 32])
    place = KeyPlace(value, new_id())

    text = cursors.sign(place, "scope")

    assert text.isascii()
    assert "=" not in text
    assert cursors.verify("before", text, "scope") == place


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("status", {"status": "lost"}),
        ("sort", {"sort": "--used"}),
        ("sort", {"sort": "digest"}),
        ("size", {"size": 10_000}),
        ("q", {"text": "x" * 201}),
    ],
)
def test_what_cannot_be_asked_is_refused(
    lists: KeyLists, field: str, options: dict[str, Any]
) -> None:
    with pytest.raises(InvalidValue) as refused:
        lists.page(**options)

    assert refused.value.field == field


def test_a_search_finds_whatever_the_case(raced_house: House, lists: KeyLists) -> None:
    make(raced_house, "Nightly export", "other")

    assert names(lists, text="  NIGHTLY ") == ["Nightly export"]
    assert lists.page(text="nightly").matching == 1


def test_a_whole_key_that_was_pasted_is_found_without_its_secret(
    raced_house: House, lists: KeyLists
) -> None:
    minted = mint(raced_house)
    make(raced_house, "other")

    assert names(lists, text=minted.secret) == ["ci"]
    kept = without_secret(f" {minted.secret} ")
    assert kept == f"jfk_live_{minted.key.id}"
    assert minted.secret[-40:] not in kept
    assert without_secret("nightly") == "nightly"


def test_a_key_of_a_user_shows_the_name(raced_house: House, lists: KeyLists) -> None:
    house = raced_house
    ann = house.users.create("Ann", by=OPERATOR).user
    for owner in (ann.id, "host-user", ""):
        mint(house, owner=owner)

    assert sorted(row.owner for row in lists.page().rows) == ["", "Ann", "host-user"]
    assert [row.owner for row in lists.page(text="ann").rows] == ["Ann"]


def test_a_row_counts_the_last_14_times_24_hours(raced_house: House, lists: KeyLists) -> None:
    house = raced_house
    key = mint(house).key
    hour = house.clock.now()  # it is noon
    with house.store.writing() as tables:
        tables.keys.add_uses(
            [
                KeyUse(key.id, hour, 5, 2),
                KeyUse(key.id, hour - 23 * HOUR, 100, 0),
                KeyUse(key.id, hour - 24 * HOUR, 7, 0),
                KeyUse(key.id, hour - 14 * DAY + HOUR, 9, 0),
                KeyUse(key.id, hour - 14 * DAY, 1_000, 0),
            ]
        )

    (row,) = lists.page().rows

    assert row.day == 107
    assert row.days == (9, *[0] * 11, 7, 107)
    assert row == lists.row(key)


def test_the_bars_of_a_key_hold_each_hour_once(raced_house: House, lists: KeyLists) -> None:
    house = raced_house
    house.clock.advance(1_800)  # half past noon
    key = mint(house).key
    hour = house.clock.now().replace(minute=0)
    with house.store.writing() as tables:
        tables.keys.add_uses(
            [
                KeyUse(key.id, hour, 5, 2),
                KeyUse(key.id, hour - HOUR, 1, 0),
                KeyUse(key.id, hour - 6 * HOUR, 3, 0),
            ]
        )

    bars = lists.bars(key.id)

    assert len(bars) == 56
    assert (bars[-1].allowed, bars[-1].refused) == (5, 2)
    assert bars[-1].start <= house.clock.now() < bars[-1].end
    assert bars[-2].allowed == 4
    assert sum(bar.allowed for bar in bars) == 9
    assert all(a.end == b.start for a, b in itertools.pairwise(bars))


@pytest.mark.parametrize(
    ("changes", "state", "end"),
    [
        ({"last_used_at": NOW}, KeyState.ACTIVE, None),
        ({}, KeyState.ACTIVE, None),
        ({"created_at": NOW - 90 * DAY}, KeyState.UNUSED, None),
        ({"expires_at": NOW + 14 * DAY}, KeyState.EXPIRING, None),
        ({"expires_at": NOW + 14 * DAY, "ends_at": NOW + DAY}, KeyState.ROTATING, None),
        ({"expires_at": NOW}, KeyState.EXPIRED, NOW),
        ({"ends_at": NOW, "expires_at": NOW + DAY}, KeyState.ROTATED, NOW),
        ({"revoked_at": NOW, "ends_at": NOW - DAY}, KeyState.REVOKED, NOW - DAY),
    ],
)
def test_the_state_of_a_key_is_one_word(changes: Any, state: KeyState, end: Any) -> None:
    key = api_key(**changes)

    assert state_of(key, NOW) is state
    assert state.has_ended is (end is not None)
    assert ended_at(key, NOW) == end


def test_a_prefix_is_short_and_no_secret() -> None:
    key = api_key(id="01ABCDEFGHJKMNPQRSTVWXYZ01")

    assert prefix_of(key) == "jfk_live_01ABCDEFGH…"


def test_the_list_costs_the_same_at_any_length(raced_house: House, lists: KeyLists) -> None:
    make(raced_house, "one")
    raced_house.store.reads = 0
    lists.page()
    once = raced_house.store.reads
    make(raced_house, *(f"key {number}" for number in range(60)))

    raced_house.store.reads = 0
    lists.page()

    assert raced_house.store.reads == once == 1
