"""Each nonce once, until its signature is too old anyway; never forgotten before."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.signing.nonces import FallingBack, MemoryNonces, NonceStore, Taken

NOW = 1_795_168_950.0
LIFE = 330.0


def take(store: NonceStore, nonce: str = "n", *, key: str = "k", at: float = NOW) -> Taken:
    """Take a nonce of a signature made at *at*."""
    return store.take(key, nonce, now=at, ends_at=at + LIFE)


def test_a_nonce_is_taken_once_for_each_key() -> None:
    store = MemoryNonces()

    assert take(store) is Taken.FIRST
    assert take(store) is Taken.REPEATED
    assert take(store, key="other") is Taken.FIRST
    assert take(store, "another") is Taken.FIRST


def test_it_is_remembered_to_the_last_second_and_then_forgotten() -> None:
    store = MemoryNonces(max_in_all=1)
    take(store)

    assert store.take("k", "n", now=NOW + LIFE, ends_at=NOW + LIFE) is Taken.REPEATED
    assert take(store, "other", at=NOW + LIFE + 1) is Taken.FIRST


def test_the_busiest_key_is_refused_and_the_others_are_not() -> None:
    store = MemoryNonces(max_per_key=3)
    assert [take(store, str(number)) for number in range(4)] == [Taken.FIRST] * 3 + [Taken.FULL]

    assert take(store, "0") is Taken.REPEATED
    assert take(store, "n", key="other") is Taken.FIRST
    assert take(store, "later", at=NOW + LIFE + 1) is Taken.FIRST


def test_a_full_memory_refuses_and_forgets_nothing() -> None:
    store = MemoryNonces(max_in_all=2)
    take(store, "a")
    take(store, "b", key="other")

    assert take(store, "c", key="third") is Taken.FULL
    assert take(store, "a") is Taken.REPEATED


def test_of_many_threads_exactly_one_is_first() -> None:
    store = MemoryNonces()
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda number: take(store, str(number % 50)), range(800)))

    assert found.count(Taken.FIRST) == 50


class Switched:
    """A store that can be away."""

    def __init__(self) -> None:
        self.is_away = False
        self.inner = MemoryNonces()

    def take(self, key_id: str, nonce: str, *, now: float, ends_at: float) -> Taken:
        if self.is_away:
            raise StoreUnavailable("away")
        return self.inner.take(key_id, nonce, now=now, ends_at=ends_at)


@pytest.fixture
def shared() -> Switched:
    return Switched()


@pytest.fixture
def database() -> Switched:
    return Switched()


@pytest.fixture
def noted() -> list[str]:
    return []


@pytest.fixture
def store(shared: Switched, database: Switched, noted: list[str]) -> FallingBack:
    return FallingBack(
        shared, database, lifetime_s=LIFE, note=lambda error: noted.append(str(error))
    )


def test_while_the_shared_store_is_away_the_database_remembers(
    store: FallingBack, shared: Switched, noted: list[str]
) -> None:
    shared.is_away = True
    with pytest.raises(StoreUnavailable):
        take(store)  # signed before we knew: it may have been accepted already

    assert take(store, at=NOW + 1) is Taken.FIRST
    assert take(store, at=NOW + 1) is Taken.REPEATED
    assert noted == ["away"] * 3


def test_what_was_accepted_before_the_outage_is_not_accepted_during_it(
    store: FallingBack, shared: Switched
) -> None:
    assert take(store) is Taken.FIRST
    shared.is_away = True

    with pytest.raises(StoreUnavailable, match="sign anew"):
        store.take("k", "n", now=NOW + 5, ends_at=NOW + LIFE)


def test_what_was_accepted_during_the_outage_is_not_accepted_after_it(
    store: FallingBack, shared: Switched
) -> None:
    shared.is_away = True
    with pytest.raises(StoreUnavailable):
        take(store)
    assert take(store, at=NOW + 1) is Taken.FIRST
    shared.is_away = False

    assert store.take("k", "n", now=NOW + 9, ends_at=NOW + 1 + LIFE) is Taken.REPEATED


def test_with_both_away_nothing_is_accepted(
    store: FallingBack, shared: Switched, database: Switched
) -> None:
    shared.is_away = database.is_away = True

    for at in (NOW, NOW + 1, NOW + 400):
        with pytest.raises(StoreUnavailable):
            take(store, at=at)


def test_long_after_an_outage_the_database_is_not_asked_any_more(
    store: FallingBack, shared: Switched, database: Switched
) -> None:
    shared.is_away = True
    with pytest.raises(StoreUnavailable):
        take(store)
    shared.is_away = False
    take(store, "back", at=NOW + 1)
    database.is_away = True

    assert take(store, at=NOW + 2 + LIFE) is Taken.FIRST
