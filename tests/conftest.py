"""Fixtures for all tests: real servers, one for the whole run, with a fresh place for each test."""

import contextlib
import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from hypothesis import settings
from lifelike import Filled
from psycopg import sql

from flask_jafsec.audit import lifetime
from flask_jafsec.audit.trail import Trail
from tests.lifelike import Lifelike, make, opened
from tests.servers import STARTING_S, running, start_postgres, start_valkey

#: Where the servers' folders are handed to the processes of pytest-xdist.
_FOLDERS = pytest.StashKey[dict[str, str]]()
_SERVERS = pytest.StashKey[contextlib.ExitStack]()

# Two processes share two cores here: how long one example takes says nothing.
settings.register_profile("jafsec", deadline=None)
settings.load_profile("jafsec")


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """The PostgreSQL of this run: makes and drops databases."""

    folder: Path

    def url(self, database: str) -> str:
        """Return the SQLAlchemy URL of *database*."""
        return f"postgresql+psycopg://postgres@/{database}?host={self.folder}"

    def create(self, database: str) -> None:
        # Without fsync, copying files takes half the time of writing them through the log.
        statement = sql.SQL("CREATE DATABASE {} STRATEGY FILE_COPY")
        self._run(statement.format(sql.Identifier(database)))

    def drop(self, database: str) -> None:
        # A test that left a connection open has a leak of its own; the database goes anyway.
        self._run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))

    def _run(self, statement: sql.Composed) -> None:
        with self._connected() as connection:
            connection.execute(statement)

    def _connected(self) -> psycopg.Connection[Any]:
        # The socket answers a little before the server takes anybody in.
        deadline = time.monotonic() + STARTING_S
        while True:
            try:
                return psycopg.connect(
                    host=str(self.folder), user="postgres", dbname="postgres", autocommit=True
                )
            except psycopg.OperationalError as error:
                if "starting up" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_SERVERS] = contextlib.ExitStack()


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[_SERVERS].close()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Start both servers once, before the first process of pytest-xdist, and tell each where."""
    if _FOLDERS not in node.config.stash:
        postgres, valkey = start_postgres(), start_valkey()
        node.config.stash[_SERVERS].enter_context(running(postgres, valkey))
        node.config.stash[_FOLDERS] = {
            "postgres": str(postgres.folder),
            "valkey": str(valkey.folder),
        }
    node.workerinput["jafsec_folders"] = node.config.stash[_FOLDERS]


def _folder(config: pytest.Config, name: str, start: Callable[[], Any]) -> Path:
    workerinput: dict[str, Any] | None = getattr(config, "workerinput", None)
    if workerinput is not None:
        return Path(workerinput["jafsec_folders"][name])
    server = start()
    config.stash[_SERVERS].enter_context(running(server))
    return Path(server.folder)


@pytest.fixture(autouse=True)
def _push_request_context() -> None:
    """Take the place of pytest-flask's fixture, which makes all requests of a test share ``g``.

    Flask-Login keeps its user there: the second caller of a test would be taken for the first.
    """


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> PostgresServer:
    """The PostgreSQL of this run; most tests want ``postgres_url``."""
    return PostgresServer(_folder(request.config, "postgres", start_postgres))


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The SQLAlchemy URL of an empty database, dropped after the test."""
    database = f"test_{uuid.uuid4().hex}"
    postgres_server.create(database)
    yield postgres_server.url(database)
    postgres_server.drop(database)


@pytest.fixture(scope="session")
def valkey_socket(request: pytest.FixtureRequest) -> Path:
    """The socket of this run's Valkey; most tests want ``valkey_url``."""
    return _folder(request.config, "valkey", start_valkey) / "valkey.sock"


@pytest.fixture
def valkey_url(valkey_socket: Path) -> Iterator[str]:
    """The URL of an empty Valkey database, as `limits` takes it (redis-py wants ``unix://``).

    Each process of pytest-xdist has a numbered database of its own.
    """
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    with redis.Redis(unix_socket_path=str(valkey_socket), db=number) as client:
        client.flushdb()
        yield f"redis+unix://{valkey_socket}?db={number}"
        client.flushdb()


@pytest.fixture
def valkey_prefix() -> str:
    """A prefix of keys that no other test uses."""
    return f"test-{uuid.uuid4().hex}:"


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The SQLAlchemy URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'jafsec.sqlite'}"


@pytest.fixture(scope="session")
def lifelike_made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Filled]:
    """The folder with lifelike data of this run, and what stands in it; most want ``lifelike``."""
    folder = tmp_path_factory.mktemp("lifelike")
    return folder, make(folder)


@pytest.fixture
def lifelike(lifelike_made: tuple[Path, Filled], tmp_path: Path) -> Iterator[Lifelike]:
    """An app on lifelike data of its own; its clock stands still at the end of the story."""
    kept, filled = lifelike_made
    with opened(kept, tmp_path, filled) as app:
        yield app


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Stop what the apps of a test have started: the next test may fork, and threads hold locks."""
    yield
    for live in list(lifetime._watched):
        if isinstance(live, Trail) and live._writer is not None:
            live.close()
