"""Brings a database to the schema this code works with, by Alembic. Nothing else loads Alembic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from flask_jafsec.stores.sql.address import Address, parse_address
from flask_jafsec.stores.sql.database import database_of
from flask_jafsec.stores.sql.failures import fail
from flask_jafsec.stores.sql.first_use import create_file, require_current, schema_lock
from flask_jafsec.stores.sql.limits import Limits
from flask_jafsec.stores.sql.schema_state import SchemaState, Standing, read_state
from flask_jafsec.stores.tables import EPOCH, REVISIONS

__all__ = ["SchemaState", "Standing", "check", "try_writing", "upgrade"]

#: How long to wait for another process that is upgrading, in seconds.
UPGRADE_WAIT_S = 60.0

#: Steps may take long on large tables, so statements have no limit; locks do, because a step that
#: waits for a lock makes everybody behind it wait too.
LIMITS = Limits(statement_s=0, lock_s=5)

#: The PostgreSQL advisory lock of everybody who upgrades: "jafsec" in ASCII.
ADVISORY_LOCK = int.from_bytes(b"jafsec", "big")

_FOLDER = Path(__file__).with_name("migrations")


def check(url: str) -> SchemaState:
    """Return how the database's schema stands to the one this code works with. Reads only.

    Raises:
        StoreUnavailable: The database did not answer.
    """
    address = parse_address(url)
    if address.path is not None and not address.path.exists():
        return SchemaState(current="", wanted=REVISIONS[-1], state=Standing.EMPTY, blank=True)
    with _connected(address) as connection:
        return read_state(connection)


def try_writing(url: str) -> None:
    """Return when the database takes changes. Nothing is changed.

    Raises:
        StoreUnavailable: It does not, or did not answer.
    """
    address = parse_address(url)
    with _connected(address) as connection:
        connection.exec_driver_sql(database_of(address).begin_writing)
        connection.exec_driver_sql(f"UPDATE {EPOCH.name} SET n = n")  # noqa: S608 - our own table
        connection.rollback()


def upgrade(url: str) -> SchemaState:
    """Bring the database to the wanted schema, in one transaction; return how it stood before.

    Two processes that upgrade at once do it one after the other.

    Raises:
        SchemaOutdated: It stands at a schema this code does not know; nothing was changed.
        StoreUnavailable: The database did not answer; nothing was changed.
    """
    address = parse_address(url)
    with _alone(address) as connection:
        before = read_state(connection)
        if before.state in (Standing.FOREIGN, Standing.NEWER):
            require_current(before, address)
        if before.state is not Standing.CURRENT:
            _run_steps(connection)
        connection.commit()
    return before


@contextmanager
def _alone(address: Address) -> Iterator[Connection]:
    if address.path is None:
        with _connected(address) as connection:
            connection.exec_driver_sql(database_of(address).begin_writing)
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{UPGRADE_WAIT_S:.0f}s'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LIMITS.lock_s:.0f}s'")
            yield connection
        return
    try:
        with schema_lock(address.path, UPGRADE_WAIT_S):
            create_file(address.path)
            with _connected(address) as connection:
                # Making a table anew drops the old one, which would take its children along.
                connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
                connection.exec_driver_sql(database_of(address).begin_writing)
                yield connection
    except OSError as error:
        fail(address, error, "changing the schema")


@contextmanager
def _connected(address: Address) -> Iterator[Connection]:
    engine = database_of(address).make_engine(address, LIMITS, size=1, extra=0)
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        fail(address, error, "looking at or changing the schema")
    finally:
        engine.dispose()


def _run_steps(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    # Alembic reads "%" as the beginning of a name to be filled in.
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, REVISIONS[-1])
