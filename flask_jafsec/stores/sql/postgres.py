"""Connections to PostgreSQL, each statement with a time limit on both ends."""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from sqlalchemy import Engine, create_engine, event

from flask_jafsec.stores.sql.address import Address
from flask_jafsec.stores.sql.database import Database
from flask_jafsec.stores.sql.limits import Limits

#: All statements of one reading see the same moment.
BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

#: Conflicting changes wait for one another's row locks and then see the newest row. Not READ WRITE:
#: an operator may have made the database read-only by ``default_transaction_read_only``.
BEGIN_WRITING = "BEGIN ISOLATION LEVEL READ COMMITTED"

#: How long a transaction may stand still before the server ends it and frees its locks, in
#: seconds: a frozen worker must not stop the others. Source: fault matrix, row 30.
IDLE_IN_TRANSACTION_S = 10.0

#: How much longer than the server's own limit we wait for the answer, in seconds. The server's
#: limit does not help when the server itself hangs. Source: fault matrix, row 2 (2.2 s in all).
GRACE_S = 0.1

#: libpq takes 2 seconds as the shortest time limit for connecting.
SHORTEST_CONNECT_S = 2

T = TypeVar("T")


class TimedConnection(psycopg.Connection[Any]):
    """A connection that is given up when the server does not answer in time."""

    answer_s: float | None = None
    """Seconds one answer may take; None for no limit."""

    def wait(self, gen: Generator[Any, Any, T], *args: Any, **kwargs: Any) -> T:
        """Return what *gen*, a conversation with the server, returns.

        Raises:
            psycopg.OperationalError: No answer in time. The connection is closed, since a late
                answer would be taken for the answer to the next question.
        """
        if self.answer_s is None:
            return super().wait(gen, *args, **kwargs)
        try:
            return super().wait(_until(gen, time.monotonic() + self.answer_s), *args, **kwargs)
        except _NoAnswer:
            self.pgconn.finish()
            raise


class _NoAnswer(psycopg.OperationalError):
    pass


def is_timeout(error: BaseException | None) -> bool:
    """Return whether *error* means that waiting took too long, so that trying again would too."""
    return isinstance(error, (_NoAnswer, psycopg.errors.ConnectionTimeout))


def make_engine(address: Address, limits: Limits, *, size: int, extra: int) -> Engine:
    """Return an engine for the database; nothing is opened yet."""
    engine = create_engine(
        address.url,
        hide_parameters=True,
        pool_size=size,
        max_overflow=extra,
        pool_timeout=limits.pool_s,
        use_native_hstore=False,
    )
    connect_s = max(SHORTEST_CONNECT_S, math.ceil(limits.statement_s))
    settings = _session_settings(limits)

    def connect(_d: object, _r: object, args: Any, params: dict[str, Any]) -> TimedConnection:
        defaults: dict[str, Any] = {
            "connect_timeout": connect_s,
            "application_name": "flask-jafsec",
        }
        connection = TimedConnection.connect(*args, **(defaults | params), autocommit=True)
        if limits.statement_s:
            connection.answer_s = limits.statement_s + GRACE_S
        connection.execute(settings)
        return connection

    event.listen(engine, "do_connect", connect)
    return engine


def _session_settings(limits: Limits) -> bytes:
    values = {
        "statement_timeout": f"{limits.statement_s * 1000:.0f}ms",
        "lock_timeout": f"{limits.lock_s * 1000:.0f}ms",
        "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_S * 1000:.0f}ms",
        "timezone": "UTC",
    }
    return ";".join(f"SET {name} = '{value}'" for name, value in values.items()).encode()


def _until(gen: Generator[Any, Any, T], deadline: float) -> Generator[Any, Any, T]:
    # psycopg wakes its waiting up every 0.1 s, so the deadline is seen without an answer too.
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if time.monotonic() > deadline:
                raise _NoAnswer("the server did not answer in time")
            wanted = gen.send(ready)
    except StopIteration as end:
        result: T = end.value
        return result


POSTGRES = Database(
    make_engine=make_engine,
    begin_reading=BEGIN_READING,
    begin_writing=BEGIN_WRITING,
    has_one_writer=False,
    is_timeout=is_timeout,
)
