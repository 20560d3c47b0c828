"""What every store promises about transactions, epochs and values; more in test_contract_*.py."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from flask_jafsec.errors import Conflict, InvalidValue, NotFound, StoreUnavailable
from flask_jafsec.protocols import Store, Tables
from tests.stores.made import (
    NOW,
    api_key,
    ban,
    grant,
    refresh_token,
    role,
    session,
    use,
    user,
)

ODD_TEXTS = [
    pytest.param('it\'s "quoted"; DROP TABLE jafsec_user; --', id="quotes"),
    pytest.param("%s %(name)s :name ?1 {0} \\x00 \\", id="placeholders"),
    pytest.param("🦊👩‍👩‍👧‍👦 \U0010ffff", id="emoji"),
    pytest.param("\u202eאבג\u200f عربي\u2066x\u2069", id="right to left"),
    pytest.param("line\nbreak\r\ttab\x01\x7f\u2028", id="control characters"),
    pytest.param("  spaces  ", id="spaces"),
    pytest.param("e\u0301 ≠ é", id="combining"),
]

IMPOSSIBLE_TEXTS = [
    pytest.param("a\0b", id="NUL"),
    pytest.param("\0", id="only NUL"),
    pytest.param("a\ud800b", id="half a surrogate pair"),
]


class Stop(Exception):
    """Raised by the tests in the middle of a transaction."""


def put_everything(tables: Tables) -> None:
    key = api_key()
    tables.keys.add(key)
    tables.keys.add_uses([use(key.id, last_at=NOW)])
    tables.roles.put(role())
    tables.roles.grant(grant())
    tables.users.add(user())
    tables.tokens.add_refresh(refresh_token())
    tables.tokens.revoke(ban(tables.raise_epoch()))
    tables.sessions.add(session())
    tables.facts.put("fingerprint", "abc")


def put_everything_and_fail(store: Store, error: type[BaseException]) -> None:
    with store.writing() as tables:
        put_everything(tables)
        raise error


def is_empty(tables: Tables) -> bool:
    found = (
        tables.keys.page(),
        tables.roles.all(),
        tables.roles.roles_of("ada"),
        tables.users.page(),
        tables.tokens.revocations(newer_than=0, at=NOW),
        tables.sessions.find(b"\x00" * 32),
        tables.facts.get("fingerprint"),
    )
    return not any(found)


def test_what_was_written_is_there_for_the_next_transaction(store: Store) -> None:
    with store.writing() as tables:
        put_everything(tables)

    with store.reading() as tables:
        assert len(tables.keys.page()) == 1
        assert tables.facts.get("fingerprint") == "abc"
    assert store.epoch() == 1


def test_a_transaction_sees_its_own_changes(store: Store) -> None:
    with store.writing() as tables:
        put_everything(tables)

        assert not is_empty(tables)
        assert tables.roles.roles_of("ada") == {"reader"}


@pytest.mark.parametrize("error", [Stop, KeyboardInterrupt, GeneratorExit])
def test_an_exception_leaves_no_trace(store: Store, error: type[BaseException]) -> None:
    with pytest.raises(error):
        put_everything_and_fail(store, error)

    with store.reading() as tables:
        assert is_empty(tables)
    assert store.epoch() == 0


def test_after_an_exception_the_next_transaction_works(store: Store) -> None:
    for _ in range(20):
        with pytest.raises(Stop):
            put_everything_and_fail(store, Stop)

    with store.writing() as tables:
        put_everything(tables)
    assert store.epoch() == 1


def test_others_do_not_see_an_open_transaction(store: Store, threads: ThreadPoolExecutor) -> None:
    def look() -> tuple[bool, int]:
        with store.reading() as tables:
            return is_empty(tables), store.epoch()

    with store.writing() as tables:
        put_everything(tables)

        assert threads.submit(look).result() == (True, 0)


def test_a_reading_sees_one_moment(store: Store, threads: ThreadPoolExecutor) -> None:
    def change() -> None:
        with store.writing() as tables:
            put_everything(tables)

    with store.reading() as tables:
        assert tables.facts.get("fingerprint") is None
        threads.submit(change).result()

        assert is_empty(tables)


def test_a_reading_cannot_write(store: Store) -> None:
    with store.reading() as tables, pytest.raises(StoreUnavailable):
        tables.facts.put("fingerprint", "abc")

    with store.reading() as tables:
        assert is_empty(tables)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param(lambda tables: tables.users.add(user("ada")), Conflict, id="taken"),
        pytest.param(lambda tables: tables.roles.remove("none"), NotFound, id="missing"),
        pytest.param(lambda tables: tables.users.add(user("a\0")), InvalidValue, id="value"),
    ],
)
def test_a_refused_change_does_not_spoil_the_transaction(
    store: Store, change: Callable[[Tables], None], error: type[Exception]
) -> None:
    with store.writing() as tables:
        tables.users.add(user("ada"))
        with pytest.raises(error):
            change(tables)
        tables.facts.put("after", "written")

    with store.reading() as tables:
        assert tables.facts.get("after") == "written"
        assert len(tables.users.page()) == 1


def test_the_epoch_begins_at_nothing_and_rises_by_one(store: Store) -> None:
    assert store.epoch() == 0

    with store.writing() as tables:
        assert [tables.raise_epoch(), tables.raise_epoch()] == [1, 2]
    assert store.epoch() == 2


def test_epochs_are_in_the_order_of_the_commits(store: Store, threads: ThreadPoolExecutor) -> None:
    finished: list[int] = []
    lock = threading.Lock()

    def raise_once(_: int) -> int:
        with store.writing() as tables:
            before = len(finished)
            mine = tables.raise_epoch()
            # Whoever has a smaller number has ended already, unless two have the row at once.
            with lock:
                assert before <= len(finished) == mine - 1
                finished.append(mine)
            tables.facts.put("last", str(mine))
        return mine

    numbers = list(threads.map(raise_once, range(80)))

    assert sorted(numbers) == list(range(1, 81))
    with store.reading() as tables:
        assert tables.facts.get("last") == "80"


def test_a_store_can_be_used_again_after_closing(store: Store) -> None:
    with store.writing() as tables:
        tables.raise_epoch()

    store.close()
    store.close()

    assert store.epoch() == 1


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_odd_text_comes_back_as_it_was(store: Store, text: str) -> None:
    person = user(text, name_key=text, tenant=text)
    with store.writing() as tables:
        tables.users.add(person)
        tables.roles.put(role(text, text, "plain"))
        tables.roles.grant(grant(text, text))
        tables.facts.put(text, text * 1000)

    with store.reading() as tables:
        assert tables.users.find_named(text) == person
        assert tables.roles.find(text) == role(text, text, "plain")
        assert tables.roles.roles_of(text) == {text}
        assert tables.roles.holders_of(text) == [text]
        assert tables.facts.get(text) == text * 1000


@pytest.mark.parametrize("text", IMPOSSIBLE_TEXTS)
def test_text_that_no_database_keeps_is_refused(store: Store, text: str) -> None:
    def refused(change: Callable[[Tables], object], field: str) -> None:
        with pytest.raises(InvalidValue) as caught, store.writing() as tables:
            change(tables)
        assert caught.value.field == field
        assert text not in str(caught.value)

    refused(lambda tables: tables.users.add(user(name=text, name_key="ada")), "name")
    refused(lambda tables: tables.users.replace(user(tenant=text)), "tenant")
    refused(lambda tables: tables.keys.add(api_key(scopes=frozenset({text}))), "scopes")
    refused(lambda tables: tables.keys.replace(api_key(networks=(text,))), "networks")
    refused(lambda tables: tables.keys.add_uses([use(text)]), "key_id")
    refused(lambda tables: tables.roles.put(role("reader", text)), "permissions")
    refused(lambda tables: tables.roles.grant(grant(text)), "subject")
    refused(lambda tables: tables.tokens.add_refresh(refresh_token(family=text)), "family")
    refused(lambda tables: tables.tokens.revoke(ban(family=text)), "family")
    refused(lambda tables: tables.sessions.add(session(user_id=text)), "user_id")
    refused(lambda tables: tables.facts.put(text, ""), "name")
    refused(lambda tables: tables.facts.put("", text), "value")


@pytest.mark.parametrize("text", IMPOSSIBLE_TEXTS)
def test_text_that_no_database_keeps_is_found_nowhere(store: Store, text: str) -> None:
    with store.writing() as tables:
        put_everything(tables)
        lookups = (
            tables.keys.find(text),
            tables.keys.page(owner=text),
            tables.keys.uses(text, NOW),
            tables.roles.find(text),
            tables.roles.withdraw(text, "reader"),
            tables.roles.roles_of(text),
            tables.roles.holders_of(text),
            tables.users.find(text),
            tables.users.find_named(text),
            tables.tokens.find_refresh(text),
            tables.tokens.use_refresh(text, NOW),
            tables.tokens.is_family_revoked(text),
            tables.tokens.subject_not_before(text),
            tables.sessions.end_all(text, NOW),
            tables.facts.get(text),
        )
        with pytest.raises(NotFound):
            tables.roles.remove(text)

    assert not any(lookups)
