"""Connections to a SQLite file, with the settings that survive a power cut."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

from flask_jafsec.stores.sql.address import Address
from flask_jafsec.stores.sql.database import Database
from flask_jafsec.stores.sql.limits import Limits

#: A snapshot begins with the first statement.
BEGIN_READING = "BEGIN"

#: Taking the write lock at once means waiting here, where nothing was done yet. A transaction that
#: reads first and writes later cannot wait: it fails at once if somebody else wrote in between.
BEGIN_WRITING = "BEGIN IMMEDIATE"

#: Source: audit-log.md section 5.5; https://sqlite.org/pragma.html. FULL because a revocation that
#: was confirmed must survive a power cut; secure_delete so that forgotten rows are overwritten.
PRAGMAS = (
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",
)


def make_engine(address: Address, limits: Limits, *, size: int, extra: int) -> Engine:
    """Return an engine for the file; nothing is opened yet."""
    engine = create_engine(
        address.url,
        connect_args={"timeout": limits.lock_s, "check_same_thread": False},
        hide_parameters=True,
        pool_size=size,
        max_overflow=extra,
        pool_timeout=limits.pool_s,
    )

    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        # We send BEGIN ourselves; the driver would begin only before a change.
        connection.isolation_level = None
        _turn_on_wal(connection, limits.lock_s)
        for pragma in PRAGMAS:
            connection.execute(pragma)

    event.listen(engine, "connect", prepare)
    return engine


def _turn_on_wal(connection: sqlite3.Connection, wait_s: float) -> None:
    # Switching to WAL does not wait for locks as other statements do, so two processes that open
    # a new file together would fail. The mode stays in the file: this is for the first time only.
    deadline = time.monotonic() + wait_s
    while connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


SQLITE = Database(
    make_engine=make_engine,
    begin_reading=BEGIN_READING,
    begin_writing=BEGIN_WRITING,
    has_one_writer=True,
    is_timeout=lambda _error: False,
)


@contextmanager
def any_text(connection: Connection) -> Iterator[None]:
    """Have texts that are no UTF-8 read as bytes meanwhile; slower than the driver's own way."""
    driver: Any = connection.connection.driver_connection
    before, driver.text_factory = driver.text_factory, _text_or_bytes
    try:
        yield
    finally:
        driver.text_factory = before


def _text_or_bytes(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw
