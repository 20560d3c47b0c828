"""What is confirmed survives a power cut (fault matrix, row 11).

Nobody pulls a plug here. Instead: every call that reaches the disk is written down, and what would
be left if only the confirmed ones had been carried out must hold every confirmed event.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from flask_jafsec.audit.journal import Journal
from flask_jafsec.audit.journal_lines import read_lines
from flask_jafsec.stores.sql.store import Pool, SqlStore
from tests.audit.log_setting import Setting, database_url, event, log_on, result_of
from tests.stores.conftest import make_tables


class Disk:
    """Writes down which names and how many bytes are on the disk for sure."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bytes: dict[Path, int] = {}
        self.names: set[Path] = set()
        self.calls: list[str] = []
        real = {name: getattr(os, name) for name in ("fsync", "fdatasync")}

        def sync(name: str, descriptor: int) -> None:
            real[name](descriptor)
            path = Path(f"/proc/self/fd/{descriptor}").readlink()
            self.calls.append(f"{name} {path.name}")
            if path.is_dir():
                self.names |= set(path.iterdir())
            else:
                self.bytes[path] = os.fstat(descriptor).st_size

        for name in real:
            monkeypatch.setattr(os, name, lambda number, name=name: sync(name, number))

    def left(self, folder: Path) -> dict[str, bytes]:
        """Return the files of *folder* as they are after the power is back, at the worst."""
        return {
            path.name: path.read_bytes()[: self.bytes.get(path, 0)]
            for path in folder.iterdir()
            if path in self.names
        }


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.fixture
def away(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Setting]:
    """A log whose database is away."""
    url = database_url(request, "sqlite")
    nowhere = f"sqlite:///{tmp_path}/no-folder/db"
    (tmp_path / "no-folder").write_bytes(b"")
    with log_on(url, tmp_path / "spool", store_url=nowhere) as log:
        yield log


def test_every_confirmed_event_of_a_journal_is_on_the_disk(
    disk: Disk, away: Setting, tmp_path: Path
) -> None:
    assert away.folder is not None
    confirmed = 0
    for _ in range(20):
        items = away.keep(event(), event())
        confirmed += sum(result_of(item) is None for item in items)

        left = disk.left(away.folder)
        (content,) = left.values()
        (tmp_path / "after").write_bytes(content)
        lines = [line for line in read_lines(tmp_path / "after", 0) if line.row is not None]
        assert len(lines) == confirmed


def test_a_journal_has_its_name_on_the_disk_before_anything_is_in_it(
    disk: Disk, tmp_path: Path
) -> None:
    with closing(Journal.create(tmp_path, "a" * 16)) as journal:
        named = list(disk.calls)
        journal.append(b"line\n")

    assert named == [f"fsync {tmp_path.name}"]
    assert disk.calls[1:] == [f"fdatasync {'a' * 16}.j"]
    assert tmp_path / ("a" * 16 + ".j") in disk.names


@pytest.mark.parametrize("pool", ["tables", "audit", "background"])
def test_every_connection_to_sqlite_waits_for_the_disk(sqlite_url: str, pool: Pool) -> None:
    with (
        closing(SqlStore(sqlite_url)) as store,
        store.transaction(pool, writing=True) as transaction,
    ):
        connection = transaction._connection

        # 2 is FULL: the log is synchronised at each commit. Source: https://sqlite.org/pragma.html
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


@pytest.mark.parametrize("pool", ["tables", "audit", "background"])
def test_no_connection_to_postgresql_turns_waiting_for_the_disk_off(
    postgres_url: str, pool: Pool
) -> None:
    make_tables(postgres_url)
    with (
        closing(SqlStore(postgres_url)) as store,
        store.transaction(pool, writing=True) as transaction,
    ):
        connection = transaction._connection

        # Set by the server's administrator alone, in any of the places there are.
        source = "SELECT source FROM pg_settings WHERE name = 'synchronous_commit'"
        assert connection.exec_driver_sql(source).scalar() != "session"
