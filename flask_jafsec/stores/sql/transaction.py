"""One transaction: runs statements, builds records from rows, turns errors into ours."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NoReturn, TypeVar

from sqlalchemy import Connection, CursorResult, Executable, Row, Table
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from flask_jafsec.errors import CommitUnknown, Conflict, StoreDamaged, StoreUnavailable
from flask_jafsec.stores.sql.address import Address
from flask_jafsec.stores.sql.bulk import insert_all
from flask_jafsec.stores.sql.failures import fail, is_no_text, is_taken
from flask_jafsec.stores.sql.forking import abandon
from flask_jafsec.stores.sql.sqlite import any_text
from flask_jafsec.stores.values import is_storable

R = TypeVar("R")


class Transaction:
    """A connection in the middle of a transaction."""

    def __init__(self, connection: Connection, address: Address, *, writing: bool) -> None:
        self.dialect = connection.dialect.name
        self._connection = connection
        self._address = address
        self._writing = writing
        self._failed = False
        self._pid = os.getpid()

    def rows(self, statement: Executable, **values: object) -> Sequence[Row[Any]]:
        """Return the rows of a query; a text that is no UTF-8 as bytes. Raises StoreUnavailable."""
        if not _can_be_found(values):
            return ()
        self._check_process()
        try:
            return self._read(lambda: self._connection.execute(statement, values).all())
        except SQLAlchemyError as error:
            self._fail(error, "reading")
        except (TypeError, ValueError) as error:
            raise _unreadable(self._address) from error

    def tuples(self, statement: Executable, **values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query as the driver gives them, nothing converted: the fastest way.

        A text that is no UTF-8 comes as bytes.

        Raises:
            StoreUnavailable: The database did not answer.
        """
        if not _can_be_found(values):
            return []
        self._check_process()
        try:
            return self._read(lambda: self._fetched(statement, values))
        except (SQLAlchemyError, self._connection.dialect.loaded_dbapi.Error) as error:
            self._fail(error, "reading")

    def _fetched(self, statement: Executable, values: Any) -> list[tuple[Any, ...]]:
        with self._connection.execute(statement, values) as result:
            return list(result.cursor.fetchall())

    def _read(self, read: Callable[[], R]) -> R:
        try:
            return read()
        except (SQLAlchemyError, self._connection.dialect.loaded_dbapi.Error) as error:
            if not is_no_text(error):
                raise
        # Somebody wrote it there; the other rows are read all the same.
        with any_text(self._connection):
            return read()

    def records(self, build: type[R], statement: Executable, **values: object) -> list[R]:
        """Return the rows of a query as records. Raises StoreUnavailable."""
        rows = self.rows(statement, **values)
        try:
            return [build(**row._asdict()) for row in rows]
        except (TypeError, ValueError) as error:
            raise _unreadable(self._address) from error

    def record(self, build: type[R], statement: Executable, **values: object) -> R | None:
        """Return the one row of a query as a record, if there is one. Raises StoreUnavailable."""
        return next(iter(self.records(build, statement, **values)), None)

    def change(self, statement: Executable, **values: object) -> int:
        """Return how many rows a statement changed. Raises StoreUnavailable."""
        return self._execute(statement, values).rowcount if _can_be_found(values) else 0

    def change_each(self, statement: Executable, rows: Sequence[Mapping[str, object]]) -> None:
        """Run a statement once for each of *rows*. Raises StoreUnavailable."""
        if rows:
            self._execute(statement, rows)

    def scalar(self, statement: Executable) -> Any:
        """Return the one value that a changing statement returns; None without a row."""
        return self._execute(statement, {}).scalar()

    def change_unless_taken(self, statement: Executable, **values: object) -> int:
        """Return how many rows a statement changed.

        Raises:
            Conflict: Another row has the same unique value. The transaction may go on.
            StoreUnavailable: The database did not answer.
        """
        self._check_writing()
        try:
            # PostgreSQL refuses everything after an error, except going back to a savepoint.
            with self._connection.begin_nested():
                result = self._connection.execute(statement, values)
        except IntegrityError as error:
            raise Conflict("a row with the same unique value exists") from error
        except SQLAlchemyError as error:
            self._fail(error, "writing")
        return result.rowcount

    def append(self, table: Table, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add rows, their values in the order of the table's columns; the fastest way there is.

        Raises:
            StoreDamaged: A row is in the way that nobody of us has put there.
            StoreUnavailable: The database did not answer.
        """
        self._check_writing()
        try:
            insert_all(self._connection, table, rows)
        except SQLAlchemyError as error:
            self._fail(error, "appending", StoreDamaged if is_taken(error) else StoreUnavailable)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what was done inside, and only that, when it raises. Raises StoreUnavailable."""
        self._check_writing()
        failed = self._failed
        try:
            point = self._connection.begin_nested()
        except SQLAlchemyError as error:
            self._fail(error, "beginning a part of a transaction")
        try:
            yield
        except BaseException:
            try:
                point.rollback()
            except SQLAlchemyError as error:
                self._fail(error, "undoing a part of a transaction")
            self._failed = failed
            raise
        try:
            point.commit()
        except SQLAlchemyError as error:
            self._fail(error, "ending a part of a transaction")

    def commit(self) -> None:
        """Keep the changes.

        Raises:
            CommitUnknown: Nobody can say whether they are kept.
            StoreUnavailable: A statement failed before, and nothing is kept.
        """
        self._check_process()
        if self._failed:
            # PostgreSQL would answer such a COMMIT with a rollback, and the driver says nothing.
            raise StoreUnavailable("a statement failed, so nothing of the transaction is kept")
        try:
            self._connection.commit()
        except SQLAlchemyError as error:
            doing = "confirming the changes, which may or may not be kept"
            self._fail(error, doing, CommitUnknown)

    def close(self) -> None:
        """Undo what was not committed and give the connection back. Never raises for either."""
        if self._is_inherited():
            abandon(self._connection)
            return
        try:
            self._connection.rollback()
        except SQLAlchemyError:
            with suppress(SQLAlchemyError):
                self._connection.invalidate()
        self._connection.close()

    def _execute(self, statement: Executable, values: Any) -> CursorResult[Any]:
        self._check_writing()
        try:
            return self._connection.execute(statement, values)
        except SQLAlchemyError as error:
            self._fail(error, "writing")

    def _check_writing(self) -> None:
        if not self._writing:
            raise StoreUnavailable("these tables were opened for reading")
        self._check_process()

    def _check_process(self) -> None:
        if self._is_inherited():
            raise StoreUnavailable("this transaction belongs to the parent of this process")

    def _is_inherited(self) -> bool:
        # A child that was forked in here would otherwise commit, or undo, in its parent's name.
        return os.getpid() != self._pid

    def _fail(
        self,
        error: Exception,
        doing: str,
        kind: type[StoreUnavailable] = StoreUnavailable,
    ) -> NoReturn:
        self._failed = True
        fail(self._address, error, doing, kind)


def _can_be_found(values: Mapping[str, object]) -> bool:
    # What cannot be stored is nowhere: better than an error from a value a stranger sent.
    return all(is_storable(value) for value in values.values() if isinstance(value, str))


def _unreadable(address: Address) -> StoreDamaged:
    return StoreDamaged(f"{address.name} holds a row that cannot be read; it may be damaged")
