"""Users are disabled, enabled and given passwords, by nobody who holds less than they do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from flask_jafsec.errors import (
    Conflict,
    GrantExceeded,
    NotFound,
    PasswordWrong,
    StoreUnavailable,
    UserDisabled,
)
from flask_jafsec.identity.passwords import Passwords
from flask_jafsec.identity.permissions import Actor
from flask_jafsec.identity.users import Users
from flask_jafsec.protocols import Tables
from tests.identity.rights_setting import GOOD, OPERATOR, House, actor, make_house
from tests.identity.user_setting import OTHER, new_user, open_session


@pytest.fixture
def house() -> House:
    return make_house()


# -- nobody rises through another --


@pytest.mark.parametrize("change", ["enable", "reset_password"])
@pytest.mark.parametrize(
    ("held", "role", "lacking"),
    [
        pytest.param(["jafsec:*"], "", (), id="a user who may nothing"),
        pytest.param(["agent:*"], "reader", (), id="less than oneself"),
        pytest.param(["agent:read"], "manager", ("agent:*",), id="more than oneself"),
        pytest.param(["jafsec:*"], "manager", ("agent:*",), id="something else than oneself"),
        pytest.param(["*"], "administrator", ("jafsec:*",), id="an administrator"),
    ],
)
def test_nobody_gets_at_more_than_they_hold_through_a_user(
    house: House, change: str, held: list[str], role: str, lacking: tuple[str, ...]
) -> None:
    new_user(house, "Root", "administrator")
    user = new_user(house, "Ann", *([role] if role else []))
    user = house.users.disable(user.id, by=OPERATOR)
    act = getattr(house.users, change)
    if not lacking:
        act(user.id, by=actor(*held))
        assert house.users.get(user.id) != user
        return

    with pytest.raises(GrantExceeded) as refused:
        act(user.id, by=actor(*held))

    assert refused.value.missing == lacking
    assert house.users.get(user.id) == user


def test_the_roles_the_host_knows_count_as_well() -> None:
    house = make_house(load_roles=lambda _: ["manager"])
    user = new_user(house)
    house.users.disable(user.id, by=OPERATOR)

    with pytest.raises(GrantExceeded):
        house.users.enable(user.id, by=actor("agent:read"))


# -- disabling and enabling --


def test_a_disabled_user_is_out_and_comes_back_with_the_same_roles(raced_house: House) -> None:
    user = new_user(raced_house, "Ann", "reader")
    lives = open_session(raced_house, user)

    raced_house.users.disable(user.id, by=OPERATOR)
    assert not lives()
    with pytest.raises(UserDisabled):
        raced_house.may(user.id)
    with pytest.raises(PasswordWrong):
        raced_house.users.authenticate("Ann", GOOD)

    raced_house.users.enable(user.id, by=OPERATOR)
    assert raced_house.may(user.id) == {"agent:read"}
    assert raced_house.users.authenticate("Ann", GOOD).id == user.id
    assert not lives()


def test_a_reset_does_not_let_a_disabled_user_in(house: House) -> None:
    user = new_user(house)
    house.users.disable(user.id, by=OPERATOR)

    made = house.users.reset_password(user.id, by=OPERATOR)

    assert house.users.get(user.id).disabled_at is not None
    with pytest.raises(PasswordWrong):
        house.users.authenticate("Ann", made.one_time_password)


@pytest.mark.parametrize("others", [[], ["reader"]])
def test_the_last_administrator_cannot_be_disabled(raced_house: House, others: list[str]) -> None:
    last = new_user(raced_house, "Ann", "administrator")
    for role in others:
        new_user(raced_house, "Bob", role)

    with pytest.raises(Conflict):
        raced_house.users.disable(last.id, by=OPERATOR)

    assert raced_house.users.get(last.id).disabled_at is None


def test_of_two_administrators_disabled_at_once_one_stays(raced_house: House) -> None:
    both = [new_user(raced_house, name, "administrator").id for name in ("Ann", "Bob")]

    def disable(user_id: str) -> bool:
        try:
            raced_house.users.disable(user_id, by=OPERATOR)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(disable, both))

    assert sorted(done) == [False, True]


@pytest.mark.parametrize("change", ["disable", "enable"])
def test_doing_it_twice_changes_nothing(house: House, change: str) -> None:
    user = new_user(house)
    act = getattr(house.users, change)
    first = act(user.id, by=OPERATOR)
    before = (house.generation, len(house.notebook.events))
    house.clock.advance(60)

    assert act(user.id, by=OPERATOR) == first

    assert (house.generation, len(house.notebook.events)) == before


def test_a_reset_ends_sessions_and_tokens_in_the_same_transaction(raced_house: House) -> None:
    ended: list[str] = []

    def end_tokens(tables: Tables, subject: str) -> None:
        ended.append(subject)
        if len(ended) == 1:
            raise StoreUnavailable("in the middle")

    users = Users(
        raced_house.store,
        raced_house.notebook,
        Passwords(hasher=raced_house.hasher),
        raced_house.clock,
        raced_house.roots,
        raced_house.roles,
        raced_house.access,
        end_tokens=end_tokens,
    )
    user = new_user(raced_house)
    lives = open_session(raced_house, user)

    with pytest.raises(StoreUnavailable):
        users.reset_password(user.id, by=OPERATOR)
    assert lives()
    assert raced_house.users.get(user.id) == user

    users.reset_password(user.id, by=OPERATOR)
    assert not lives()
    assert ended == [user.id, user.id]


def test_an_unknown_user_is_not_found(house: House) -> None:
    by: Actor = OPERATOR
    for act in (house.users.disable, house.users.enable, house.users.reset_password):
        with pytest.raises(NotFound):
            act("0" * 26, by=by)
    with pytest.raises(NotFound):
        house.users.change_password("0" * 26, GOOD, OTHER)
    assert house.users.find("nobody\x00") is None
