"""Stores of every kind, empty, on real databases."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import create_engine

from flask_jafsec.protocols import Store
from flask_jafsec.stores.memory import MemoryStore
from flask_jafsec.stores.sql.first_use import create_schema
from flask_jafsec.stores.sql.store import SqlStore


def make_tables(url: str) -> None:
    """Make our tables; quicker than the steps of the history, to which they are equal."""
    engine = create_engine(url)
    with engine.begin() as connection:
        create_schema(connection)
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest) -> str:
    """The URL of a database without any table, one test for each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def sql_url(empty_url: str) -> str:
    """The URL of a database that has our tables, or gets them at the first use."""
    if empty_url.startswith("postgresql"):
        make_tables(empty_url)
    return empty_url


@pytest.fixture
def sql_store(sql_url: str) -> Iterator[SqlStore]:
    """A SQL store, one test for each kind of database."""
    with closing(SqlStore(sql_url)) as store:
        yield store


@pytest.fixture
def postgres_store(postgres_url: str) -> Iterator[SqlStore]:
    """A store on PostgreSQL."""
    make_tables(postgres_url)
    with closing(SqlStore(postgres_url)) as store:
        yield store


@pytest.fixture
def sqlite_store(sqlite_url: str) -> Iterator[SqlStore]:
    """A store on SQLite."""
    with closing(SqlStore(sqlite_url)) as store:
        yield store


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    """An empty store, one test for each kind."""
    if request.param == "memory":
        return MemoryStore()
    made: Store = request.getfixturevalue(f"{request.param}_store")
    return made


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Eight threads."""
    with ThreadPoolExecutor(8) as pool:
        yield pool
