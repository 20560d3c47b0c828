"""Uses of keys are counted by the hour, exactly, and written now and then."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from flask_jafsec.identity.key_use import KeyUseCounter
from flask_jafsec.records import KeyUse
from tests.identity.rights_setting import OPERATOR, House, WatchedStore, make_house

#: Ten seconds before a full hour.
START = datetime(2026, 1, 1, 11, 59, 50, tzinfo=UTC).timestamp()
FIRST_HOUR = datetime(2026, 1, 1, 11, tzinfo=UTC)
SECOND_HOUR = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def house() -> House:
    return make_house()


def new_key(house: House) -> str:
    return house.keys.mint("ci", scopes=["agent:read"], by=OPERATOR).key.id


def uses(store: WatchedStore, key_id: str) -> list[tuple[datetime, int, int]]:
    with store.inner.reading() as tables:
        found: list[KeyUse] = list(tables.keys.uses(key_id, FIRST_HOUR))
    return [(use.hour, use.allowed, use.refused) for use in found]


def test_uses_are_counted_by_the_hour_allowed_and_refused_apart(raced_house: House) -> None:
    key_id = new_key(raced_house)
    counter = KeyUseCounter(raced_house.store)
    for second, allowed in ((0, True), (5, True), (9, False), (10, True), (11, False)):
        counter.count(key_id, START + second, allowed=allowed)

    assert counter.flush(START + 20) == 2

    assert uses(raced_house.store, key_id) == [(FIRST_HOUR, 2, 1), (SECOND_HOUR, 1, 1)]
    assert raced_house.keys.get(key_id).last_used_at == datetime.fromtimestamp(START + 11, UTC)


def test_a_key_is_written_at_most_once_a_minute(house: House) -> None:
    key_id = new_key(house)
    counter = KeyUseCounter(house.store)
    before = house.store.writes

    written = []
    for second in range(181):
        counter.count(key_id, START + second, allowed=True)
        if counter.flush(START + second):
            written.append(second)

    assert written == [0, 60, 120, 180]
    assert house.store.writes == before + 4
    assert sum(allowed for _, allowed, _ in uses(house.store, key_id)) == 181


def test_every_key_has_a_minute_of_its_own(house: House) -> None:
    first, second = new_key(house), new_key(house)
    counter = KeyUseCounter(house.store)
    counter.count(first, START, allowed=True)
    counter.flush(START)

    counter.count(first, START + 1, allowed=True)
    counter.count(second, START + 1, allowed=True)
    counter.flush(START + 1)

    assert uses(house.store, first) == [(FIRST_HOUR, 1, 0)]
    assert uses(house.store, second) == [(FIRST_HOUR, 1, 0)]


def test_nothing_to_write_opens_no_transaction(house: House) -> None:
    counter = KeyUseCounter(house.store)
    before = house.store.writes

    assert counter.flush(START) == counter.flush_all(START) == 0

    assert house.store.writes == before


def test_the_end_of_the_process_writes_what_is_not_due(house: House) -> None:
    key_id = new_key(house)
    counter = KeyUseCounter(house.store)
    counter.count(key_id, START, allowed=True)
    counter.flush(START)
    counter.count(key_id, START + 1, allowed=True)
    assert counter.flush(START + 1) == 0

    assert counter.flush_all(START + 1) == 1

    assert uses(house.store, key_id) == [(FIRST_HOUR, 2, 0)]
    assert counter.flush_all(START + 1) == 0


def test_a_store_that_is_down_loses_nothing_and_is_asked_every_ten_seconds(house: House) -> None:
    key_id = new_key(house)
    counter = KeyUseCounter(house.store)
    house.store.is_down = True
    before = house.store.writes

    for second in range(25):
        counter.count(key_id, START + second, allowed=True)
        assert counter.flush(START + second) == 0
    assert house.store.writes == before + 3
    house.store.is_down = False
    counter.flush(START + 30)

    assert uses(house.store, key_id) == [(FIRST_HOUR, 10, 0), (SECOND_HOUR, 15, 0)]


def test_a_clock_that_was_set_back_silences_no_key(house: House) -> None:
    key_id = new_key(house)
    counter = KeyUseCounter(house.store)
    counter.count(key_id, START + 7_200, allowed=True)
    counter.flush(START + 7_200)

    counter.count(key_id, START, allowed=True)

    assert counter.flush(START) == 1


def test_eight_threads_lose_no_use(house: House) -> None:
    key_id = new_key(house)
    counter = KeyUseCounter(house.store)

    def use() -> None:
        for number in range(500):
            counter.count(key_id, START + number % 5, allowed=True)
            if number % 50 == 0:
                counter.flush(START + number * 60)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counter.flush_all(START)

    assert sum(allowed for _, allowed, _ in uses(house.store, key_id)) == 4_000
