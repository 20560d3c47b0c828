"""A copy of an installation's database, as a backup has it, and putting it back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Protocol

import pytest
from psycopg import sql
from sqlalchemy import make_url

from tests.conftest import PostgresServer
from tests.load.installation import Installation


class Copies(Protocol):
    """What makes one copy and puts it back; nobody may use the database meanwhile."""

    def make(self) -> None:
        """Copy the database as it is now."""

    def put_back(self) -> None:
        """Have the database be as the copy."""


class FileCopies:
    """Of an SQLite file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._copy = path.with_suffix(".copy")

    def make(self) -> None:
        _copy_file(self._path, self._copy)

    def put_back(self) -> None:
        for name in ("", "-wal", "-shm"):
            Path(f"{self._path}{name}").unlink(missing_ok=True)
        _copy_file(self._copy, self._path)


class ServerCopies:
    """Of a PostgreSQL database."""

    def __init__(self, server: PostgresServer, database: str) -> None:
        self._server = server
        self._database = database
        self._copy = f"{database}_copy"

    def make(self) -> None:
        self._create(self._copy, self._database)

    def put_back(self) -> None:
        self._server.drop(self._database)
        self._create(self._database, self._copy)

    def _create(self, name: str, template: str) -> None:
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self._server._run(statement.format(sql.Identifier(name), sql.Identifier(template)))

    def close(self) -> None:
        """Drop the copy."""
        self._server._run(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(self._copy)))


def copies_of(request: pytest.FixtureRequest, installation: Installation) -> Iterator[Copies]:
    """Yield what copies the installation's database, whatever it is."""
    url = make_url(installation.url)
    assert url.database is not None
    if url.get_backend_name() == "sqlite":
        yield FileCopies(Path(url.database))
        return
    server = request.getfixturevalue("postgres_server")
    with closing(ServerCopies(server, url.database)) as copies:
        yield copies


def _copy_file(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
