"""The lines of a journal: what was written is read back, and what was damaged is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.audit.journal_lines import MAX_LINE_BYTES, Line, lines_of, read_lines
from flask_jafsec.audit.rows import DataKey, EventRow, SealedRow, Subject

WRITER = "0123456789abcdef"
ROW = EventRow(WRITER, 1, b'{"n":1}', b"m" * 32, "r1")

refs = st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=26, max_size=26)
roots = st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True)
numbers = st.integers(0, 2**53)
subjects = st.builds(Subject, refs, st.one_of(st.none(), st.binary(min_size=1)), roots, numbers)
data_keys = st.builds(
    DataKey,
    refs,
    st.sampled_from(["subject", "day"]),
    st.one_of(refs, st.just("2026-11-25")),
    st.one_of(st.none(), st.binary(min_size=1)),
    roots,
    numbers,
)
rows = st.builds(EventRow, st.just(WRITER), st.integers(1, 2**53), st.binary(), st.binary(), roots)


def written(path: Path, lines: bytes) -> list[Line]:
    path.write_bytes(lines)
    return list(read_lines(path, 0))


@given(
    some=st.lists(st.tuples(rows, st.booleans()), max_size=5, unique_by=lambda each: each[0].n),
    people=st.lists(subjects, max_size=3),
    keys=st.lists(data_keys, max_size=3),
)
def test_what_was_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    some: list[tuple[EventRow, bool]],
    people: list[Subject],
    keys: list[DataKey],
) -> None:
    path = tmp_path_factory.getbasetemp() / "lines.j"
    events = [row for row, _ in some]
    parts = [SealedRow(WRITER, row.n, "K" * 26, row.mac) for row, is_sealed in some if is_sealed]

    lines = written(path, lines_of(events, parts, people, keys))

    assert [line.subject for line in lines if line.subject] == people
    assert [line.data_key for line in lines if line.data_key] == keys
    assert [line.row for line in lines if line.row] == events
    assert [line.sealed for line in lines if line.sealed] == parts
    assert not any(line.is_damaged for line in lines)
    assert [line.end for line in lines][-1:] == ([path.stat().st_size] if lines else [])


def test_reading_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = tmp_path / "lines.j"
    some = [ROW._replace(n=n) for n in (1, 2, 3)]
    first, *_ = written(path, lines_of(some, [], [], []))

    assert [line.row for line in read_lines(path, first.end)] == some[1:]


@given(cut=st.integers(1, 200))
def test_a_torn_last_line_is_not_one_yet(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "torn.j"
    whole = lines_of([ROW], [], [], [])
    torn = lines_of([ROW._replace(n=2, envelope=b"x" * 200)], [], [], [])[:-cut]

    lines = written(path, whole + torn)

    assert [line.row for line in lines] == [ROW]
    assert lines[-1].end == len(whole)


@given(data=st.data(), kind=st.integers(0, 2))
def test_a_changed_bit_in_a_line_is_found_and_the_others_are_read(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, kind: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.j"
    subject = Subject("S" * 26, b"l" * 16, "r1", 7)
    key = DataKey("K" * 26, "day", "2026-11-25", b"w" * 60, "r1", 7)
    sealed = SealedRow(WRITER, 2, "K" * 26, b"d" * 50)
    damaged = bytearray(
        (
            lines_of([ROW._replace(n=2)], [sealed], [], []),
            lines_of([], [], [subject], []),
            lines_of([], [], [], [key]),
        )[kind]
    )
    bit = data.draw(st.integers(0, len(damaged) * 8 - 1))
    damaged[bit // 8] ^= 1 << bit % 8

    good, last = lines_of([ROW], [], [], []), lines_of([ROW._replace(n=3)], [], [], [])
    lines = written(path, good + bytes(damaged) + last)

    assert lines[0].row == ROW
    assert all(line.is_damaged for line in lines[1:-1])
    # Without its line end the damaged line takes the next one with it.
    assert lines[-1].row == ROW._replace(n=3) or lines[-1].is_damaged
    assert sum(line.is_damaged for line in lines) >= 1


def test_what_is_no_journal_at_all_is_damaged_lines(tmp_path: Path) -> None:
    rubbish = b"\xff\xfe\n" + b"x" * (3 * MAX_LINE_BYTES) + b"\n\n" + b"event 1 2 3\n"

    lines = written(tmp_path / "rubbish.j", rubbish)

    assert lines
    assert all(line.is_damaged for line in lines)
