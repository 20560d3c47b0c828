"""One database for everything that must last, on SQLite or PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar
from weakref import finalize

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.stores.sql import first_use, forking
from flask_jafsec.stores.sql.address import parse_address
from flask_jafsec.stores.sql.database import database_of
from flask_jafsec.stores.sql.failures import fail
from flask_jafsec.stores.sql.limits import Limits
from flask_jafsec.stores.sql.sql_tables import SqlTables
from flask_jafsec.stores.sql.transaction import Transaction
from flask_jafsec.stores.sql.turn import WriteTurn
from flask_jafsec.stores.tables import EPOCH

#: Connections of one process: kept open, and opened when these are all in use.
POOL_SIZE = 5
POOL_EXTRA = 5

#: Plain text, sent as it is and kept prepared by the driver.
READ_EPOCH = f"SELECT n FROM {EPOCH.name} WHERE id = 1"  # noqa: S608 - our own table's name

T = TypeVar("T")

#: Whose connections a transaction uses.
Pool = Literal["tables", "audit", "background"]


@dataclass(frozen=True, slots=True)
class _Engines:
    tables: Engine
    epoch: Engine
    """One connection of its own: asking whether a ban is new must not wait for slow pages."""
    audit: Engine
    """One for the writer of the audit log, which nothing may keep waiting."""
    background: Engine
    """Two for what the log does beside: sequencing, importing, exporting."""

    def dispose(self) -> None:
        for engine in (self.tables, self.epoch, self.audit, self.background):
            engine.dispose()


class SqlStore:
    """A ``Store`` on SQLAlchemy Core.

    Nothing is opened until the first use; then the schema is checked, once. Threads may share a
    store. After a fork the child opens connections of its own; a SQLite store must not be in the
    middle of a transaction in another thread then.

    Args:
        url: ``sqlite:///file`` or ``postgresql://user:password@host/name``.
        timeout_s: How long one statement may take.
        lock_timeout_s: How long to wait for a lock somebody else holds.
        pool_wait_s: How long to wait for a free connection.
        create_if_empty: Whether to make the tables in a SQLite file that has none.

    Raises:
        InvalidValue: No such URL can be used.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = 2.0,
        lock_timeout_s: float = 5.0,
        pool_wait_s: float = 3.0,
        create_if_empty: bool = True,
    ) -> None:
        self._address = parse_address(url)
        self._database = database_of(self._address)
        self._limits = Limits(timeout_s, lock_timeout_s, pool_wait_s)
        self._create_if_empty = create_if_empty
        path = self._address.path
        self._turn = None if path is None else WriteTurn(path, lock_timeout_s)
        self._engines: _Engines | None = None
        self._closing: finalize[[], SqlStore] | None = None
        self._start_over()
        forking.watch(self)

    @contextmanager
    def reading(self) -> Iterator[SqlTables]:
        """Open the tables for reading, all at one moment. Raises StoreUnavailable."""
        with self.transaction("tables", writing=False) as transaction:
            yield SqlTables(transaction)

    @contextmanager
    def writing(self) -> Iterator[SqlTables]:
        """Open one transaction: committed at the end, undone by any exception.

        Raises:
            StoreUnavailable: The database did not answer, or refuses to write.
        """
        with self.transaction("tables", writing=True) as transaction:
            yield SqlTables(transaction)

    @contextmanager
    def transaction(self, pool: Pool, *, writing: bool) -> Iterator[Transaction]:
        """Open one transaction: committed at the end, undone by any exception.

        Args:
            pool: Whose connections to use.

        Raises:
            StoreUnavailable: The database did not answer, or refuses to write.
            CommitUnknown: The connection died while committing.
        """
        begin = self._database.begin_writing if writing else self._database.begin_reading
        with self._turn.held() if writing and self._turn else nullcontext():
            transaction = self._begin(pool, begin, writing=writing)
            try:
                yield transaction
                if writing:
                    transaction.commit()
            finally:
                transaction.close()

    @property
    def path(self) -> Path | None:
        """The file, for SQLite only; locks of ours stand beside it."""
        return self._address.path

    def epoch(self) -> int:
        """Return the present epoch. Raises StoreUnavailable."""
        engine = self._prepared().epoch
        found = self._run("reading the epoch", lambda: _read_epoch(engine))
        if found is None:
            raise StoreUnavailable(f"{self._address.name} has no row in {EPOCH.name}")
        return found

    def close(self) -> None:
        """Let go of every connection; the store opens new ones when used again."""
        with self._opening:
            closing, self._closing = self._closing, None
            self._engines, self._is_prepared = None, False
        if closing is not None:
            closing()
        if self._turn is not None:
            self._turn.close()

    def before_fork(self) -> None:
        """Close idle connections to SQLite: what it knows of its locks would be wrong in a child.

        Source: https://sqlite.org/howtocorrupt.html section 2.6.
        """
        if self._address.path is not None and self._engines is not None:
            self._engines.dispose()

    def after_fork_in_child(self) -> None:
        """Forget the parent's connections without closing them, and locks its threads hold."""
        if self._closing is not None:
            self._closing.detach()
        forking.abandon(self._engines)
        self._start_over()
        if self._turn is not None:
            self._turn.begin_again()

    def _start_over(self) -> None:
        self._opening = threading.Lock()
        self._engines = None
        self._closing = None
        self._is_prepared = False

    def _begin(self, pool: Pool, statement: str, *, writing: bool) -> Transaction:
        engine: Engine = getattr(self._prepared(), pool)
        connection = self._run("beginning a transaction", lambda: _begin(engine, statement))
        return Transaction(connection, self._address, writing=writing)

    def _prepared(self) -> _Engines:
        engines = self._engines or self._open()
        if not self._is_prepared:
            # Not under the lock: while a database hangs, everybody would wait for everybody.
            create, lock_s = self._create_if_empty, self._limits.lock_s
            prepare = first_use.prepare
            self._run(
                "checking the schema",
                lambda: prepare(engines.tables, self._address, create=create, lock_s=lock_s),
            )
            self._is_prepared = True
        return engines

    def _open(self) -> _Engines:
        with self._opening:
            if self._engines is None:
                make = self._database.make_engine
                self._engines = _Engines(
                    make(self._address, self._limits, size=POOL_SIZE, extra=POOL_EXTRA),
                    make(self._address, self._limits, size=1, extra=0),
                    make(self._address, self._limits, size=1, extra=0),
                    make(self._address, self._limits, size=2, extra=2),
                )
                self._closing = finalize(self, self._engines.dispose)
            return self._engines

    def _run(self, doing: str, action: Callable[[], T]) -> T:
        # Nothing was changed yet, so a connection that died since its last use is replaced once.
        try:
            try:
                return action()
            except DBAPIError as error:
                if not error.connection_invalidated or self._database.is_timeout(error.orig):
                    raise
            return action()
        except (SQLAlchemyError, OSError) as error:
            fail(self._address, error, doing)


def _begin(engine: Engine, statement: str) -> Connection:
    connection = engine.connect()
    try:
        connection.exec_driver_sql(statement)
    except BaseException:
        connection.close()
        raise
    return connection


def _read_epoch(engine: Engine) -> int | None:
    # The driver is in autocommit mode: there is no transaction around this one question.
    with engine.connect() as connection:
        found: int | None = connection.exec_driver_sql(READ_EPOCH).scalar()
    return found
