import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flask_jafsec.errors import StoreUnavailable, TokenRevoked
from flask_jafsec.identity.revocations import Revocations
from flask_jafsec.identity.verified_tokens import VerifiedToken
from flask_jafsec.ids import new_id
from flask_jafsec.records import Kind, Revocation
from flask_jafsec.stores.memory import MemoryStore
from flask_jafsec.stores.memory_tables import MemoryTables
from tests.identity.token_setting import StillClock


class CountingStore(MemoryStore):
    """Counts how often it is read, and may be down."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        self.is_down = False

    def reading(self) -> Any:
        self.reads += 1
        if self.is_down:
            raise StoreUnavailable("down")
        return super().reading()


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def store() -> CountingStore:
    return CountingStore()


@pytest.fixture
def revocations(store: CountingStore, clock: StillClock) -> Revocations:
    return Revocations(store, clock, longest_s=3600)


@pytest.fixture
def token(clock: StillClock) -> VerifiedToken:
    born = int(clock.time())
    return VerifiedToken("anna", Kind.PERSON, None, "", "t1", "f1", born, born + 900, "k1")


def _ban(store: MemoryStore, ends_at: datetime, **whom: Any) -> int:
    with store.writing() as tables:
        epoch = tables.raise_epoch()
        tables.tokens.revoke(Revocation(new_id(), epoch, ends_at, **whom))
    return epoch


def _is_refused(revocations: Revocations, token: VerifiedToken, generation: int) -> bool:
    try:
        revocations.check(token, generation)
    except TokenRevoked as revoked:
        return revoked.was_genuine
    return False


@pytest.mark.parametrize(
    ("whom", "refused"),
    [
        ({"token_id": "t1"}, True),
        ({"token_id": "t2"}, False),
        ({"token_id": "f1"}, False),
        ({"family": "f1"}, True),
        ({"family": "f2"}, False),
        ({"family": "anna"}, False),
    ],
)
def test_a_ban_refuses_what_it_names(
    revocations: Revocations,
    store: CountingStore,
    clock: StillClock,
    token: VerifiedToken,
    whom: dict[str, str],
    refused: bool,
) -> None:
    epoch = _ban(store, clock.now() + timedelta(hours=1), **whom)

    assert _is_refused(revocations, token, epoch) is refused


@pytest.mark.parametrize(
    ("offset_s", "refused"),
    [(-1, False), (-0.001, False), (0, True), (0.5, True), (0.999, True), (1, True)],
)
def test_a_ban_of_a_subject_refuses_tokens_issued_at_or_before_it(
    revocations: Revocations,
    store: CountingStore,
    clock: StillClock,
    token: VerifiedToken,
    offset_s: float,
    refused: bool,
) -> None:
    not_before = clock.now() + timedelta(seconds=offset_s)
    epoch = _ban(store, clock.now() + timedelta(hours=1), subject="anna", not_before=not_before)

    assert _is_refused(revocations, token, epoch) is refused


def test_the_newest_of_several_bans_of_a_subject_counts(
    revocations: Revocations, store: CountingStore, clock: StillClock, token: VerifiedToken
) -> None:
    ends_at = clock.now() + timedelta(hours=1)
    _ban(store, ends_at, subject="anna", not_before=clock.now())
    epoch = _ban(store, ends_at, subject="anna", not_before=clock.now() - timedelta(days=1))

    assert _is_refused(revocations, token, epoch)


def test_a_token_without_a_family_is_not_banned_with_others(
    revocations: Revocations, store: CountingStore, clock: StillClock, token: VerifiedToken
) -> None:
    epoch = _ban(store, clock.now() + timedelta(hours=1), family="f2")

    assert not _is_refused(revocations, token._replace(family=""), epoch)


def test_the_store_is_read_only_when_the_generation_moves(
    revocations: Revocations, store: CountingStore, clock: StillClock, token: VerifiedToken
) -> None:
    for _ in range(100):
        revocations.check(token, 0)
    reads = [store.reads]
    epoch = _ban(store, clock.now() + timedelta(hours=1), token_id="t9")
    for _ in range(100):
        revocations.check(token, epoch)

    assert [*reads, store.reads] == [1, 2]


def test_only_what_is_new_is_asked_for(
    revocations: Revocations, store: CountingStore, clock: StillClock, token: VerifiedToken
) -> None:
    first = _ban(store, clock.now() + timedelta(hours=1), token_id="t1")
    assert _is_refused(revocations, token, first)
    store._contents = dataclasses.replace(store._contents, revocations={})
    second = _ban(store, clock.now() + timedelta(hours=1), token_id="t2")

    assert _is_refused(revocations, token, second)
    assert _is_refused(revocations, token._replace(token_id="t2"), second)


def test_bans_of_before_this_process_started_count(
    store: CountingStore, clock: StillClock, token: VerifiedToken
) -> None:
    epoch = _ban(store, clock.now() + timedelta(hours=1), token_id="t1")

    assert _is_refused(Revocations(store, clock), token, epoch)


def test_a_change_that_cannot_be_read_lets_nobody_in(
    revocations: Revocations, store: CountingStore, clock: StillClock, token: VerifiedToken
) -> None:
    revocations.check(token, 0)
    epoch = _ban(store, clock.now() + timedelta(hours=1), token_id="t1")
    store.is_down = True

    with pytest.raises(StoreUnavailable):
        revocations.check(token, epoch)
    store.is_down = False
    assert _is_refused(revocations, token, epoch)


def test_a_thread_that_slept_neither_forgets_bans_nor_reads_them_all_again(
    revocations: Revocations, store: CountingStore, clock: StillClock, token: VerifiedToken
) -> None:
    old = _ban(store, clock.now() + timedelta(hours=1), token_id="t1")
    new = _ban(store, clock.now() + timedelta(hours=1), token_id="t2")
    revocations.check(token._replace(token_id="t3"), new)

    assert _is_refused(revocations, token, old)
    assert _is_refused(revocations, token._replace(token_id="t2"), old)


def test_bans_of_a_database_that_was_put_back_are_read_from_the_start(
    revocations: Revocations, store: CountingStore, clock: StillClock, token: VerifiedToken
) -> None:
    revocations.check(token, 0)
    for number in range(5):
        generation = _ban(store, clock.now() + timedelta(hours=1), token_id=f"x{number}")
    revocations.check(token, generation)
    store._contents = MemoryStore()._contents
    restored = _ban(store, clock.now() + timedelta(hours=1), token_id="t1")

    assert restored < generation
    assert _is_refused(revocations, token, restored)


def test_what_has_ended_is_forgotten(
    revocations: Revocations, store: CountingStore, clock: StillClock, token: VerifiedToken
) -> None:
    far = clock.now() + timedelta(days=30)
    for number in range(100):
        _ban(store, far, family=f"f{number + 100}")
        _ban(store, far, subject=f"s{number}", not_before=clock.now())
        epoch = _ban(store, clock.now() + timedelta(minutes=10), token_id=f"x{number}")
    revocations.check(token, epoch)
    sizes = [len(revocations)]
    for wait_s in (599, 1, 3000):
        clock.advance(wait_s + (60 if wait_s == 1 else 0))
        revocations.check(token, _ban(store, far, token_id="y"))
        sizes.append(len(revocations))

    assert sizes == [300, 301, 201, 1]


def test_a_ban_is_kept_as_long_as_anything_it_bans(
    revocations: Revocations, store: CountingStore, clock: StillClock, token: VerifiedToken
) -> None:
    epoch = _ban(store, clock.now() + timedelta(days=30), family="f1")
    revocations.check(token._replace(family="f2"), epoch)
    clock.advance(3599)

    epoch = _ban(store, clock.now() + timedelta(hours=1), token_id="y")

    assert _is_refused(revocations, token, epoch)


def test_times_are_compared_in_utc(
    revocations: Revocations, store: CountingStore, token: VerifiedToken
) -> None:
    not_before = datetime.fromtimestamp(token.issued_at, UTC)
    with store.writing() as tables:
        assert isinstance(tables, MemoryTables)
    epoch = _ban(store, not_before + timedelta(hours=1), subject="anna", not_before=not_before)

    assert _is_refused(revocations, token, epoch)
