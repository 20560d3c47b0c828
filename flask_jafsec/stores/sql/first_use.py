"""Before the first transaction: the schema is checked, or made in a new SQLite file."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from flask_jafsec.errors import SchemaOutdated, StoreUnavailable
from flask_jafsec.stores.sql import sqlite
from flask_jafsec.stores.sql.address import Address
from flask_jafsec.stores.sql.schema_state import SchemaState, Standing, read_state
from flask_jafsec.stores.tables import EPOCH, METADATA, REVISIONS, SCHEMA

#: What brings a database to the schema this code works with.
COMMAND = "flask jafsec db upgrade"

#: ``RETURNING`` came with this release. Source: https://sqlite.org/lang_returning.html.
OLDEST_SQLITE = (3, 35, 0)

#: How long looking for damage may delay a start, in seconds. Larger files are looked at in part.
DAMAGE_CHECK_S = 0.2

#: How many steps SQLite's machine takes between two looks at the clock.
_STEPS = 10_000


def prepare(engine: Engine, address: Address, *, create: bool, lock_s: float) -> None:
    """Return when the database can be used.

    Args:
        create: Whether to make the schema in a SQLite file without any table.
        lock_s: How long to wait for another process that is making it.

    Raises:
        SchemaOutdated: It stands at another schema; the message names the command that helps.
        StoreUnavailable: The file is damaged, or of a kind this SQLite cannot read.
    """
    if address.path is not None:
        _prepare_file(engine, address.path, create=create, lock_s=lock_s)
    with engine.connect() as connection:
        require_current(read_state(connection), address)


def require_current(state: SchemaState, address: Address) -> None:
    """Refuse every schema but the one this code works with. Raises SchemaOutdated."""
    if state.state is Standing.CURRENT:
        return
    what = {
        Standing.EMPTY: f"has no tables of ours yet; run: {COMMAND}",
        Standing.FOREIGN: "has tables with our names but no revision; restore it, or use another",
        Standing.NEWER: f"stands at schema {state.current!r}; this code is older and only knows "
        f"up to {state.wanted!r}: install the newer version again",
        Standing.OLDER: f"stands at schema {state.current!r}, wanted {state.wanted!r}; "
        f"run: {COMMAND}",
    }
    raise SchemaOutdated(f"{address.name} {what[state.state]}")


def create_schema(connection: Connection) -> None:
    """Make every table as the migrations would, and write their last revision down."""
    METADATA.create_all(connection, checkfirst=False)
    SCHEMA.create(connection)
    connection.execute(EPOCH.insert(), {"id": 1, "n": 0})
    connection.execute(SCHEMA.insert(), {"version_num": REVISIONS[-1]})


def create_file(path: Path) -> None:
    """Make the file, for its owner only, if there is none.

    SQLite would let everybody on the machine read it. Its helper files (-wal, -shm) get the
    same mode. Raises OSError.
    """
    # Never a file that is there: closing it would drop the locks this process holds on it through
    # SQLite, and another process would then delete the log this one is writing.
    # Source: https://sqlite.org/howtocorrupt.html section 2.2.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


@contextmanager
def schema_lock(path: Path, wait_s: float) -> Iterator[None]:
    """Hold the lock of all processes that want to change the schema of the file *path*.

    SQLite's own lock comes too late: it needs the file, and opening a new file changes it.

    The folder of the file is made where it is missing, as Flask makes no instance folder: for its
    owner only, because SQLite's helper files lie beside the database.

    Raises:
        StoreUnavailable: Another process did not finish in time.
        OSError: The folder or the lock's file cannot be made.
    """
    deadline = time.monotonic() + wait_s
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(f"{path}.schemalock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not _locked(descriptor):
            if time.monotonic() > deadline:
                raise StoreUnavailable(f"another process is changing the schema of {path}")
            time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)


def _prepare_file(engine: Engine, path: Path, *, create: bool, lock_s: float) -> None:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise StoreUnavailable(f"SQLite {sqlite3.sqlite_version} is too old; needs 3.35 or newer")
    if not create:
        if not path.exists():
            raise SchemaOutdated(f"there is no file {path} yet; run: {COMMAND}")
    elif _is_blank(engine, path):
        with schema_lock(path, lock_s):
            create_file(path)
            with engine.connect() as connection:
                connection.exec_driver_sql(sqlite.BEGIN_WRITING)
                if read_state(connection).blank:
                    create_schema(connection)
                connection.commit()
    _look_for_damage(engine, path)


def _is_blank(engine: Engine, path: Path) -> bool:
    if not path.exists() or path.stat().st_size == 0:
        return True
    with engine.connect() as connection:
        return read_state(connection).blank


def _look_for_damage(engine: Engine, path: Path) -> None:
    deadline = time.monotonic() + DAMAGE_CHECK_S
    with engine.connect() as connection:
        # SQLAlchemy types every driver's connection alike.
        driver = cast("sqlite3.Connection", connection.connection.driver_connection)
        driver.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
        try:
            found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        except OperationalError as error:
            if "interrupted" not in str(error):
                raise
            found = "ok"
        finally:
            driver.set_progress_handler(None, 0)
    if found != "ok":
        raise StoreUnavailable(f"the SQLite file {path} is damaged; restore it from a copy")


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
