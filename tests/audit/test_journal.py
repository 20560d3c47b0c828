"""The journal: whole lines, one owner, and never used again after an error."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flask_jafsec.audit.journal import (
    Journal,
    JournalFailed,
    folder_bytes,
    left_behind,
    prepare_folder,
    remove_unfinished,
)
from flask_jafsec.audit.journal_lines import lines_of
from flask_jafsec.audit.rows import EventRow
from tests.audit.log_setting import files_may_have

WRITER = "0123456789abcdef"
ROW = EventRow(WRITER, 1, b'{"n":1}', b"m" * 32, "r1")

# Python 3.12 and newer warn of what is tested here: a fork while other threads run.
pytestmark = pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded:DeprecationWarning"
)


def adopted(folder: Path) -> list[str]:
    """Return whose journals are left behind; they are let go again."""
    found = []
    for left in left_behind(folder):
        found.append(left.writer_id)
        left.close()
    return found


# -- the file --


def test_a_journal_is_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "spool"
    prepare_folder(folder)

    with open_journal(folder) as journal:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600


@contextmanager
def open_journal(folder: Path, writer_id: str = WRITER) -> Iterator[Journal]:
    journal = Journal.create(folder, writer_id)
    try:
        yield journal
    finally:
        journal.close()


def test_a_file_that_is_there_is_never_taken_over(tmp_path: Path) -> None:
    (tmp_path / f"{WRITER}.j").write_bytes(b"somebody's")

    with pytest.raises(JournalFailed):
        Journal.create(tmp_path, WRITER)

    assert (tmp_path / f"{WRITER}.j").read_bytes() == b"somebody's"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / f"{WRITER}.j").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(JournalFailed):
        Journal.create(tmp_path, WRITER)

    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("name", ["a-file", "a-file/below"])
def test_a_folder_that_cannot_be_made_is_said_to_be_so(tmp_path: Path, name: str) -> None:
    (tmp_path / "a-file").write_bytes(b"")

    with pytest.raises(JournalFailed, match="a-file"):
        prepare_folder(tmp_path / name)


def test_the_size_of_all_journals_is_counted(tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_bytes(b"x" * 1_000)
    with open_journal(tmp_path) as one, open_journal(tmp_path, "f" * 16) as other:
        one.append(b"x" * 100)
        other.append(b"x" * 50)

        assert folder_bytes(tmp_path) == 150
        assert folder_bytes(tmp_path / "nowhere") == 0


# -- after an error --


def test_what_was_not_confirmed_is_taken_back_and_the_file_not_used_again(
    tmp_path: Path,
) -> None:
    with open_journal(tmp_path) as journal:
        journal.append(b"kept\n")
        with files_may_have(8), pytest.raises(JournalFailed, match=os.strerror(errno.EFBIG)):
            journal.append(b"0123456789\n")

        with pytest.raises(JournalFailed):
            journal.append(b"more\n")

    assert journal.path.read_bytes() == b"kept\n"
    assert adopted(tmp_path) == [WRITER]


def test_a_file_that_holds_nothing_does_not_stay(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        with files_may_have(0), pytest.raises(JournalFailed):
            journal.append(b"0123456789\n")

        assert not journal.path.exists()


def test_an_error_while_confirming_is_an_error(tmp_path: Path) -> None:
    # A pipe takes the bytes and cannot be synced: what a disk that fails does, without one.
    reading, writing = os.pipe()
    journal = Journal(tmp_path / "pipe.j", writing)

    with pytest.raises(JournalFailed, match=os.strerror(errno.EINVAL)):
        journal.append(b"bytes\n")

    with pytest.raises(JournalFailed):
        journal.append(b"more\n")
    os.close(reading)


# -- who owns it --

HOLD = """
import sys
from pathlib import Path
from flask_jafsec.audit.journal import Journal
journal = Journal.create(Path(sys.argv[1]), sys.argv[2])
journal.append(b"line\\n")
print("held", flush=True)
sys.stdin.read()
"""


def test_the_journal_of_a_living_process_is_its_own_until_it_dies(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path), WRITER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"

        while_it_lives = adopted(tmp_path)
        process.kill()
        process.wait()

    assert while_it_lives == []
    assert adopted(tmp_path) == [WRITER]


def test_two_never_adopt_the_same_journal(tmp_path: Path) -> None:
    Journal.create(tmp_path, WRITER).close()

    first = list(left_behind(tmp_path))
    second = list(left_behind(tmp_path))

    assert [left.writer_id for left in first] == [WRITER]
    assert second == []
    first[0].close()


def test_a_child_that_let_go_does_not_keep_its_parent_s_journal(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, WRITER)
    told, telling = os.pipe()
    stop_reading, stop_writing = os.pipe()
    child = os.fork()
    if child == 0:
        journal.close()
        os.write(telling, b"closed")
        os.close(stop_writing)
        os.read(stop_reading, 1)
        os._exit(0)
    os.close(stop_reading)
    os.read(told, 6)

    # While the child lives: the parent still has its lock, and gives it up alone.
    while_the_parent_has_it = adopted(tmp_path)
    journal.close()
    after = adopted(tmp_path)

    os.close(stop_writing)
    os.waitpid(child, 0)
    for end in (told, telling):
        os.close(end)
    assert while_the_parent_has_it == []
    assert after == [WRITER]


def test_what_others_put_there_is_not_adopted(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(lines_of([ROW], [], [], []))
    (tmp_path / ("a" * 16 + ".j")).symlink_to(elsewhere)
    os.mkfifo(tmp_path / ("b" * 16 + ".j"))
    (tmp_path / ("c" * 16 + ".j")).mkdir()
    (tmp_path / "not-a-writer.j").write_bytes(b"")

    assert adopted(tmp_path) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_another_user_wrote_is_not_adopted(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        os.chown(journal.path, 65534, 65534)
    skipped: list[Path] = []

    assert list(left_behind(tmp_path, skipped.append)) == []
    assert skipped == [journal.path]


def test_a_file_whose_process_died_before_it_was_locked_is_removed_after_a_while(
    tmp_path: Path,
) -> None:
    young, with_something = tmp_path / ("a" * 16 + ".new"), tmp_path / ("b" * 16 + ".new")
    young.touch()
    with_something.write_bytes(b"not ours to judge")
    (tmp_path / ("c" * 16 + ".new")).mkdir()
    (tmp_path / ("d" * 16 + ".new")).symlink_to(young)
    made = young.stat().st_mtime

    remove_unfinished(tmp_path, made + 1)
    kept = young.exists()
    remove_unfinished(tmp_path, made + 3_600)

    assert kept
    assert sorted(path.name[0] for path in tmp_path.iterdir()) == ["b", "c", "d"]
