"""Built-in users are made and choose their passwords; who may do what to them is beside this."""

from __future__ import annotations

import pytest

from flask_jafsec.errors import (
    Busy,
    Conflict,
    InvalidValue,
    PasswordWrong,
)
from flask_jafsec.events import EventType
from tests.identity.raced_store import RacedStore
from tests.identity.rights_setting import GOOD, HOME, OPERATOR, House, make_house
from tests.identity.user_setting import OTHER, new_user, open_session


@pytest.fixture
def house() -> House:
    return make_house()


# -- making --


def test_a_new_user_may_do_nothing(house: House) -> None:
    assert house.may(new_user(house).id) == frozenset()


@pytest.mark.parametrize("again", ["Ann", "ann", " ANN ", "\uff21nn"])
def test_a_name_is_taken_once_in_any_form(raced_house: House, again: str) -> None:
    user = new_user(raced_house)

    with pytest.raises(Conflict):
        raced_house.users.create(again, by=OPERATOR, password=GOOD)

    assert raced_house.users.list() == [user]
    assert raced_house.users.find(again) == user
    assert len(raced_house.notebook.of(EventType.USER_CREATED)) == 1


@pytest.mark.parametrize(
    ("name", "password", "tenant"),
    [
        pytest.param("", GOOD, "", id="no name"),
        pytest.param("  ", GOOD, "", id="blank name"),
        pytest.param("An\nn", GOOD, "", id="two lines"),
        pytest.param("n" * 255, GOOD, "", id="long name"),
        pytest.param("Ann", "short", "", id="short password"),
        pytest.param("Ann", "password", "", id="common password"),
        pytest.param("long.name", "Long.Name", "", id="the name as password"),
        pytest.param("Ann", GOOD, "a\x1bb", id="control character in the tenant"),
    ],
)
def test_what_cannot_be_used_makes_no_user(
    house: House, name: str, password: str, tenant: str
) -> None:
    with pytest.raises(InvalidValue):
        house.users.create(name, by=OPERATOR, password=password, tenant=tenant)

    assert not house.users.any()
    assert house.hasher.hashed == 0


def test_a_handed_out_password_must_be_changed_within_a_day(house: House) -> None:
    made = house.users.create("Ann", by=OPERATOR)

    assert made.user.must_change
    assert made.user.password_ends_at is not None
    assert (made.user.password_ends_at - house.clock.now()).total_seconds() == 24 * 3600
    assert made.one_time_password not in repr(made)
    assert made.one_time_password not in repr(house.notebook.events)
    assert new_user(house, "Bob").must_change is False


def test_passwords_are_kept_as_hashes_and_shown_nowhere(raced_house: House) -> None:
    user = new_user(raced_house)

    assert raced_house.users.get(user.id).password_hash.startswith("$argon2id$")
    for shown in (user, raced_house.users.list(), raced_house.notebook.events):
        assert GOOD not in repr(shown)
        assert "argon2" not in repr(shown)


# -- the owner changes the password --


def test_changing_the_password_ends_every_session_and_the_one_time_password(
    raced_house: House,
) -> None:
    made = raced_house.users.create("Ann", by=OPERATOR)
    lives = open_session(raced_house, made.user)
    before = raced_house.generation

    changed = raced_house.users.change_password(made.user.id, made.one_time_password, GOOD)

    assert not lives()
    assert (changed.must_change, changed.password_ends_at) == (False, None)
    assert raced_house.generation > before
    assert raced_house.users.authenticate("Ann", GOOD).id == made.user.id
    with pytest.raises(PasswordWrong):
        raced_house.users.authenticate("Ann", made.one_time_password)


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        pytest.param(OTHER, "a third good one", PasswordWrong, id="wrong present password"),
        pytest.param(GOOD, GOOD, InvalidValue, id="the same again"),
        pytest.param(GOOD, "short", InvalidValue, id="too short"),
        pytest.param(GOOD, "password", InvalidValue, id="common"),
    ],
)
def test_a_change_that_is_refused_changes_nothing(
    house: House, old: str, new: str, error: type[Exception]
) -> None:
    user = new_user(house)
    lives = open_session(house, user)

    with pytest.raises(error):
        house.users.change_password(user.id, old, new)

    assert lives()
    assert house.users.get(user.id) == user


def test_the_same_password_typed_on_another_keyboard_is_no_change(house: House) -> None:
    user = house.users.create("Ann", by=OPERATOR, password="caf\u00e9 au lait").user

    with pytest.raises(InvalidValue):
        house.users.change_password(user.id, "caf\u00e9 au lait", "cafe\u0301 au lait")


def test_guessing_the_present_password_is_slow_too(house: House) -> None:
    user = new_user(house)
    for _ in range(5):
        with pytest.raises(PasswordWrong):
            house.users.change_password(user.id, "a guess", OTHER, source=HOME)

    with pytest.raises(Busy):
        house.users.change_password(user.id, GOOD, OTHER, source=HOME)


def test_a_reset_that_came_first_is_not_written_over(raced: RacedStore, raced_house: House) -> None:
    user = new_user(raced_house)
    raced.meanwhile.append(lambda: raced_house.users.reset_password(user.id, by=OPERATOR))

    with pytest.raises(Conflict):
        raced_house.users.change_password(user.id, GOOD, OTHER)

    assert raced_house.users.get(user.id).must_change


def test_a_disabling_that_came_first_stays(raced: RacedStore, raced_house: House) -> None:
    user = new_user(raced_house)
    raced.meanwhile.append(lambda: raced_house.users.disable(user.id, by=OPERATOR))

    raced_house.users.change_password(user.id, GOOD, OTHER)

    assert raced_house.users.get(user.id).disabled_at is not None
