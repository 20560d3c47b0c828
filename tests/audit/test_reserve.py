"""Room for the last events on a full disk (fault matrix, row 8)."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flask_jafsec.audit.reserve import Reserve

SIZE = 1 << 20

#: Fills a disk on which everything stands, has events written, makes room, and has them imported.
PROGRAM = """
import errno, sys
from pathlib import Path
from flask_jafsec.audit.keeping import Keeper
from flask_jafsec.audit.reserve import Reserve
from flask_jafsec.audit.spool import Spool
from flask_jafsec.errors import AuditUnavailable
from tests.audit.log_setting import event, log_on, result_of
from tests.audit.test_keeping import Signing
disk = Path(sys.argv[1])
recorded = []

def fill():
    with (disk / "filler").open("ab", buffering=0) as filler:
        try:
            while filler.write(bytes(4096)):
                pass
        except OSError as error:
            assert error.errno == errno.ENOSPC

with log_on(f"sqlite:///{disk}/db", disk / "spool") as log:
    keeper = Keeper(log.audit, log.spool, Signing(), Signing(), log.clock,
                    folder=log.folder, record=recorded.append)
    log.spool.reserve = Reserve(log.folder, 1 << 20)
    log.keep(event(code="before"))
    keeper.tick()
    fill()
    kept = [log.keep(event(code=f"full {number}"))[0] for number in range(100)]
    assert [result_of(item) for item in kept] == [None] * 100
    keeper._look_after_reserve()
    assert [each.type for each in recorded] == ["audit.disk_full"], recorded
    fill()
    (refused,) = log.keep(event(code="too much", facts={"x": "y" * 4000}))
    try:
        result_of(refused)
        raise SystemExit("it was kept somewhere")
    except AuditUnavailable:
        pass
    (disk / "filler").unlink()
    log.later()
    (after,) = log.keep(event(code="after"))
    assert result_of(after) is None
    keeper.tick()
    keeper.tick()
    assert (log.folder / "reserve").stat().st_blocks * 512 >= 1 << 20
    assert not log.spool.reserve.was_given_up
    assert len(log.adopt()) <= 2
    codes = log.kept()
wanted = ["before", *(f"full {number}" for number in range(100)), "after"]
assert sorted(codes) == sorted(wanted), codes
"""


def test_a_full_disk_takes_the_last_events_says_so_and_goes_on_when_there_is_room(
    tmp_path: Path,
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=4m none "$0" && exec "$@"']
    if shutil.which("unshare") is None:
        pytest.skip("this system cannot make a disk for one process")
    if subprocess.run([*mount, disk, "true"], check=False).returncode:
        pytest.skip("this user cannot make a small disk")

    done = subprocess.run(
        [*mount, disk, sys.executable, "-c", PROGRAM, disk],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_the_room_is_kept_once_and_given_up_once(tmp_path: Path) -> None:
    first, second = Reserve(tmp_path, SIZE), Reserve(tmp_path, SIZE)

    first.make()
    second.make()
    (kept,) = tmp_path.iterdir()
    assert kept.stat().st_blocks * 512 >= SIZE
    assert kept.stat().st_mode & 0o777 == 0o600
    first.give_up()
    second.give_up()

    assert list(tmp_path.iterdir()) == []
    assert (first.was_given_up, second.was_given_up) == (True, False)
    first.make()
    assert not first.was_given_up


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "reserve").symlink_to(tmp_path / "elsewhere")

    Reserve(tmp_path, SIZE).make()

    assert not (tmp_path / "elsewhere").exists()
