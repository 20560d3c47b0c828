"""Rates kept in one process: bounded, exact between threads, and never reset by a flood."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from flask_jafsec.limiting.local import OVERFLOW_SLOTS, SHARDS, SWEEP_FROM, LocalRates
from tests.limiting.moment import Moment


@pytest.fixture
def moment() -> Moment:
    return Moment()


@pytest.fixture
def rates(moment: Moment) -> LocalRates:
    return LocalRates(moment)


def passed(rates: LocalRates, key: str, times: int, limit: int = 3, window_s: int = 60) -> int:
    """Return how many of *times* requests of *key* were let through."""
    return sum(rates.take(key, limit, window_s)[0] for _ in range(times))


def test_each_key_has_a_count_of_its_own(rates: LocalRates) -> None:
    assert passed(rates, "ann", 5) == passed(rates, "bob", 5) == 3


def test_what_is_said_is_what_the_bucket_says(rates: LocalRates, moment: Moment) -> None:
    told = [rates.take("ann", 2, 60) for _ in range(3)]

    assert [(allowed, left) for allowed, left, _, _ in told] == [(True, 1), (True, 0), (False, 0)]
    assert told[2][2:] == pytest.approx((30.0, 60.0))

    moment.now += 30
    assert rates.take("ann", 2, 60)[0]
    assert not rates.take("ann", 2, 60)[0]


def test_a_machine_that_has_been_up_for_years_counts_as_exactly() -> None:
    moment = Moment(now=3e9)
    rates = LocalRates(moment)

    assert passed(rates, "ann", 2_000, limit=1_000_000, window_s=1) == 2_000
    assert passed(rates, "bob", 10, limit=3, window_s=1) == 3


def test_a_flood_of_addresses_stays_within_the_table(moment: Moment) -> None:
    rates = LocalRates(moment, max_keys=SHARDS * 8)

    for number in range(20_000):
        rates.take(f"address {number}", 3, 60)

    assert len(rates) <= SHARDS * (8 + OVERFLOW_SLOTS)


def test_a_flood_of_addresses_resets_nobodys_count(moment: Moment) -> None:
    rates = LocalRates(moment, max_keys=SHARDS * 8)
    attackers = [f"attacker {number}" for number in range(20)]
    for attacker in attackers:
        passed(rates, attacker, 3)

    for number in range(20_000):
        rates.take(f"address {number}", 3, 60)

    assert [passed(rates, attacker, 1) for attacker in attackers] == [0] * 20


def test_an_address_that_came_in_the_flood_is_not_let_through_more_often(moment: Moment) -> None:
    rates = LocalRates(moment, max_keys=SHARDS)
    for number in range(2_000):
        rates.take(f"address {number}", 3, 60)

    # The table is full of drawn buckets: this one shares, and sharing counts too much at most.
    assert passed(rates, "late", 50) <= 3


def test_who_shared_goes_on_counting_where_it_stood_when_there_is_room_again(
    moment: Moment,
) -> None:
    rates = LocalRates(moment, max_keys=SHARDS)
    for number in range(2_000):
        rates.take(f"address {number}", 1, 10)
    let_through = passed(rates, "late", 10, limit=5, window_s=3_600)

    moment.now += 11  # the buckets of the flood are full again, and are forgotten
    let_through += passed(rates, "late", 10, limit=5, window_s=3_600)

    assert let_through <= 5


def test_rates_of_different_lengths_never_share_a_bucket(moment: Moment) -> None:
    rates = LocalRates(moment, max_keys=SHARDS)
    for number in range(20_000):
        rates.take(f"address {number}", 1, 86_400)

    allowed = [rates.take(f"visitor {number}", 100, 1)[0] for number in range(50)]

    assert allowed == [True] * 50


def test_what_is_full_again_is_forgotten(moment: Moment) -> None:
    rates = LocalRates(moment, max_keys=SHARDS * SWEEP_FROM * 4)
    for number in range(SHARDS * SWEEP_FROM * 3):
        rates.take(f"address {number}", 3, 60)

    moment.now += 61
    for number in range(SHARDS * SWEEP_FROM * 2):
        rates.take(f"other {number}", 3, 60)

    assert len(rates) < SHARDS * SWEEP_FROM * 2.5


@pytest.mark.parametrize("max_keys", [0, SHARDS - 1])
def test_a_table_without_room_is_refused(moment: Moment, max_keys: int) -> None:
    with pytest.raises(ValueError, match=str(SHARDS)):
        LocalRates(moment, max_keys=max_keys)


@pytest.mark.parametrize("max_keys", [100_000, SHARDS])
def test_eight_threads_count_exactly(moment: Moment, max_keys: int) -> None:
    rates = LocalRates(moment, max_keys=max_keys)
    if max_keys == SHARDS:
        for number in range(1_000):
            rates.take(f"address {number}", 1, 86_400)
    counted: Counter[str] = Counter()
    lock = threading.Lock()

    def flood() -> None:
        mine = Counter(
            key for _ in range(200) for key in ("ann", "bob") if rates.take(key, 100, 60)[0]
        )
        with lock:
            counted.update(mine)

    threads = [threading.Thread(target=flood) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert counted == {"ann": 100, "bob": 100}


def test_the_child_of_a_fork_is_not_stopped_by_the_parents_locks(rates: LocalRates) -> None:
    passed(rates, "ann", 2)
    for shard in rates._shards:
        shard.lock.acquire()

    rates.begin_again()

    assert passed(rates, "ann", 5) == 1
