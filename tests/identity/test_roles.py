import threading
from collections.abc import Callable

import pytest

from flask_jafsec.errors import Conflict, GrantExceeded, InvalidValue, NotFound
from flask_jafsec.events import EventType
from flask_jafsec.records import Grant, Role
from tests.identity.rights_setting import BUILT_IN, OPERATOR, House, actor, make_house


@pytest.fixture
def house() -> House:
    return make_house()


def test_roles_of_the_configuration_and_defined_ones_are_listed_together(house: House) -> None:
    house.roles.define("writer", ["agent:write"], by=OPERATOR, description="May write")

    assert [role.name for role in house.roles.all()] == sorted([*BUILT_IN, "writer"])
    assert house.roles.get("writer") == Role("writer", frozenset({"agent:write"}), "May write")
    assert house.roles.get("reader").built_in


def test_every_change_raises_the_epoch_and_is_recorded_with_who_did_it(house: House) -> None:
    changes: list[tuple[EventType, Callable[[], object]]] = [
        (EventType.ROLE_DEFINED, lambda: house.roles.define("w", ["a:b"], by=OPERATOR)),
        (EventType.ROLE_GRANTED, lambda: house.roles.grant("ann", "w", by=OPERATOR)),
        (EventType.ROLE_WITHDRAWN, lambda: house.roles.withdraw("ann", "w", by=OPERATOR)),
        (EventType.ROLE_REMOVED, lambda: house.roles.remove("w", by=OPERATOR)),
    ]
    for number, (event_type, change) in enumerate(changes, start=1):
        change()

        assert house.generation == number
        [event] = house.notebook.of(event_type)
        assert (event.actor, event.facts["role"]) == ("cli:tests", "w")


def test_a_definition_is_recorded_with_old_and_new_permissions(house: House) -> None:
    house.roles.define("writer", ["agent:write"], by=OPERATOR)
    house.roles.define("writer", ["agent:read"], by=OPERATOR)

    facts = house.notebook.of(EventType.ROLE_DEFINED)[-1].facts
    assert facts["before"] == ["agent:write"]
    assert facts["permissions"] == ["agent:read"]


def test_a_built_in_role_cannot_be_changed_while_running(house: House) -> None:
    with pytest.raises(Conflict):
        house.roles.define("reader", ["agent:write"], by=OPERATOR)
    with pytest.raises(Conflict):
        house.roles.remove("reader", by=OPERATOR)


def test_nobody_defines_a_role_with_more_than_they_hold(house: House) -> None:
    with pytest.raises(GrantExceeded) as caught:
        house.roles.define("writer", ["agent:write", "chat:read"], by=actor("agent:*"))

    assert caught.value.missing == ("chat:read",)


def test_nobody_adds_a_wildcard_to_a_role_they_hold(house: House) -> None:
    house.roles.define("writer", ["agent:write"], by=OPERATOR)
    house.roles.grant("ann", "writer", by=OPERATOR)

    with pytest.raises(GrantExceeded):
        house.roles.define("writer", ["agent:*"], by=actor("agent:write"))
    assert house.may("ann") == {"agent:write"}


def test_whoever_shrinks_a_role_needs_what_it_grants_now(house: House) -> None:
    house.roles.define("writer", ["agent:write", "chat:read"], by=OPERATOR)

    with pytest.raises(GrantExceeded):
        house.roles.define("writer", ["agent:write"], by=actor("agent:*"))


def test_nobody_grants_a_role_with_more_than_they_hold_not_even_to_themselves(house: House) -> None:
    with pytest.raises(GrantExceeded):
        house.roles.grant("ann", "manager", by=actor("agent:read", name="ann"))
    assert house.roles.roles_of("ann") == frozenset()


def test_whoever_may_do_everything_cannot_make_an_administrator(house: House) -> None:
    with pytest.raises(GrantExceeded):
        house.roles.grant("bob", "administrator", by=actor("*"))


def test_granting_twice_changes_nothing_and_is_recorded_once(house: House) -> None:
    assert house.roles.grant("ann", "reader", by=OPERATOR) is True
    assert house.roles.grant("ann", "reader", by=OPERATOR) is False

    assert len(house.notebook.of(EventType.ROLE_GRANTED)) == 1
    assert house.generation == 1


def test_withdrawing_what_is_not_held_changes_nothing(house: House) -> None:
    assert house.roles.withdraw("ann", "reader", by=OPERATOR) is False
    assert house.notebook.events == []


def test_an_unknown_role_cannot_be_granted_or_removed(house: House) -> None:
    with pytest.raises(NotFound):
        house.roles.grant("ann", "nothing", by=OPERATOR)
    with pytest.raises(NotFound):
        house.roles.remove("nothing", by=OPERATOR)


@pytest.mark.parametrize("subject", ["", " ann", "ann\n", "a\u202eb", "x" * 255])
def test_a_subject_that_cannot_be_read_is_refused(house: House, subject: str) -> None:
    with pytest.raises(InvalidValue):
        house.roles.grant(subject, "reader", by=OPERATOR)


@pytest.mark.parametrize("name", ["", "Writer", "a b", "x" * 65, "writer\n", "*"])
def test_a_role_is_called_by_one_lower_case_word(house: House, name: str) -> None:
    with pytest.raises(InvalidValue):
        house.roles.define(name, ["agent:read"], by=OPERATOR)


