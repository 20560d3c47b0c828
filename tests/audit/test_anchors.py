"""Anchors: what is kept outside the database, how often, and what is read back."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

import pytest

from flask_jafsec.audit import anchors as anchors_module
from flask_jafsec.audit.anchors import (
    Anchor,
    AnchorFailed,
    Anchors,
    CallableAnchor,
    FileAnchor,
    LogLineAnchor,
    read_anchors,
)
from flask_jafsec.audit.notes import (
    Checkpoint,
    NoteInvalid,
    NoteVerifier,
    checkpoint_text,
    signed_note,
)
from flask_jafsec.audit.rows import SignedCheckpoint
from tests.audit.chains import TestClock
from tests.audit.conftest import Run
from tests.audit.tree_setting import OTHER, SIGNER, ExportedLog

LOG = ExportedLog(40)
VERIFIERS = [NoteVerifier.from_vkey(SIGNER.verifier_key)]


def signed(size: int) -> SignedCheckpoint:
    return SignedCheckpoint(size, b"", 0, LOG.note(size))


def kept(path: Path) -> list[int]:
    return [checkpoint.size for checkpoint in read_anchors(path, VERIFIERS)]


class Flaky:
    """An anchor that can be out of order."""

    name = "flaky"

    def __init__(self) -> None:
        self.is_down = False
        self.notes: list[str] = []

    def publish(self, note: str) -> None:
        if self.is_down:
            raise AnchorFailed("down")
        self.notes.append(note)


def test_a_file_keeps_every_note_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "anchors"

    for size in (3, 20, 40):
        FileAnchor(path).publish(LOG.note(size))

    assert kept(path) == [3, 20, 40]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert FileAnchor(path).newest(VERIFIERS) == read_anchors(path, VERIFIERS)[-1]


def test_the_auditors_file_reads_what_a_file_keeps(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "anchors"
    for size in (3, 20):
        FileAnchor(path).publish(LOG.note(size))

    code, lines = run("log", "\n".join(LOG.lines()) + "\n", anchors=(path.read_text(),))

    assert (code, lines) == (
        0,
        ["RESULT  OK  40 leaves, not covered: 0 by checkpoint, 20 by anchor"],
    )


@pytest.mark.parametrize("torn", range(1, len(LOG.note(20).encode()), 7))
def test_a_torn_note_harms_no_other(tmp_path: Path, torn: int) -> None:
    path = tmp_path / "anchors"
    FileAnchor(path).publish(LOG.note(3))
    with path.open("ab") as file:
        file.write(LOG.note(20).encode()[:torn])

    assert kept(path) == [3]
    assert FileAnchor(path).newest(VERIFIERS) == Checkpoint(SIGNER.name, 3, LOG.stored().roots[3])
    FileAnchor(path).publish(LOG.note(40))
    assert kept(path) == [3, 40]
    newest = FileAnchor(path).newest(VERIFIERS)
    assert newest is not None
    assert newest.size == 40


def test_a_file_that_is_not_there_has_no_newest_note(tmp_path: Path) -> None:
    assert FileAnchor(tmp_path / "none").newest(VERIFIERS) is None


def test_the_newest_note_is_read_from_the_end_of_a_long_file(tmp_path: Path) -> None:
    path = tmp_path / "anchors"
    path.write_bytes(b"x" * 100 + b"\n" * 3_000_000)

    FileAnchor(path).publish(LOG.note(9))

    newest = FileAnchor(path).newest(VERIFIERS)
    assert newest is not None
    assert newest.size == 9
    assert kept(path) == [9]


def test_of_very_many_notes_the_newest_and_a_sample_of_the_older_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anchors_module, "MAX_NOTES", 10)
    path = tmp_path / "anchors"
    path.write_text("\n".join(LOG.note(size) for size in range(1, 41)))

    found = kept(path)

    assert len(found) <= 10
    assert found == sorted(found)
    assert found[-5:] == [36, 37, 38, 39, 40]
    assert found[0] == 1


@pytest.mark.parametrize("text", ["", "nothing of ours\n", LOG.note(9)[:-5]])
def test_a_file_without_a_note_is_not_taken_for_an_anchor(tmp_path: Path, text: str) -> None:
    path = tmp_path / "anchors"
    path.write_text(text)

    with pytest.raises(AnchorFailed):
        read_anchors(path, VERIFIERS)


def test_a_file_that_cannot_be_read_or_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(AnchorFailed):
        read_anchors(tmp_path / "none", VERIFIERS)
    with pytest.raises(AnchorFailed):
        FileAnchor(tmp_path / "none" / "anchors").publish(LOG.note(9))
    with pytest.raises(AnchorFailed):
        FileAnchor(tmp_path).newest(VERIFIERS)


@pytest.mark.parametrize(
    "note",
    [
        pytest.param(ExportedLog(9, OTHER).note(9), id="of another log"),
        pytest.param(LOG.note(9).replace("\n9\n", "\n8\n"), id="forged"),
    ],
)
def test_a_note_that_is_not_genuine_is_not_passed_over(tmp_path: Path, note: str) -> None:
    path = tmp_path / "anchors"
    path.write_text(f"{LOG.note(3)}\n{note}\n{LOG.note(20)}")

    with pytest.raises(NoteInvalid):
        read_anchors(path, VERIFIERS)


def test_a_log_line_holds_the_whole_note(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "flask_jafsec.audit.anchor"):
        LogLineAnchor().publish(LOG.note(9))

    (record,) = caplog.records
    assert record.__dict__["note"] == LOG.note(9)
    assert "has 9 leaves" in record.getMessage()
    assert "\n" not in record.getMessage()


def test_whatever_a_callable_raises_is_a_failed_anchor() -> None:
    def broken(_note: str) -> None:
        raise ZeroDivisionError

    with pytest.raises(AnchorFailed, match="mine: ZeroDivisionError"):
        CallableAnchor("mine", broken).publish(LOG.note(9))


def test_notes_are_published_at_most_once_a_minute_and_only_the_newest() -> None:
    clock, place = TestClock(), Flaky()
    publisher = Anchors([place], clock)

    for size in (1, 2, 3):
        assert publisher.publish(signed(size)) == ()
        clock.go_on(10)
    assert place.notes == [LOG.note(1)]
    clock.go_on(40)
    publisher.publish(None)
    assert place.notes == [LOG.note(1), LOG.note(3)]
    publisher.publish(signed(4))
    publisher.publish(None, everywhere=True)
    assert place.notes[2:] == [LOG.note(4)]


def test_a_failing_anchor_is_offered_the_newest_again_and_is_late_after_an_hour() -> None:
    clock, place, other = TestClock(), Flaky(), Flaky()
    publisher = Anchors([place, other], clock)
    place.is_down = True

    assert publisher.publish(signed(1)) == ()
    clock.go_on(3_599)
    assert publisher.publish(signed(2)) == ()
    clock.go_on(1)
    assert publisher.publish(None) == ("the anchor flaky lags an hour",)
    assert other.notes == [LOG.note(1), LOG.note(2)]
    place.is_down = False
    clock.go_on(1)
    assert publisher.publish(None) == ()
    assert place.notes == [LOG.note(2)]


def test_a_full_disk_is_a_failed_anchor() -> None:
    if not os.access("/dev/full", os.W_OK):
        pytest.skip("this system has no /dev/full")

    with pytest.raises(AnchorFailed):
        FileAnchor(Path("/dev/full")).publish(LOG.note(9))


def test_the_newest_of_all_places_is_the_largest_that_is_genuine(tmp_path: Path) -> None:
    forged = signed_note(checkpoint_text(Checkpoint(SIGNER.name, 40, bytes(32))), [OTHER])
    paths = [tmp_path / name for name in ("small", "large", "forged", "gone", "folder")]
    for path, note in zip(paths, (LOG.note(3), LOG.note(20), forged), strict=False):
        FileAnchor(path).publish(note)
    (tmp_path / "folder").mkdir()
    places: list[Anchor] = [LogLineAnchor(), *map(FileAnchor, paths)]

    newest = Anchors(places, TestClock()).newest(VERIFIERS)

    assert newest is not None
    assert newest.size == 20
    assert Anchors(places[:1], TestClock()).newest(VERIFIERS) is None
