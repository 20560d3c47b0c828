"""PostgreSQL that is gone, hangs, or drops connections (fault matrix, rows 1 to 3, 6 and 9)."""

import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import psycopg
import pytest

from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.stores.sql.store import POOL_EXTRA, POOL_SIZE, SqlStore
from tests.stores.conftest import make_tables
from tests.stores.made import NOW, refresh_token
from tests.stores.proxy import Proxy, proxy_to


@pytest.fixture
def wire(postgres_url: str) -> Iterator[tuple[Proxy, SqlStore]]:
    """A wire to the server that can be cut, and a store that uses it."""
    make_tables(postgres_url)
    # The path of a socket may have about 100 bytes only, too few for pytest's folders.
    with (
        tempfile.TemporaryDirectory(prefix="jafsec-") as folder,
        proxy_to(postgres_url, Path(folder)) as (proxy, url),
        closing(SqlStore(url, timeout_s=0.3)) as store,
    ):
        yield proxy, store


@pytest.fixture
def driver_url(postgres_url: str) -> str:
    """The database's URL as the driver takes it."""
    return postgres_url.replace("+psycopg", "")


def use_ten_connections(store: SqlStore) -> None:
    with ExitStack() as stack:
        for _ in range(POOL_SIZE + POOL_EXTRA):
            stack.enter_context(store.reading())


def test_dead_connections_are_replaced_unnoticed(wire: tuple[Proxy, SqlStore]) -> None:
    proxy, store = wire
    use_ten_connections(store)
    store.epoch()
    proxy.cut()

    with store.reading() as tables:
        assert tables.facts.get("none") is None
    assert store.epoch() == 0


def test_dead_connections_are_replaced_before_writing(wire: tuple[Proxy, SqlStore]) -> None:
    proxy, store = wire
    use_ten_connections(store)
    proxy.cut()

    with store.writing() as tables:
        tables.raise_epoch()

    assert store.epoch() == 1


def test_a_connection_that_dies_inside_a_transaction_undoes_it(
    wire: tuple[Proxy, SqlStore],
) -> None:
    proxy, store = wire

    def write_and_lose_the_connection() -> None:
        with store.writing() as tables:
            tables.raise_epoch()
            proxy.cut()
            tables.facts.put("after", "lost")

    with pytest.raises(StoreUnavailable):
        write_and_lose_the_connection()

    with store.reading() as tables:
        assert tables.facts.get("after") is None
    assert store.epoch() == 0


def test_a_lost_commit_is_reported_as_unknown(wire: tuple[Proxy, SqlStore]) -> None:
    proxy, store = wire
    store.epoch()
    # The statement itself: BEGIN ... READ COMMITTED holds the word as well.
    proxy.cut_at(b"COMMIT\0")

    with pytest.raises(StoreUnavailable, match="may or may not be kept"), store.writing() as tables:
        tables.raise_epoch()


def test_a_server_that_is_gone_is_reported_at_once(wire: tuple[Proxy, SqlStore]) -> None:
    proxy, store = wire
    store.epoch()
    proxy.refuse()

    started = time.monotonic()
    with pytest.raises(StoreUnavailable):
        store.epoch()
    with pytest.raises(StoreUnavailable), store.reading():
        pass
    with pytest.raises(StoreUnavailable), store.writing():
        pass

    assert time.monotonic() - started < 2


def test_a_server_that_hangs_is_given_up_in_time(
    wire: tuple[Proxy, SqlStore], threads: ThreadPoolExecutor
) -> None:
    proxy, store = wire
    use_ten_connections(store)
    store.epoch()

    def seconds_until_given_up(_: int) -> float:
        started = time.monotonic()
        with pytest.raises(StoreUnavailable), store.reading() as tables:
            tables.facts.get("none")
        return time.monotonic() - started

    proxy.freeze()
    waits = list(threads.map(seconds_until_given_up, range(8)))
    proxy.thaw()

    # The limit is 0.3 s and 0.1 s of grace, or 2 s where a connection had to be opened (libpq's
    # shortest). Nobody waits for another's; the bound is wide, for a machine under load.
    assert min(waits) > 0.3
    assert max(waits) < 10
    assert store.epoch() == 0


def test_a_server_that_hangs_in_a_transaction_is_given_up(wire: tuple[Proxy, SqlStore]) -> None:
    proxy, store = wire
    store.epoch()

    def write_while_it_hangs() -> None:
        with store.writing() as tables:
            proxy.freeze()
            tables.raise_epoch()

    with pytest.raises(StoreUnavailable, match="did not answer in time"):
        write_while_it_hangs()

    proxy.thaw()
    assert store.epoch() == 0


def test_a_new_connection_to_a_server_that_hangs_is_given_up(
    wire: tuple[Proxy, SqlStore],
) -> None:
    proxy, store = wire
    proxy.freeze()

    started = time.monotonic()
    with pytest.raises(StoreUnavailable):
        store.epoch()

    # libpq knows no shorter limit for connecting than two seconds.
    assert time.monotonic() - started < 4


def test_a_statement_that_takes_too_long_is_stopped(postgres_url: str, driver_url: str) -> None:
    make_tables(postgres_url)
    token = refresh_token()
    with closing(SqlStore(postgres_url, timeout_s=0.2)) as store:
        with store.writing() as tables:
            tables.tokens.add_refresh(token)
        with psycopg.connect(driver_url) as other:
            other.execute("UPDATE jafsec_refresh_token SET tenant = 'held'")
            with pytest.raises(StoreUnavailable, match="statement timeout"):
                use(store, token.id)

        assert use(store, token.id) is True


def use(store: SqlStore, token_id: str) -> bool:
    with store.writing() as tables:
        return tables.tokens.use_refresh(token_id, NOW)


def test_a_swallowed_failure_does_not_look_like_success(postgres_url: str, driver_url: str) -> None:
    make_tables(postgres_url)

    def go_on_after_a_failure(store: SqlStore) -> None:
        with store.writing() as tables:
            tables.facts.put("before", "lost")
            with suppress(StoreUnavailable):
                tables.raise_epoch()

    with closing(SqlStore(postgres_url, timeout_s=0.2)) as store:
        with psycopg.connect(driver_url) as other:
            other.execute("UPDATE jafsec_epoch SET n = 7")
            with pytest.raises(StoreUnavailable, match="nothing of the transaction is kept"):
                go_on_after_a_failure(store)
        with store.reading() as tables:
            assert tables.facts.get("before") is None


def test_when_every_connection_is_in_use_the_next_is_refused_but_the_epoch_is_read(
    postgres_url: str,
) -> None:
    make_tables(postgres_url)

    with closing(SqlStore(postgres_url, pool_wait_s=0.1)) as store, ExitStack() as stack:
        for _ in range(POOL_SIZE + POOL_EXTRA):
            stack.enter_context(store.reading())

        with pytest.raises(StoreUnavailable), store.reading():
            pass
        assert store.epoch() == 0


def test_a_read_only_database_can_be_read_and_refuses_changes(
    postgres_url: str, driver_url: str
) -> None:
    make_tables(postgres_url)
    with psycopg.connect(driver_url, autocommit=True) as owner:
        name = owner.info.dbname
        owner.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'.encode())

    with closing(SqlStore(postgres_url)) as store:
        with pytest.raises(StoreUnavailable, match="read-only"), store.writing() as tables:
            tables.raise_epoch()

        assert store.epoch() == 0
