"""A log on SQLite, and an exporter of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from flask_jafsec.stores.sql.audit.store import SqlAuditStore
from flask_jafsec.stores.sql.store import SqlStore
from tests.audit.chains import LogMaker
from tests.audit.exporting.setting import Setting


@contextmanager
def log_at(url: str) -> Iterator[LogMaker]:
    with closing(SqlStore(url)) as store:
        yield LogMaker(SqlAuditStore(store))


@pytest.fixture
def log(sqlite_url: str) -> Iterator[LogMaker]:
    with log_at(sqlite_url) as made:
        yield made


@pytest.fixture
def setting(log: LogMaker) -> Setting:
    return Setting(log.store.exports, log.clock)
