"""What every store promises about refresh tokens and bans."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from flask_jafsec.errors import Conflict, InvalidValue
from flask_jafsec.protocols import Store
from flask_jafsec.records import Kind, Revocation
from tests.stores.made import DAY, NOW, ban, refresh_token

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("scopes", [None, frozenset[str](), frozenset({"b:c", "a:b"})])
def test_a_refresh_token_comes_back_as_it_was(store: Store, scopes: frozenset[str] | None) -> None:
    token = refresh_token(kind=Kind.SERVICE, tenant="acme", scopes=scopes)
    with store.writing() as tables:
        tables.tokens.add_refresh(token)

    with store.reading() as tables:
        assert tables.tokens.find_refresh(token.id) == token
        assert tables.tokens.find_refresh("none") is None


def test_a_refresh_token_is_added_once(store: Store) -> None:
    token = refresh_token()
    with store.writing() as tables:
        tables.tokens.add_refresh(token)
        with pytest.raises(Conflict):
            tables.tokens.add_refresh(replace(token, subject="eve"))

        assert tables.tokens.find_refresh(token.id) == token


def test_a_refresh_token_is_used_once(store: Store) -> None:
    token = refresh_token()
    with store.writing() as tables:
        tables.tokens.add_refresh(token)

        assert tables.tokens.use_refresh(token.id, NOW) is True
        assert tables.tokens.use_refresh(token.id, NOW + DAY) is False
        assert tables.tokens.use_refresh("none", NOW) is False
        assert tables.tokens.find_refresh(token.id) == replace(token, used_at=NOW)


def test_of_eight_threads_that_use_a_refresh_token_one_wins(
    store: Store, threads: ThreadPoolExecutor
) -> None:
    tokens = [refresh_token() for _ in range(10)]
    with store.writing() as tables:
        for token in tokens:
            tables.tokens.add_refresh(token)

    def use(token_id: str) -> bool:
        with store.writing() as tables:
            return tables.tokens.use_refresh(token_id, NOW)

    for token in tokens:
        assert sum(threads.map(use, [token.id] * 8)) == 1


def test_a_use_that_is_undone_leaves_the_token_fresh(store: Store) -> None:
    token = refresh_token()
    with store.writing() as tables:
        tables.tokens.add_refresh(token)

    def use_and_fail() -> None:
        with store.writing() as tables:
            tables.tokens.use_refresh(token.id, NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        use_and_fail()

    with store.writing() as tables:
        assert tables.tokens.use_refresh(token.id, NOW) is True


def test_bans_of_newer_epochs_come_in_order(store: Store) -> None:
    bans = [
        ban(1, token_id="t"),
        ban(2, family="f"),
        ban(3, subject="ada", not_before=NOW),
        ban(3, token_id="u"),
    ]
    with store.writing() as tables:
        for each in (bans[3], bans[0], bans[2], bans[1]):
            tables.tokens.revoke(each)

    with store.reading() as tables:
        found = tables.tokens.revocations(newer_than=1, at=NOW)
        assert found == sorted(bans[1:], key=lambda each: (each.epoch, each.id))
        assert len(tables.tokens.revocations(newer_than=0, at=NOW)) == 4
        assert tables.tokens.revocations(newer_than=3, at=NOW) == []


def test_bans_that_ended_no_longer_matter(store: Store) -> None:
    with store.writing() as tables:
        tables.tokens.revoke(ban(ends_at=NOW))
        tables.tokens.revoke(ban(ends_at=NOW - DAY))
        last = ban(ends_at=NOW + timedelta(microseconds=1))
        tables.tokens.revoke(last)

        assert tables.tokens.revocations(newer_than=0, at=NOW) == [last]


def test_a_ban_is_added_once(store: Store) -> None:
    first = ban(family="f")
    with store.writing() as tables:
        tables.tokens.revoke(first)
        with pytest.raises(Conflict):
            tables.tokens.revoke(first)


@pytest.mark.parametrize(
    "nonsense",
    [
        pytest.param(Revocation("1", 1, NOW), id="bans nothing"),
        pytest.param(Revocation("1", 1, NOW, token_id="t", family="f"), id="bans two things"),
        pytest.param(Revocation("1", 1, NOW, subject="ada"), id="no time for a subject"),
    ],
)
def test_a_ban_that_means_nothing_is_refused(store: Store, nonsense: Revocation) -> None:
    with pytest.raises(InvalidValue), store.writing() as tables:
        tables.tokens.revoke(nonsense)


def test_a_family_is_banned_by_its_name_only(store: Store) -> None:
    with store.writing() as tables:
        tables.tokens.revoke(ban(token_id="t"))
        tables.tokens.revoke(ban(family="f"))

        assert tables.tokens.is_family_revoked("f") is True
        assert tables.tokens.is_family_revoked("t") is False
        # Bans of other things have no family; the empty name must not find them.
        assert tables.tokens.is_family_revoked("") is False


def test_the_newest_ban_of_a_subject_counts(store: Store) -> None:
    with store.writing() as tables:
        for seconds in (0, 9, 5):
            not_before = NOW + seconds * SECOND
            tables.tokens.revoke(ban(subject="ada", not_before=not_before))
        tables.tokens.revoke(ban(family="ada", not_before=NOW + DAY))

        assert tables.tokens.subject_not_before("ada") == NOW + 9 * SECOND
        assert tables.tokens.subject_not_before("bob") is None
        assert tables.tokens.subject_not_before("") is None


def test_what_ended_is_forgotten(store: Store) -> None:
    old, live = refresh_token(expires_at=NOW - SECOND), refresh_token(expires_at=NOW)
    with store.writing() as tables:
        tables.tokens.add_refresh(old)
        tables.tokens.add_refresh(live)
        tables.tokens.revoke(ban(family="old", ends_at=NOW - SECOND))
        tables.tokens.revoke(ban(family="live", ends_at=NOW))

        assert tables.tokens.prune(NOW) == 2
        assert tables.tokens.find_refresh(old.id) is None
        assert tables.tokens.find_refresh(live.id) == live
        assert tables.tokens.is_family_revoked("old") is False
        assert tables.tokens.is_family_revoked("live") is True
        assert tables.tokens.prune(NOW) == 0
