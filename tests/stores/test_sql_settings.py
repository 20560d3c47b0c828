"""The settings each database is opened with, read back from the database."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flask_jafsec.errors import InvalidValue, StoreUnavailable
from flask_jafsec.stores import schema
from flask_jafsec.stores.sql.address import parse_address
from flask_jafsec.stores.sql.store import SqlStore


def ask(store: SqlStore, question: str) -> Any:
    """Return what a connection of the store itself answers."""
    store.epoch()
    assert store._engines is not None
    with store._engines.tables.connect() as connection:
        return connection.exec_driver_sql(question).scalar()


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("busy_timeout", 5000),
        ("foreign_keys", 1),
        ("secure_delete", 1),
    ],
)
def test_a_sqlite_connection_is_safe_and_waits(
    sqlite_store: SqlStore, pragma: str, value: object
) -> None:
    assert ask(sqlite_store, f"PRAGMA {pragma}") == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("statement_timeout", "2s"),
        ("lock_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "10s"),
        ("timezone", "UTC"),
        ("application_name", "flask-jafsec"),
        ("synchronous_commit", "on"),
    ],
)
def test_a_postgres_connection_has_time_limits(
    postgres_store: SqlStore, name: str, value: str
) -> None:
    assert ask(postgres_store, f"SHOW {name}") == value


def test_time_limits_can_be_changed(sqlite_url: str) -> None:
    store = SqlStore(sqlite_url, lock_timeout_s=0.25)

    assert ask(store, "PRAGMA busy_timeout") == 250

    store.close()


def test_only_the_owner_can_read_a_new_sqlite_file(sqlite_url: str, tmp_path: Path) -> None:
    store = SqlStore(sqlite_url)
    with store.writing() as tables:
        tables.facts.put("fingerprint", "abc")

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}

    assert {"jafsec.sqlite", "jafsec.sqlite-wal"} <= modes.keys()
    assert set(modes.values()) == {0o600}
    store.close()


@pytest.mark.parametrize(
    "open_first",
    [
        pytest.param(lambda url: SqlStore(url).epoch(), id="by its first use"),
        pytest.param(schema.upgrade, id="by an upgrade"),
    ],
)
def test_the_folder_of_a_sqlite_file_is_made_for_its_owner_only(
    tmp_path: Path, open_first: Callable[[str], object]
) -> None:
    folder = tmp_path / "instance"

    open_first(f"sqlite:///{folder / 'jafsec.sqlite3'}")

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_made_is_an_outage(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    url = f"sqlite:///{tmp_path / 'file' / 'jafsec.sqlite3'}"

    for open_first in (SqlStore(url).epoch, lambda: schema.upgrade(url)):
        with pytest.raises(StoreUnavailable):
            open_first()


def test_a_forgotten_value_is_gone_from_the_sqlite_file(sqlite_url: str, tmp_path: Path) -> None:
    store = SqlStore(sqlite_url)
    with store.writing() as tables:
        tables.facts.put("note", "findable" * 1000)
    with store.writing() as tables:
        tables.facts.put("note", "")
    # Closing the last connection moves everything into the file and removes the -wal.
    store.close()

    assert b"findable" not in (tmp_path / "jafsec.sqlite").read_bytes()


def test_nothing_is_opened_at_construction(sqlite_url: str, tmp_path: Path) -> None:
    SqlStore(sqlite_url)
    SqlStore("postgresql://nobody:secret@192.0.2.1/none")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_way_to_write_postgres_means_the_same(scheme: str) -> None:
    url = parse_address(f"{scheme}://ada:s%40crit@db:6432/app?sslmode=require").url

    assert url.drivername == "postgresql+psycopg"
    assert (url.password, url.port, url.query["sslmode"]) == ("s@crit", 6432, "require")


def test_a_relative_path_means_the_folder_of_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    address = parse_address("sqlite:///app.db")
    monkeypatch.chdir("/")

    assert address.path == tmp_path / "app.db"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "secret",
        "mysql://ada:secret@db/app",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:x.db?mode=memory&uri=true",
        "sqlite:///x.db?timeout=1",
        "postgresql://ada:secret@db:port/app",
        "postgresql+psycopg2://ada:secret@db/app",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        SqlStore(url)

    assert caught.value.field == "url"
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
