"""The file: whole lines, on the disk, in whatever file has the name now."""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

import pytest

from flask_jafsec.audit.sinks.file import LineFile
from flask_jafsec.audit.sinks.target import TargetFailed
from tests.audit.sinks.made import HOSTILE, event, hostile_records, leaves_of, record


def test_each_event_is_one_line_whatever_it_holds(tmp_path: Path) -> None:
    target = LineFile(tmp_path / "audit.jsonl")

    target.send(hostile_records())
    target.send([record(event(), 99)])

    text = (tmp_path / "audit.jsonl").read_bytes()
    assert leaves_of(text.splitlines()) == [*range(len(HOSTILE)), 99]
    assert leaves_of([line.encode() for line in text.decode().splitlines()])[-1] == 99


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    LineFile(tmp_path / "audit.jsonl").send([record(event())])

    assert stat.S_IMODE((tmp_path / "audit.jsonl").stat().st_mode) == 0o600


def test_after_a_rotation_lines_go_to_the_new_file(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    target = LineFile(path)
    target.send([record(event(), 1)])

    path.rename(tmp_path / "audit.jsonl.1")
    target.send([record(event(), 2)])

    assert leaves_of((tmp_path / "audit.jsonl.1").read_bytes().splitlines()) == [1]
    assert leaves_of(path.read_bytes().splitlines()) == [2]


def test_half_a_line_of_a_crash_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b'{"leaf_index":1}\n{"leaf_ind')

    LineFile(path).send([record(event(), 2)])

    first, torn, last = path.read_bytes().splitlines()
    assert torn == b'{"leaf_ind'
    assert leaves_of([first, last]) == [1, 2]


def test_a_full_disk_leaves_no_half_line(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    target = LineFile(path)
    target.send([record(event(), 1)])
    before = path.read_bytes()
    child = os.fork()
    if child == 0:
        # Only here may a file grow no further: a write of a part, then an error.
        import resource
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, len(before) + 100))
        try:
            target.send([record(event(), 2)])
        except TargetFailed:
            os._exit(7)
        os._exit(0)

    _, ended = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(ended) == 7
    assert path.read_bytes() == before


def test_a_file_another_process_writes_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    with path.open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        with pytest.raises(TargetFailed, match="cannot be written"):
            LineFile(path).send([record(event())])

    LineFile(path).send([record(event())])
    assert len(path.read_bytes().splitlines()) == 1


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "audit.jsonl").symlink_to(victim)

    with pytest.raises(TargetFailed):
        LineFile(tmp_path / "audit.jsonl").send([record(event())])

    assert victim.read_text() == "mine"


def test_a_pipe_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "audit.jsonl")

    with pytest.raises(TargetFailed, match="is not a file"):
        LineFile(tmp_path / "audit.jsonl").send([record(event())])


def test_a_folder_that_is_gone_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(TargetFailed, match="No such file"):
        LineFile(tmp_path / "gone" / "audit.jsonl").send([record(event())])
