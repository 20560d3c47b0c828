"""Where a database is: its URL, checked and in one form. Nothing is opened here."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from flask_jafsec.errors import InvalidValue

_POSTGRES = ("postgres", "postgresql", "postgresql+psycopg")
_SQLITE = ("sqlite", "sqlite+pysqlite")


@dataclass(frozen=True, slots=True)
class Address:
    """A database that can be used."""

    url: URL = field(repr=False)
    path: Path | None
    """The file, for SQLite only."""

    @property
    def name(self) -> str:
        """Return the database in the words of a message, without user and password."""
        if self.path is not None:
            return f"the SQLite file {self.path}"
        return f"the PostgreSQL database {self.url.database or ''!r}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return what must not stand in any message."""
        found = [self.url.password, *_texts(self.url.query.get("password", ()))]
        return tuple(secret for secret in found if secret)


def parse_address(url: str) -> Address:
    """Return the address that *url* means.

    A relative SQLite path is taken from the folder the process is in now, not later.

    Raises:
        InvalidValue: No such URL can be used; the message holds no part of it.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # The cause is left out on purpose: it may quote the URL, and with it the password.
        raise InvalidValue("url", "is not a database URL") from None
    if parsed.drivername in _POSTGRES:
        return Address(parsed.set(drivername="postgresql+psycopg"), None)
    if parsed.drivername in _SQLITE:
        return _sqlite(parsed)
    raise InvalidValue("url", "must begin with sqlite:/// or postgresql://")


def _sqlite(parsed: URL) -> Address:
    name = parsed.database or ":memory:"
    if name == ":memory:":
        raise InvalidValue(
            "url", "SQLite in memory would be another database for every thread; name a file"
        )
    if parsed.query or name.startswith("file:"):
        raise InvalidValue("url", "a SQLite URL takes a path and nothing else")
    path = Path(name).absolute()
    return Address(URL.create("sqlite+pysqlite", database=str(path)), path)


def _texts(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value
