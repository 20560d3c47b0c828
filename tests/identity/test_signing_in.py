"""Signing in: the same answer and the same work, whatever was wrong; what the operator reads."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from flask_jafsec.errors import Busy, PasswordWrong, StoreUnavailable
from flask_jafsec.events import EventType, Outcome
from flask_jafsec.records import User
from tests.identity.rights_setting import (
    GOOD,
    HOME,
    OPERATOR,
    CountingHasher,
    House,
    Roots,
    make_house,
)


@pytest.fixture
def house() -> House:
    house = make_house()
    house.users.create("Ann", by=OPERATOR, password=GOOD)
    disabled = house.users.create("Dan", by=OPERATOR, password=GOOD).user
    house.users.disable(disabled.id, by=OPERATOR)
    house.notebook.events.clear()
    return house


def sign_in(house: House, name: str, password: str, source: str = HOME) -> User:
    return house.users.authenticate(name, password, source=source)


def refused(house: House, name: str, password: str, source: str = HOME) -> None:
    with pytest.raises(PasswordWrong):
        sign_in(house, name, password, source)


WRONG = [
    pytest.param("Ann", "another one", "password_wrong", id="wrong password"),
    pytest.param("Ann", "", "password_wrong", id="no password"),
    pytest.param("Ann", "q" * 2_000, "password_wrong", id="too long a password"),
    pytest.param("Bob", GOOD, "user_unknown", id="unknown user"),
    pytest.param("", GOOD, "user_unknown", id="no name"),
    pytest.param("q" * 100_000, GOOD, "user_unknown", id="too long a name"),
    pytest.param("An\x00n", GOOD, "user_unknown", id="control character"),
    pytest.param("\ud800", GOOD, "user_unknown", id="half a surrogate pair"),
    pytest.param("Dan", GOOD, "user_disabled", id="disabled user, right password"),
    pytest.param("Dan", "another one", "password_wrong", id="disabled user, wrong password"),
]


@pytest.mark.parametrize(("name", "password", "reason"), WRONG)
def test_every_failure_looks_the_same_and_costs_one_hash(
    house: House, name: str, password: str, reason: str
) -> None:
    house.hasher.verified.clear()
    hashed = house.hasher.hashed

    with pytest.raises(PasswordWrong) as told:
        sign_in(house, name, password)

    assert str(told.value) == "password_wrong"
    assert len(house.hasher.verified) == 1
    assert house.hasher.hashed == hashed
    parameters = {house.hasher.verified[0], house.users.list()[0].password_hash.rsplit("$", 2)[0]}
    assert len(parameters) == 1


@pytest.mark.parametrize(("name", "password", "reason"), WRONG)
def test_the_operator_reads_what_was_wrong_but_never_the_name_or_the_password(
    house: House, name: str, password: str, reason: str
) -> None:
    refused(house, name, password)

    (event,) = house.notebook.events
    assert event.type is EventType.SIGN_IN_FAILED
    assert (event.reason, event.outcome, event.client) == (reason, Outcome.FAIL, HOME)
    assert event.actor == "anonymous"
    told = repr(event)
    for secret in (name, name.casefold(), password):
        assert len(secret) < 3 or secret not in told
    assert len(str(event.facts["name_ref"])) == 32


def test_the_same_name_has_the_same_reference_and_only_with_our_key(house: House) -> None:
    for name in ("Bob", " BOB ", "\uff22ob", "Rob"):
        refused(house, name, GOOD)
    other = make_house(roots=Roots("r9"))
    refused(other, "Bob", GOOD)

    bob, shouted, wide, rob = (event.facts["name_ref"] for event in house.notebook.events)
    assert bob == shouted == wide
    assert rob != bob
    assert other.notebook.events[0].facts["name_ref"] != bob


@pytest.mark.parametrize("name", ["Ann", "ann", " ANN ", "\uff21nn"])
def test_the_right_name_and_password_are_let_in_however_typed(house: House, name: str) -> None:
    user = sign_in(house, name, GOOD)

    assert user.name == "Ann"
    (event,) = house.notebook.events
    assert (event.type, event.actor, event.client) == (
        EventType.SIGN_IN_SUCCEEDED,
        user.id,
        HOME,
    )


def test_a_handed_out_password_works_for_a_day(house: House) -> None:
    made = house.users.create("Eve", by=OPERATOR)
    house.clock.advance(timedelta(hours=24).total_seconds() - 1)
    assert sign_in(house, "Eve", made.one_time_password).must_change

    house.clock.advance(1)
    refused(house, "Eve", made.one_time_password)

    assert house.notebook.of(EventType.SIGN_IN_FAILED)[-1].reason == "password_ended"


# -- guessing --


@pytest.mark.parametrize("name", ["Ann", "Nobody", "Dan"])
def test_after_five_wrong_passwords_the_next_is_not_even_looked_at(house: House, name: str) -> None:
    for _ in range(5):
        refused(house, name, "another one")
    house.hasher.verified.clear()

    with pytest.raises(Busy) as busy:
        sign_in(house, name, GOOD)

    assert busy.value.retry_after_s == 1
    assert house.hasher.verified == []


def test_guessing_gets_slower_and_the_victim_still_gets_in(house: House) -> None:
    waits = []
    for _ in range(8):
        try:
            refused(house, "Ann", "a guess", source="203.0.113.9")
        except Busy as busy:
            waits.append(busy.retry_after_s)
            house.clock.advance(busy.retry_after_s)
            refused(house, "Ann", "a guess", source="203.0.113.9")

    assert waits == [1, 2, 4]
    assert sign_in(house, "Ann", GOOD).name == "Ann"


def test_writing_the_name_differently_is_no_new_start(house: House) -> None:
    for name in ("Ann", "ann", "ANN", " ann", "\uff21nn"):
        refused(house, name, "another one")

    with pytest.raises(Busy):
        sign_in(house, "aNN", GOOD)


def test_a_right_password_forgives_the_wrong_ones(house: House) -> None:
    for _ in range(4):
        refused(house, "Ann", "another one")
    sign_in(house, "Ann", GOOD)

    for _ in range(5):
        refused(house, "Ann", "another one")


def test_the_right_password_of_a_disabled_user_forgives_nothing(house: House) -> None:
    for _ in range(5):
        refused(house, "Dan", GOOD)

    with pytest.raises(Busy):
        sign_in(house, "Dan", GOOD)


# -- what may go wrong --


def test_a_database_that_is_down_lets_nobody_in(house: House) -> None:
    house.store.is_down = True

    with pytest.raises(StoreUnavailable):
        sign_in(house, "Ann", GOOD)


def test_a_hash_of_yesterday_is_made_anew_at_the_next_sign_in(raced_house: House) -> None:
    user = raced_house.users.create("Ann", by=OPERATOR, password=GOOD).user
    today = raced_house.another(hasher=CountingHasher(time_cost=2))

    sign_in(today, "Ann", GOOD)

    changed = today.users.get(user.id)
    assert "t=2" in changed.password_hash
    assert sign_in(today, "Ann", GOOD).password_hash == changed.password_hash
    assert today.hasher.hashed == 1


def test_who_cannot_have_the_better_hash_now_is_let_in_all_the_same(house: House) -> None:
    today = house.another(hasher=CountingHasher(time_cost=2))
    house.store.cannot_write = True

    assert sign_in(today, "Ann", GOOD).name == "Ann"
    assert len(house.notebook.of(EventType.SIGN_IN_SUCCEEDED)) == 1


def test_while_too_many_are_hashed_the_next_is_told_to_wait_and_no_failure_is_counted(
    house: House,
) -> None:
    passwords = house.users._sign_in._passwords
    slots = [passwords._slots.acquire(blocking=False) for _ in range(2)]
    assert slots == [True, True]
    passwords._max_waiting = 0

    for _ in range(10):
        with pytest.raises(Busy):
            sign_in(house, "Ann", GOOD)
    for _ in slots:
        passwords._slots.release()

    assert house.notebook.events == []
    assert sign_in(house, "Ann", GOOD).name == "Ann"


def test_eight_threads_that_guess_are_all_counted(house: House) -> None:
    told: list[str] = []

    def guess() -> None:
        try:
            sign_in(house, "Ann", "a guess")
        except PasswordWrong:
            told.append("wrong")
        except Busy:
            told.append("busy")

    for _ in range(3):
        threads = [threading.Thread(target=guess) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    # Those that came together may be looked at together; all the later ones must wait.
    assert 5 <= told.count("wrong") <= 8
    assert told[8:] == ["busy"] * 16
