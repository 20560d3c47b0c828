"""What differs between the two kinds of database, as one value for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Engine

from flask_jafsec.errors import InvalidValue
from flask_jafsec.stores.sql.address import Address
from flask_jafsec.stores.sql.limits import Limits


class MakeEngine(Protocol):
    """Makes engines; ``size`` connections are kept, ``extra`` more are opened when needed."""

    def __call__(self, address: Address, limits: Limits, *, size: int, extra: int) -> Engine:
        """Return an engine whose connections are in autocommit mode; nothing is opened yet."""


@dataclass(frozen=True, slots=True)
class Database:
    """One kind of database."""

    make_engine: MakeEngine
    begin_reading: str
    begin_writing: str
    has_one_writer: bool
    """Whether only one transaction at a time can write."""
    is_timeout: Callable[[BaseException | None], bool]
    """Whether a driver's error means that waiting took too long."""


def database_of(address: Address) -> Database:
    """Return the kind of database at *address*; only its driver is loaded.

    Raises:
        InvalidValue: The driver is not installed.
    """
    if address.path is not None:
        from flask_jafsec.stores.sql.sqlite import SQLITE

        return SQLITE
    try:
        from flask_jafsec.stores.sql.postgres import POSTGRES
    except ImportError as error:
        hint = "PostgreSQL needs a driver: pip install 'flask-jafsec[postgres]'"
        raise InvalidValue("url", hint) from error
    return POSTGRES
