"""What every store promises about API keys and their use."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from flask_jafsec.errors import Conflict, NotFound
from flask_jafsec.protocols import Store
from flask_jafsec.records import ApiKey, Environment, KeyUse
from tests.stores.made import DAY, HOUR, NOW, api_key, use


def full_key() -> ApiKey:
    """Return a key with another value in every field."""
    return api_key(
        owner="ada",
        environment=Environment.TEST,
        scopes=frozenset({"notes:write", "notes:read", "agent:*"}),
        tenant="acme",
        expires_at=NOW + DAY,
        networks=("192.0.2.0/24", "2001:db8::/32", "10.0.0.0/8"),
        rate="100/minute",
        rotated_at=NOW,
        ends_at=NOW + DAY,
        successor="other",
        revoked_at=NOW,
        revoked_by="root",
        revoked_why="lost",
        last_used_at=NOW,
    )


@pytest.mark.parametrize("key", [api_key(), full_key()], ids=["plain", "full"])
def test_a_key_comes_back_as_it_was(store: Store, key: ApiKey) -> None:
    with store.writing() as tables:
        tables.keys.add(key)

    with store.reading() as tables:
        assert tables.keys.find(key.id) == key
        assert tables.keys.find(key.id.lower()) is None


def test_an_id_is_taken_once(store: Store) -> None:
    key = api_key()
    with store.writing() as tables:
        tables.keys.add(key)

    for again in (key, replace(key, name="thief")):
        with pytest.raises(Conflict), store.writing() as tables:
            tables.keys.add(again)
    with store.reading() as tables:
        assert tables.keys.find(key.id) == key


def test_of_eight_who_take_an_id_at_once_one_gets_it(
    store: Store, threads: ThreadPoolExecutor
) -> None:
    key = api_key()

    def add(name: str) -> bool:
        try:
            with store.writing() as tables:
                tables.keys.add(replace(key, name=name))
        except Conflict:
            return False
        return True

    assert sum(threads.map(add, "abcdefgh")) == 1


def test_replacing_writes_everything_but_the_last_use(store: Store) -> None:
    key = api_key(last_used_at=NOW)
    changed = replace(full_key(), id=key.id, digest=b"new", last_used_at=None)
    with store.writing() as tables:
        tables.keys.add(key)
        tables.keys.replace(changed)

    with store.reading() as tables:
        assert tables.keys.find(key.id) == replace(changed, last_used_at=NOW)


def test_replacing_an_unknown_key_is_refused(store: Store) -> None:
    with pytest.raises(NotFound), store.writing() as tables:
        tables.keys.replace(api_key())


def test_pages_are_in_the_order_of_the_ids(store: Store) -> None:
    # By code point: lower case after upper case, and nothing left out for its accent.
    ids = sorted(["0A", "0a", "0Z", "0_", "0é", "1", "\uffee", "\U0001f600"])
    with store.writing() as tables:
        for id_ in reversed(ids):
            tables.keys.add(api_key(id=id_, owner="ada" if id_ < "0a" else "bob"))

    with store.reading() as tables:
        pages: list[str] = []
        while page := tables.keys.page(after=pages[-1] if pages else "", limit=3):
            pages += [key.id for key in page]
        of_ada = [key.id for key in tables.keys.page(owner="ada", limit=2)]
        rest_of_ada = [key.id for key in tables.keys.page(owner="ada", after=of_ada[-1])]

    assert pages == ids
    assert of_ada == ["0A", "0Z"]
    assert rest_of_ada == ["0_"]


def test_keys_without_owner_are_a_page_of_their_own(store: Store) -> None:
    with store.writing() as tables:
        tables.keys.add(api_key(id="1"))
        tables.keys.add(api_key(id="2", owner="ada"))

        assert [key.id for key in tables.keys.page(owner="")] == ["1"]
        assert [key.id for key in tables.keys.page(limit=1)] == ["1"]


def test_uses_add_up_by_hour(store: Store) -> None:
    key = api_key()
    later = HOUR + timedelta(hours=1)
    with store.writing() as tables:
        tables.keys.add(key)
        tables.keys.add_uses([use(key.id, 2, 1), use(key.id, 3), use(key.id, 7, hour=later)])
        tables.keys.add_uses(iter([use(key.id, 0, 5)]))
        tables.keys.add_uses([])

    with store.reading() as tables:
        assert tables.keys.uses(key.id, HOUR) == [
            KeyUse(key.id, HOUR, 5, 6),
            KeyUse(key.id, later, 7, 0),
        ]
        assert tables.keys.uses(key.id, later) == [KeyUse(key.id, later, 7, 0)]
        assert tables.keys.uses(key.id, later + DAY) == []
        assert tables.keys.uses("other", HOUR) == []


def test_uses_of_eight_threads_add_up(store: Store, threads: ThreadPoolExecutor) -> None:
    keys = [api_key() for _ in range(4)]
    with store.writing() as tables:
        for key in keys:
            tables.keys.add(key)

    def flush(number: int) -> None:
        uses = [use(key.id, 1, 2, last_at=NOW + timedelta(seconds=number)) for key in keys]
        with store.writing() as tables:
            tables.keys.add_uses(uses if number % 2 else uses[::-1])

    list(threads.map(flush, range(40)))

    with store.reading() as tables:
        for key in keys:
            found = tables.keys.find(key.id)
            assert tables.keys.uses(key.id, HOUR) == [KeyUse(key.id, HOUR, 40, 80)]
            assert found is not None
            assert found.last_used_at == NOW + timedelta(seconds=39)


def test_the_last_use_never_goes_back(store: Store) -> None:
    key = api_key()
    second = timedelta(seconds=1)
    with store.writing() as tables:
        tables.keys.add(key)
        tables.keys.add_uses([use(key.id, last_at=NOW), use(key.id, last_at=NOW - second)])
        tables.keys.add_uses([use(key.id, last_at=NOW - second)])
        tables.keys.add_uses([use(key.id, refused=1)])

    with store.reading() as tables:
        found = tables.keys.find(key.id)
    assert found is not None
    assert found.last_used_at == NOW


def test_one_unknown_key_does_not_spoil_the_uses_of_the_others(store: Store) -> None:
    key = api_key()
    with store.writing() as tables:
        tables.keys.add(key)
        tables.keys.add_uses([use("unknown", last_at=NOW), use(key.id, last_at=NOW)])

    with store.reading() as tables:
        assert tables.keys.uses(key.id, HOUR) == [use(key.id)]
        assert tables.keys.find("unknown") is None
