"""What every store promises about the list of API keys: the same keys in the same order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from flask_jafsec.protocols import Store
from flask_jafsec.records import ApiKey
from flask_jafsec.stored_keys import (
    DayUse,
    KeyFigures,
    KeyOrder,
    KeyPlace,
    KeySelection,
    KeyStatus,
    KeyWalk,
)
from flask_jafsec.stores.memory import MemoryStore
from tests.stores.made import DAY, HOUR, NOW, api_key, use, user

YEAR = 365 * DAY


def keep(store: Store, *keys: ApiKey) -> None:
    with store.writing() as tables:
        for key in keys:
            tables.keys.add(key)


def walked(store: Store, selection: KeySelection, **walk: Any) -> list[str]:
    with store.reading() as tables:
        return [key.id for key in tables.keys.walk(selection, KeyWalk(**walk))]


def named(store: Store, status: KeyStatus, text: str = "") -> set[str]:
    """Return the names of what is selected, which must be as many as are counted."""
    selection = KeySelection(NOW, status, text)
    with store.reading() as tables:
        names = [key.name for key in tables.keys.walk(selection, KeyWalk(limit=200))]
        assert tables.keys.count(selection) == len(names)
    assert len(set(names)) == len(names)
    return set(names)


WORKING = {
    "plain": {"last_used_at": NOW},
    "wild": {"last_used_at": NOW, "scopes": frozenset({"agent:*"})},
    "soon": {"last_used_at": NOW, "expires_at": NOW + 14 * DAY},
    "later": {"last_used_at": NOW, "expires_at": NOW + 14 * DAY + timedelta(microseconds=1)},
    "rotating": {"last_used_at": NOW, "rotated_at": NOW - DAY, "ends_at": NOW + DAY},
    "idle": {"last_used_at": NOW - 90 * DAY},
    "never used": {"created_at": NOW - 91 * DAY},
    "new": {},
}
ENDED = {
    "revoked": {"revoked_at": NOW - DAY, "scopes": frozenset({"agent:*"})},
    "replaced": {"rotated_at": NOW - DAY, "ends_at": NOW},
    "expired": {"expires_at": NOW},
}
GONE = {
    "revoked long ago": {"revoked_at": NOW - 90 * DAY},
    "replaced long ago": {"ends_at": NOW - 90 * DAY, "last_used_at": NOW - 90 * DAY},
    "expired long ago": {"expires_at": NOW - 90 * DAY},
}


@pytest.fixture
def kept(store: Store) -> Store:
    for name, changes in (WORKING | ENDED | GONE).items():
        keep(store, api_key(name=name, **changes))  # type: ignore[arg-type]  # fields of a key
    return store


@pytest.mark.parametrize(
    ("status", "names"),
    [
        (KeyStatus.ACTIVE, {*WORKING}),
        (KeyStatus.ALL, {*WORKING, *ENDED, *GONE}),
        (KeyStatus.ENDED, {*ENDED}),
        (KeyStatus.EXPIRING, {"soon"}),
        (KeyStatus.LISTED, {*WORKING, *ENDED}),
        (KeyStatus.ROTATING, {"rotating"}),
        (KeyStatus.UNUSED, {"idle", "never used"}),
        (KeyStatus.WILDCARD, {"wild"}),
    ],
)
def test_each_status_selects_its_keys(kept: Store, status: KeyStatus, names: set[str]) -> None:
    assert named(kept, status) == names


def test_the_figures_are_what_the_statuses_select(kept: Store) -> None:
    with kept.reading() as tables:
        assert tables.keys.figures(NOW) == KeyFigures(11, 8, 1, 1, 2, 1)


def test_without_keys_every_figure_is_nought(store: Store) -> None:
    with store.reading() as tables:
        assert tables.keys.figures(NOW) == KeyFigures()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param("export", {"Nightly EXPORT"}, id="part of a name, whatever its case"),
        pytest.param("100%", {"100% of it"}, id="a sign that means something to a database"),
        pytest.param("t_e", set(), id="another one"),
        pytest.param("\\", {"back\\slash"}, id="what escapes these signs"),
        pytest.param("é", {"é"}, id="another alphabet"),
        pytest.param("triage", {"owned"}, id="part of an owner"),
        pytest.param("tools:c", {"scoped"}, id="part of a scope"),
        pytest.param('","', set(), id="what stands between two scopes"),
        pytest.param("01ab", {"by id"}, id="how an id begins"),
        pytest.param("jfk_live_01abcdefgh…", {"by id"}, id="a prefix as it is shown"),
        pytest.param("jfk_live_01abcdefghjkmnpqrstvwxyz01_secret", {"by id"}, id="a whole key"),
        pytest.param("cdef", set(), id="the middle of an id"),
        pytest.param("ada l", {"of ada"}, id="how the name of a user begins"),
        pytest.param("lovelace", set(), id="how it ends"),
        pytest.param("nobody's", set(), id="nothing of it"),
        pytest.param("nul\0", set(), id="what cannot be stored"),
        pytest.param("\ud800", set(), id="nor this"),
    ],
)
def test_a_text_is_found_in_names_owners_scopes_and_ids(
    store: Store, text: str, names: set[str]
) -> None:
    ada = user("Ada Lovelace")
    with store.writing() as tables:
        tables.users.add(ada)
    keep(
        store,
        api_key(name="Nightly EXPORT"),
        api_key(name="100% of it"),
        api_key(name="back\\slash"),
        api_key(name="é"),
        api_key(name="owned", owner="Support-Triage"),
        api_key(name="scoped", scopes=frozenset({"tools:call", "agents:run"})),
        api_key(name="by id", id="01ABCDEFGHJKMNPQRSTVWXYZ01"),
        api_key(name="of ada", owner=ada.id),
    )

    assert named(store, KeyStatus.LISTED, text) == names


def some_keys(number: int = 60) -> list[ApiKey]:
    """Return keys with equal names and times among them, and some without times."""
    random = Random(7)
    return [
        api_key(
            id=f"{random.randrange(10**9):09}-{number}",
            name=random.choice(["a", "b", "B", "é"]),
            last_used_at=random.choice([None, NOW, NOW - DAY, NOW - YEAR]),
            expires_at=random.choice([None, NOW + DAY, NOW + YEAR]),
            revoked_at=random.choice([None, None, NOW - DAY]),
        )
        for number in range(number)
    ]


@pytest.mark.parametrize("order", list(KeyOrder))
@pytest.mark.parametrize("status", [KeyStatus.ALL, KeyStatus.ACTIVE])
def test_pages_go_through_the_whole_list_and_back(
    store: Store, order: KeyOrder, status: KeyStatus
) -> None:
    keys = some_keys()
    keep(store, *keys)
    known = MemoryStore()
    keep(known, *keys)
    selection = KeySelection(NOW, status)
    whole = walked(known, selection, order=order, ascending=True, limit=100)
    by_id = {key.id: key for key in keys}

    for ascending in (True, False):
        expected = whole if ascending else whole[::-1]
        found: list[str] = []
        place: KeyPlace | None = None
        while page := walked(
            store, selection, order=order, ascending=ascending, beyond=place, limit=7
        ):
            assert len(page) == 7 or len(found) + len(page) == len(whole)
            found += page
            place = place_of(by_id[page[-1]], order)
        assert found == expected


def place_of(key: ApiKey, order: KeyOrder) -> KeyPlace:
    values = {
        KeyOrder.CREATED: None,
        KeyOrder.EXPIRES: key.expires_at,
        KeyOrder.NAME: key.name,
        KeyOrder.USED: key.last_used_at,
    }
    return KeyPlace(values[order], key.id)


def test_what_has_no_time_stands_at_its_end(store: Store) -> None:
    never = api_key(id="1")
    once = api_key(id="2", last_used_at=NOW, expires_at=NOW + DAY)
    keep(store, never, once)
    every = KeySelection(NOW, KeyStatus.ALL)

    assert walked(store, every, order=KeyOrder.USED) == ["2", "1"]
    assert walked(store, every, order=KeyOrder.USED, ascending=True) == ["1", "2"]
    assert walked(store, every, order=KeyOrder.EXPIRES, ascending=True) == ["2", "1"]
    assert walked(store, every, order=KeyOrder.EXPIRES) == ["1", "2"]


def test_uses_are_summed_up_in_days_from_any_hour(store: Store) -> None:
    keys = [api_key(id=name) for name in "abc"]
    keep(store, *keys)
    hours = [HOUR + timedelta(hours=n) for n in (0, 23, 24, 49)]
    with store.writing() as tables:
        tables.keys.add_uses([use("a", 2**40, 1, hour=hour) for hour in hours])
        tables.keys.add_uses([use("b", 5, 0, hour=HOUR - timedelta(hours=1)), use("c")])

    with store.reading() as tables:
        found = tables.keys.day_uses(["a", "b"], HOUR)
        none = tables.keys.day_uses([], HOUR)

    assert found == day_uses("a", [(0, 2**41, 2), (1, 2**40, 1), (2, 2**40, 1)])
    assert none == []


def day_uses(key_id: str, rows: Sequence[tuple[int, int, int]]) -> list[DayUse]:
    return [DayUse(key_id, *row) for row in rows]


def test_the_names_of_users_are_found_together(store: Store) -> None:
    ada, bob = user("Ada"), replace(user("Bob"), id="bob")
    with store.writing() as tables:
        tables.users.add(ada)
        tables.users.add(bob)

    with store.reading() as tables:
        assert tables.users.names([ada.id, "bob", "nobody", "\0"]) == {ada.id: "Ada", "bob": "Bob"}
        assert tables.users.names([]) == {}
