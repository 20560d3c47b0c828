"""A house on each kind of store that needs no server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from flask_jafsec.protocols import Store
from flask_jafsec.stores.memory import MemoryStore
from flask_jafsec.stores.sql.store import SqlStore
from tests.identity.raced_store import RacedStore
from tests.identity.rights_setting import House, make_house


@pytest.fixture(params=["memory", "sqlite"])
def kept(request: pytest.FixtureRequest) -> Iterator[Store]:
    """An empty store, one test for each kind."""
    if request.param == "memory":
        yield MemoryStore()
        return
    with closing(SqlStore(request.getfixturevalue("sqlite_url"))) as store:
        yield store


@pytest.fixture
def raced(kept: Store) -> RacedStore:
    """The same store, into which somebody else can come between reading and writing."""
    return RacedStore(kept)


@pytest.fixture
def raced_house(raced: RacedStore) -> House:
    """Everything on that store."""
    return make_house(store=raced)
