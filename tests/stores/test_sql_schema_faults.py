"""The schema when something goes wrong: failing steps, killed processes, several at once."""

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, NullPool, create_engine, event

from flask_jafsec.stores import schema
from flask_jafsec.stores.schema import Standing
from flask_jafsec.stores.sql.address import parse_address
from flask_jafsec.stores.sql.first_use import create_file
from flask_jafsec.stores.sql.store import SqlStore
from flask_jafsec.stores.tables import EPOCH, REVISIONS

#: More than the statements of any upgrade. The loops end by themselves long before.
MANY = 200


class Broken(Exception):
    """Raised by the tests in the middle of an upgrade."""


@contextmanager
def at_statement(number: int, act: Any) -> Iterator[None]:
    """Call *act* before the statement of this number, counted over all engines."""
    seen = iter(range(MANY))

    def count(*_: object) -> None:
        if next(seen) == number:
            act()

    event.listen(Engine, "before_cursor_execute", count)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", count)


def fail() -> None:
    raise Broken


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_an_upgrade_that_fails_at_any_statement_leaves_nothing(empty_url: str) -> None:
    schema.check(empty_url)
    for number in range(MANY):
        with at_statement(number, fail):
            try:
                schema.upgrade(empty_url)
            except Broken:
                state = None
            else:
                break
        state = schema.check(empty_url)
        assert (state.state, state.blank) == (Standing.EMPTY, True), f"statement {number}"

    assert number > 20
    assert schema.check(empty_url).state is Standing.CURRENT


def upgrade_and_die(url: str, number: int) -> None:
    with at_statement(number, kill):
        schema.upgrade(url)


def test_an_upgrade_that_is_killed_at_any_statement_leaves_nothing(empty_url: str) -> None:
    fork = multiprocessing.get_context("fork")
    for number in range(MANY):
        child = fork.Process(target=upgrade_and_die, args=(empty_url, number))
        child.start()
        child.join()
        if child.exitcode == 0:
            break
        assert child.exitcode == -signal.SIGKILL
        state = schema.check(empty_url)
        assert (state.state, state.blank) == (Standing.EMPTY, True), f"statement {number}"

    assert number > 20
    assert schema.check(empty_url).state is Standing.CURRENT


def stand_at_first(url: str) -> None:
    """Make the schema of the first release there was, with something in it."""
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).with_name("migrations")))
    with schema._alone(parse_address(url)) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, REVISIONS[0])
        connection.exec_driver_sql(f"UPDATE {EPOCH.name} SET n = 7")
        connection.commit()


def epoch_of(url: str) -> int:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        n: int = connection.exec_driver_sql(f"SELECT n FROM {EPOCH.name}").scalar_one()
    return n


def test_an_upgrade_of_a_database_in_use_that_is_killed_at_any_statement_changes_nothing(
    empty_url: str,
) -> None:
    stand_at_first(empty_url)
    fork = multiprocessing.get_context("fork")
    for number in range(MANY):
        child = fork.Process(target=upgrade_and_die, args=(empty_url, number))
        child.start()
        child.join()
        if child.exitcode == 0:
            break
        assert child.exitcode == -signal.SIGKILL
        state = schema.check(empty_url)
        assert (state.state, state.current) == (Standing.OLDER, REVISIONS[0]), f"at {number}"
        assert epoch_of(empty_url) == 7

    assert number > 20
    assert schema.check(empty_url).state is Standing.CURRENT
    assert epoch_of(empty_url) == 7


def test_making_a_sqlite_file_that_is_killed_at_any_statement_is_done_again(
    sqlite_url: str,
) -> None:
    def make(number: int) -> None:
        with at_statement(number, kill):
            SqlStore(sqlite_url).epoch()

    fork = multiprocessing.get_context("fork")
    for number in range(MANY):
        child = fork.Process(target=make, args=(number,))
        child.start()
        child.join()
        if child.exitcode == 0:
            break
        assert schema.check(sqlite_url).state in (Standing.EMPTY, Standing.CURRENT)

    assert number > 20
    assert SqlStore(sqlite_url).epoch() == 0


def in_processes(number: int, target: Any, *arguments: Any) -> list[int | None]:
    """Return the exit codes of *number* fresh processes that ran *target* at the same time."""
    spawn = multiprocessing.get_context("forkserver")
    barrier = spawn.Barrier(number)
    children = [spawn.Process(target=target, args=(barrier, *arguments)) for _ in range(number)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    return [child.exitcode for child in children]


def use_store(barrier: Any, url: str) -> None:
    store = SqlStore(url)
    barrier.wait()
    with store.writing() as tables:
        tables.raise_epoch()


def run_upgrade(barrier: Any, url: str) -> None:
    barrier.wait()
    schema.upgrade(url)


@pytest.mark.parametrize("attempt", range(3))
def test_processes_that_start_at_once_make_one_schema(sqlite_url: str, attempt: int) -> None:
    assert in_processes(4, use_store, sqlite_url) == [0] * 4

    assert SqlStore(sqlite_url).epoch() == 4


def test_processes_that_upgrade_at_once_do_it_one_after_the_other(empty_url: str) -> None:
    assert in_processes(4, run_upgrade, empty_url) == [0] * 4

    assert schema.check(empty_url).state is Standing.CURRENT


def write_elsewhere(path: str) -> int:
    """Return whether another process can write to the file now."""
    program = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=0); "
        "c.execute('INSERT INTO t VALUES (2)'); c.commit()"
    )
    return subprocess.run(
        [sys.executable, "-c", program, path], check=False, stderr=subprocess.DEVNULL
    ).returncode


def test_making_sure_of_the_file_drops_no_lock_on_it(tmp_path: Path) -> None:
    path = tmp_path / "file.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (n)")
        connection.execute("BEGIN IMMEDIATE")

        create_file(path)

        assert write_elsewhere(str(path)) != 0
        connection.execute("COMMIT")
    assert write_elsewhere(str(path)) == 0
