"""What every store promises about roles, users and sessions."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from flask_jafsec.errors import Conflict, InvalidValue, NotFound
from flask_jafsec.protocols import Store
from tests.stores.made import DAY, NOW, grant, role, session, user


def test_a_role_is_put_and_replaced(store: Store) -> None:
    with store.writing() as tables:
        tables.roles.put(role("reader", "notes:read"))
        tables.roles.put(role("reader", "notes:*", "mail:read", description="reads all"))
        tables.roles.put(role("admin", "*"))

    with store.reading() as tables:
        reader = role("reader", "mail:read", "notes:*", description="reads all")
        assert tables.roles.find("reader") == reader
        assert tables.roles.all() == [role("admin", "*"), reader]
        assert tables.roles.find("Reader") is None


def test_a_role_of_the_configuration_is_not_stored(store: Store) -> None:
    with pytest.raises(InvalidValue), store.writing() as tables:
        tables.roles.put(role(built_in=True))


def test_removing_a_role_removes_its_grants(store: Store) -> None:
    with store.writing() as tables:
        tables.roles.put(role("reader"))
        tables.roles.grant(grant("ada", "reader"))
        tables.roles.grant(grant("ada", "admin"))
        tables.roles.remove("reader")

    with store.reading() as tables:
        assert tables.roles.find("reader") is None
        assert tables.roles.roles_of("ada") == {"admin"}
        assert tables.roles.holders_of("reader") == []


def test_removing_an_unknown_role_is_refused_and_leaves_grants(store: Store) -> None:
    with store.writing() as tables:
        tables.roles.grant(grant("ada", "admin"))
        with pytest.raises(NotFound):
            tables.roles.remove("admin")

        assert tables.roles.roles_of("ada") == {"admin"}


def test_granting_twice_changes_nothing(store: Store) -> None:
    with store.writing() as tables:
        assert tables.roles.grant(grant()) is True
        assert tables.roles.grant(grant()) is False
        assert tables.roles.grant(replace(grant(), granted_by="eve")) is False

        assert tables.roles.holders_of("reader") == ["ada"]


def test_a_grant_is_withdrawn_once(store: Store) -> None:
    with store.writing() as tables:
        tables.roles.grant(grant("ada"))
        tables.roles.grant(grant("bob"))

        assert tables.roles.withdraw("ada", "reader") is True
        assert tables.roles.withdraw("ada", "reader") is False
        assert tables.roles.holders_of("reader") == ["bob"]


def test_holders_are_sorted(store: Store) -> None:
    names = ["b", "B", "a", "é", "_", "10", "9"]
    with store.writing() as tables:
        for name in names:
            tables.roles.grant(grant(name))

    with store.reading() as tables:
        assert tables.roles.holders_of("reader") == sorted(names)


def test_of_eight_who_grant_at_once_one_is_the_first(
    store: Store, threads: ThreadPoolExecutor
) -> None:
    def give(_: int) -> bool:
        with store.writing() as tables:
            return tables.roles.grant(grant())

    assert sum(threads.map(give, range(8))) == 1


def test_a_user_comes_back_as_it_was(store: Store) -> None:
    plain = user("ada")
    full = user("Bob", tenant="acme", disabled_at=NOW, must_change=True, password_ends_at=NOW)
    with store.writing() as tables:
        tables.users.add(plain)
        tables.users.add(full)

    with store.reading() as tables:
        assert tables.users.find(plain.id) == plain
        assert tables.users.find_named("bob") == full
        assert tables.users.find_named("Bob") is None
        assert tables.users.find("none") is None


def test_a_user_name_and_an_id_are_taken_once(store: Store) -> None:
    first = user("ada")
    with store.writing() as tables:
        tables.users.add(first)
        for taken in (first, user("ada"), replace(user("bob"), id=first.id)):
            with pytest.raises(Conflict):
                tables.users.add(taken)

        assert tables.users.page() == [first]


def test_a_user_is_replaced(store: Store) -> None:
    ada = user("ada")
    renamed = replace(ada, name="Ada L", name_key="ada l", password_hash="new", must_change=True)
    with store.writing() as tables:
        tables.users.add(ada)
        tables.users.replace(renamed)

        assert tables.users.find(ada.id) == renamed
        assert tables.users.find_named("ada") is None
        with pytest.raises(NotFound):
            tables.users.replace(user("eve"))


def test_a_user_cannot_take_the_name_of_another(store: Store) -> None:
    ada, bob = user("ada"), user("bob")
    with store.writing() as tables:
        tables.users.add(ada)
        tables.users.add(bob)
        with pytest.raises(Conflict):
            tables.users.replace(replace(bob, name_key="ada"))
        tables.facts.put("after", "goes on")

    with store.reading() as tables:
        assert tables.users.find(bob.id) == bob
        assert tables.facts.get("after") == "goes on"


def test_users_come_in_pages_in_the_order_of_their_ids(store: Store) -> None:
    users = sorted((user(f"u{n}") for n in range(5)), key=lambda each: each.id)
    with store.writing() as tables:
        for each in reversed(users):
            tables.users.add(each)

    with store.reading() as tables:
        assert tables.users.page(limit=2) == users[:2]
        assert tables.users.page(after=users[1].id) == users[2:]


def test_a_session_comes_back_as_it_was_and_is_replaced(store: Store) -> None:
    first = session(b"\x00\xff'" * 8)
    seen = replace(first, seen_at=NOW + DAY, ended_at=NOW + DAY)
    with store.writing() as tables:
        tables.sessions.add(first)
        assert tables.sessions.find(first.digest) == first
        tables.sessions.replace(seen)

    with store.reading() as tables:
        assert tables.sessions.find(first.digest) == seen
        assert tables.sessions.find(b"") is None
        assert tables.sessions.find(first.digest[:-1]) is None


def test_a_session_is_added_once_and_an_unknown_one_not_replaced(store: Store) -> None:
    with store.writing() as tables:
        tables.sessions.add(session(b"1"))
        with pytest.raises(Conflict):
            tables.sessions.add(session(b"1"))
        with pytest.raises(NotFound):
            tables.sessions.replace(session(b"2"))


def test_ending_all_sessions_counts_the_live_ones(store: Store) -> None:
    with store.writing() as tables:
        first, bob = session(b"1"), session(b"bob", user_id="bob")
        tables.sessions.add(first)
        tables.sessions.add(bob)
        tables.sessions.add(session(b"2"))
        tables.sessions.add(session(b"ended", ended_at=NOW - DAY))
        tables.sessions.add(session(b"expired", expires_at=NOW))

        assert tables.sessions.end_all("ada", NOW) == 2
        assert tables.sessions.end_all("ada", NOW) == 0
        assert tables.sessions.find(b"1") == replace(first, ended_at=NOW)
        assert tables.sessions.find(b"bob") == bob


def test_sessions_that_expired_are_forgotten(store: Store) -> None:
    with store.writing() as tables:
        tables.sessions.add(session(b"old", expires_at=NOW - DAY))
        tables.sessions.add(session(b"just now", expires_at=NOW))
        tables.sessions.add(session(b"live", expires_at=NOW + DAY))

        assert tables.sessions.prune(NOW) == 1
        assert tables.sessions.find(b"old") is None
        assert tables.sessions.find(b"just now") is not None
        assert tables.sessions.prune(NOW) == 0
