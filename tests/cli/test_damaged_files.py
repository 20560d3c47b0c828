"""Bytes of the database's file change by themselves (fault matrix, row 12)."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.stores.sql.store import SqlStore
from flask_jafsec.web.extension import state_of
from tests.apps import OPERATOR
from tests.cli.test_audit import Site

#: Source: fault matrix, row 12.
PLACES = 200

#: What must read as it was written, or be found: everything ``verify`` vouches for.
READ = (
    "SELECT leaf_index, leaf_hash, envelope, mac, mac_key FROM jafsec_audit_leaf"
    " JOIN jafsec_audit_event USING (writer_id, n) WHERE leaf_index <= 60 ORDER BY leaf_index",
    "SELECT size, root, note FROM jafsec_audit_checkpoint WHERE size <= 61 ORDER BY size",
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a log of some size, in one file."""
    folder = tmp_path_factory.mktemp("whole")
    site = Site(folder)
    keys = state_of(site.app).keys
    for number in range(60):
        keys.mint(f"key {number}", scopes=["agent:read"], by=OPERATOR)
    site.settle()
    site.run("audit", "verify")
    state_of(site.app).store.close()
    with closing(sqlite3.connect(site.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return folder


def read_all(path: Path) -> Sequence[object]:
    with closing(sqlite3.connect(path)) as connection:
        return [connection.execute(query).fetchall() for query in READ]


def damaged(whole: Path, folder: Path, rng: random.Random) -> Path:
    """Return a copy of the folder with one changed byte in the database's file."""
    shutil.copytree(whole, folder, ignore=shutil.ignore_patterns("*-wal", "*-shm"))
    path = folder / "jafsec.sqlite3"
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("part", range(8))
def test_a_changed_byte_is_found_or_harmless_and_never_a_traceback(
    whole: Path, tmp_path: Path, part: int
) -> None:
    rng = random.Random(part)
    wanted = read_all(whole / "jafsec.sqlite3")
    found = 0
    for number in range(PLACES // 8):
        path = damaged(whole, tmp_path / str(number), rng)
        site = Site(path.parent)

        result = site.app.test_cli_runner().invoke(args=["jafsec", "audit", "verify"])

        assert isinstance(result.exception, SystemExit | None), result.exception
        assert result.exit_code in (0, 1, 2, 4), result.output
        assert "Traceback" not in result.output
        if result.exit_code == 0:
            assert read_all(path) == wanted, result.output
        found += result.exit_code != 0
        state_of(site.app).services.trail.close()
        state_of(site.app).store.close()
    assert found > 0


@pytest.mark.parametrize("part", range(4))
def test_a_damaged_file_is_refused_in_words_or_can_be_used(
    whole: Path, tmp_path: Path, part: int
) -> None:
    rng = random.Random(100 + part)
    for number in range(PLACES // 4):
        path = damaged(whole, tmp_path / str(number), rng)
        with closing(SqlStore(f"sqlite:///{path}")) as store:
            said = str(path)
            try:
                store.epoch()
                with store.writing() as tables:
                    tables.raise_epoch()
            except StoreUnavailable as error:
                said = str(error)
            assert str(path) in said


def test_a_file_whose_first_page_is_gone_is_said_to_be_damaged(whole: Path, tmp_path: Path) -> None:
    path = damaged(whole, tmp_path / "copy", random.Random(0))
    content = path.read_bytes()
    path.write_bytes(content[:100] + bytes(len(content) - 100))
    site = Site(path.parent)

    result = site.app.test_cli_runner().invoke(args=["jafsec", "audit", "verify"])

    assert result.exit_code == 4
    assert "Traceback" not in result.output
    assert (
        "damaged" in result.output or "malformed" in result.output or "no tables" in result.output
    )
    state_of(site.app).services.trail.close()
