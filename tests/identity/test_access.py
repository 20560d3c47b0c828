import threading
from collections.abc import Iterable

import pytest

from flask_jafsec.errors import StoreUnavailable, UserDisabled
from flask_jafsec.identity.access import LOADED_ROLES_S
from tests.identity.rights_setting import OPERATOR, House, StillClock, make_house


@pytest.fixture
def house() -> House:
    return make_house()


def test_permissions_are_the_union_of_the_subjects_roles(house: House) -> None:
    house.roles.define("writer", ["chat:write"], by=OPERATOR)
    house.roles.grant("ann", "writer", by=OPERATOR)
    house.roles.grant("ann", "reader", by=OPERATOR)

    assert house.may("ann") == {"chat:write", "agent:read"}
    assert house.may("bob") == frozenset()


def test_a_miss_opens_the_store_once_and_a_hit_never(house: House) -> None:
    house.roles.grant("ann", "reader", by=OPERATOR)
    before = house.store.reads

    for _ in range(5):
        house.may("ann")

    assert house.store.reads == before + 1


def test_a_change_acts_with_the_next_generation(house: House) -> None:
    house.roles.grant("ann", "reader", by=OPERATOR)
    assert house.may("ann") == {"agent:read"}
    elsewhere = house.another()
    assert elsewhere.may("ann") == {"agent:read"}

    house.roles.withdraw("ann", "reader", by=OPERATOR)

    assert elsewhere.may("ann") == frozenset()


def test_a_role_of_the_configuration_wins_over_a_stored_one() -> None:
    house = make_house(built_in={})
    house.roles.define("reader", ["*"], by=OPERATOR)
    house.roles.grant("ann", "reader", by=OPERATOR)

    assert house.another().may("ann") == {"agent:read"}


def test_a_disabled_user_may_do_nothing(house: House) -> None:
    user_id = house.users.create("ann", by=OPERATOR, password="a fine long one").user.id
    house.roles.grant(user_id, "reader", by=OPERATOR)
    assert house.may(user_id) == {"agent:read"}

    house.users.disable(user_id, by=OPERATOR)
    for _ in ("read anew", "remembered"):
        with pytest.raises(UserDisabled):
            house.may(user_id)
    assert house.access.held_when_enabled(user_id) == {"agent:read"}

    house.users.enable(user_id, by=OPERATOR)
    assert house.may(user_id) == {"agent:read"}


def test_a_store_that_is_down_lets_nobody_in(house: House) -> None:
    house.store.is_down = True

    with pytest.raises(StoreUnavailable):
        house.may("ann")


def test_what_is_remembered_is_bounded() -> None:
    house = make_house(max_remembered=100)

    for number in range(1_000):
        house.may(f"subject-{number}")

    assert len(house.access._remembered) <= 100


def test_scopes_are_an_upper_bound(house: House) -> None:
    house.roles.grant("ann", "manager", by=OPERATOR)

    bounded = house.access.effective("ann", frozenset({"*"}), house.generation)
    narrow = house.access.effective("ann", frozenset({"agent:read", "x:y"}), house.generation)
    free = house.access.effective("ann", None, house.generation)

    assert bounded.permissions == {"agent:*"}
    assert narrow.permissions == {"agent:read"}
    assert free.permissions == {"agent:*"}
    assert free.until == float("inf")


# -- roles the host knows --


class Host:
    """A host's own roles: may be slow to change, and may break."""

    def __init__(self) -> None:
        self.roles: object = ["reader"]
        self.calls = 0
        self.error: Exception | None = None

    def __call__(self, subject: str) -> Iterable[str]:
        self.calls += 1
        if self.error is not None:
            raise self.error
        return self.roles  # type: ignore[return-value]  # hosts make mistakes


def test_the_hosts_roles_are_added_and_unknown_names_grant_nothing() -> None:
    host = Host()
    host.roles = ["reader", "no-such-role"]
    house = make_house(load_roles=host)
    house.roles.define("writer", ["chat:write"], by=OPERATOR)
    house.roles.grant("ann", "writer", by=OPERATOR)

    assert house.may("ann") == {"agent:read", "chat:write"}


def test_the_hosts_roles_are_remembered_for_five_seconds_and_no_longer() -> None:
    clock, host = StillClock(), Host()
    house = make_house(load_roles=host, clock=clock)
    house.may("ann")
    host.roles = []

    clock.advance(LOADED_ROLES_S - 0.1)
    assert house.may("ann") == {"agent:read"}
    granted = house.access.effective("ann", None, house.generation)
    assert granted.until == pytest.approx(clock.time() + 0.1)
    assert host.calls == 1

    clock.advance(0.1)
    assert house.may("ann") == frozenset()


@pytest.mark.parametrize(
    ("roles", "error"),
    [
        pytest.param([], RuntimeError("no directory"), id="it raises"),
        pytest.param(None, None, id="it forgets to return"),
        pytest.param("reader", None, id="one text instead of several"),
        pytest.param([["reader"]], None, id="lists inside"),
    ],
)
def test_a_broken_host_function_lets_nobody_in(roles: object, error: Exception | None) -> None:
    host = Host()
    house = make_house(load_roles=host)
    host.roles, host.error = roles, error

    with pytest.raises(StoreUnavailable):
        house.may("ann")


def test_eight_threads_see_what_one_would(house: House) -> None:
    for number in range(20):
        house.roles.grant(f"s{number}", "reader" if number % 2 else "manager", by=OPERATOR)
    generation, wrong = house.generation, []
    small = house.another(max_remembered=8).access

    def look() -> None:
        for turn in range(500):
            number = turn % 20
            expected = {"agent:read"} if number % 2 else {"agent:*"}
            if small.permissions_of(f"s{number}", generation) != expected:
                wrong.append(number)

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