def test_removing_a_role_takes_it_from_everybody(house: House) -> None:
    house.roles.define("writer", ["agent:write"], by=OPERATOR)
    house.roles.grant("ann", "writer", by=OPERATOR)

    house.roles.remove("writer", by=OPERATOR)
    house.roles.define("writer", ["agent:delete"], by=OPERATOR)

    assert house.may("ann") == frozenset()


def test_a_name_with_holders_left_from_the_configuration_is_not_defined_anew() -> None:
    house = make_house(built_in={"old": frozenset({"agent:read"})})
    house.roles.grant("ann", "old", by=OPERATOR)
    later = house.another(built_in={})

    with pytest.raises(Conflict, match="withdraw"):
        later.roles.define("old", ["agent:delete"], by=OPERATOR)
    later.roles.withdraw("ann", "old", by=OPERATOR)
    later.roles.define("old", ["agent:delete"], by=OPERATOR)


def test_who_can_names_subjects_and_the_role_that_lets_them(house: House) -> None:
    house.roles.grant("ann", "reader", by=OPERATOR)
    house.roles.grant("ann", "manager", by=OPERATOR)
    house.roles.grant("bob", "administrator", by=OPERATOR)
    gone = house.users.create("gone", by=OPERATOR, password="a fine long one").user
    house.roles.grant(gone.id, "reader", by=OPERATOR)
    house.users.disable(gone.id, by=OPERATOR)

    assert house.roles.who_can("agent:read") == [
        ("ann", "manager"),
        ("ann", "reader"),
        ("bob", "administrator"),
    ]
    assert house.roles.who_can("jafsec:keys:write") == [("bob", "administrator")]
    assert house.roles.holders_of("reader") == sorted(["ann", gone.id])


# -- the last administrator --


def admin_house() -> tuple[House, str]:
    house = make_house()
    user_id = house.users.create("root", by=OPERATOR, password="a fine long one").user.id
    house.roles.define("keeper", ["jafsec:*"], by=OPERATOR)
    house.roles.grant(user_id, "keeper", by=OPERATOR)
    return house, user_id


@pytest.mark.parametrize(
    "take_away",
    [
        pytest.param(lambda h, u: h.roles.withdraw(u, "keeper", by=OPERATOR), id="withdraw"),
        pytest.param(lambda h, u: h.roles.remove("keeper", by=OPERATOR), id="remove the role"),
        pytest.param(
            lambda h, u: h.roles.define("keeper", ["jafsec:keys:*"], by=OPERATOR), id="shrink"
        ),
        pytest.param(lambda h, u: h.users.disable(u, by=OPERATOR), id="disable"),
    ],
)
def test_the_last_administrator_stays_whatever_is_tried(
    take_away: Callable[[House, str], object],
) -> None:
    house, user_id = admin_house()
    before, events = house.generation, len(house.notebook.events)

    with pytest.raises(Conflict):
        take_away(house, user_id)

    assert house.may(user_id) == {"jafsec:*"}
    assert (house.generation, len(house.notebook.events)) == (before, events)


def test_one_of_two_administrators_can_go(house: House) -> None:
    house.roles.grant("ann", "administrator", by=OPERATOR)
    house.roles.grant("bob", "administrator", by=OPERATOR)

    assert house.roles.withdraw("ann", "administrator", by=OPERATOR)
    with pytest.raises(Conflict):
        house.roles.withdraw("bob", "administrator", by=OPERATOR)


def test_a_disabled_administrator_does_not_count() -> None:
    house, user_id = admin_house()
    house.roles.grant("bob", "keeper", by=OPERATOR)
    house.users.disable(user_id, by=OPERATOR)

    with pytest.raises(Conflict):
        house.roles.withdraw("bob", "keeper", by=OPERATOR)


# -- races --


def test_a_role_that_changed_while_it_was_granted_is_not_granted(house: House) -> None:
    house.roles.define("writer", ["agent:write"], by=OPERATOR)
    real = house.notebook.commit_with

    def commit_late(event, change):  # type: ignore[no-untyped-def]  # stands in for another process
        house.notebook.commit_with = real  # type: ignore[method-assign]
        house.roles.define("writer", ["*"], by=OPERATOR)
        return real(event, change)

    house.notebook.commit_with = commit_late  # type: ignore[method-assign]
    with pytest.raises(Conflict):
        house.roles.grant("ann", "writer", by=actor("agent:write"))
    assert house.may("ann") == frozenset()


def test_two_threads_cannot_both_remove_one_of_the_last_two(house: House) -> None:
    house.roles.grant("ann", "administrator", by=OPERATOR)
    house.roles.grant("bob", "administrator", by=OPERATOR)
    start, refused = threading.Barrier(2), []

    def withdraw(subject: str) -> None:
        start.wait()
        try:
            house.roles.withdraw(subject, "administrator", by=OPERATOR)
        except Conflict:
            refused.append(subject)

    threads = [threading.Thread(target=withdraw, args=(name,)) for name in ("ann", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(refused) == 1
    assert house.roles.holders_of("administrator") == refused


def test_stored_grants_of_unknown_roles_grant_nothing(house: House) -> None:
    with house.store.writing() as tables:
        tables.roles.grant(Grant("ann", "ghost", "x", house.clock.now()))
        tables.raise_epoch()

    assert house.may("ann") == frozenset()
