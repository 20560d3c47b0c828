"""The auditor's single file on exported logs: it names what was done to them."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.audit import auditor
from flask_jafsec.audit.tree import leaf_hash
from tests.audit.conftest import Run
from tests.audit.tree_setting import OTHER, SIGNER, ExportedLog, envelope

Lines = list[str]

LOG = ExportedLog(30)


def file(lines: Lines) -> str:
    """Return the text of an exported log."""
    return "\n".join(lines) + "\n"


def altered(lines: Lines, at: int, old: str, new: str, *, leaf_too: bool = True) -> Lines:
    """Return *lines* with the event of leaf *at* changed, and its stored leaf hash with it."""
    line = json.loads(lines[at + 1])
    event = base64.b64decode(line["e"]).decode()
    assert old in event
    changed = event.replace(old, new).encode()
    line["e"] = base64.b64encode(changed).decode()
    if leaf_too:
        line["h"] = leaf_hash(changed).hex()
    return [*lines[: at + 1], json.dumps(line), *lines[at + 2 :]]


def test_a_whole_log_is_ok(run: Run) -> None:
    code, lines = run("log", file(LOG.lines(signed=28)), anchors=(LOG.note(20), LOG.note(0)))

    assert code == 0
    assert lines == ["RESULT  OK  30 leaves, not covered: 2 by checkpoint, 10 by anchor"]


def test_anchors_may_stand_in_one_file(run: Run) -> None:
    notes = LOG.note(8) + LOG.note(20) + "\n" + LOG.note(24)

    code, lines = run("log", file(LOG.lines()), anchors=(notes,))

    assert (code, lines) == (
        0,
        ["RESULT  OK  30 leaves, not covered: 0 by checkpoint, 6 by anchor"],
    )


def test_a_log_in_several_files_is_one_log(run: Run) -> None:
    parts = [file(LOG.lines(0, 10)), file(LOG.lines(10, 25)), file(LOG.lines(25, 30))]

    assert run("log", *parts)[0] == 0
    code, lines = run("log", parts[0], parts[2])
    assert code == 2
    assert lines == ["RESULT  NOT VERIFIED  INCOMPLETE no file goes on at leaf 10"]


def test_an_empty_log_is_ok(run: Run) -> None:
    empty = ExportedLog(0)

    code, lines = run("log", file(empty.lines()), anchors=(empty.note(0),))

    assert (code, lines) == (0, ["RESULT  OK  0 leaves, not covered: 0 by checkpoint, 0 by anchor"])


def swapped(lines: Lines) -> Lines:
    return [*lines[:11], lines[12], lines[11], *lines[13:]]


LINES = LOG.lines()
RENUMBERED = [
    *LINES[:11],
    *(json.dumps(json.loads(x) | {"leaf": i + 10}) for i, x in enumerate(LINES[12:])),
]


@pytest.mark.parametrize(
    ("lines", "finding"),
    [
        pytest.param(
            altered(LINES, 10, "rejected", "accepted", leaf_too=False),
            "LEAF 10 changed: stored hash a80848e8 computed 5e2f5238",
            id="a field",
        ),
        pytest.param(
            altered(LINES, 10, "rejected", "accepted"),
            "LEAF 13 does not follow its writer's event before it",
            id="a field and its leaf hash",
        ),
        pytest.param(
            [*LINES[:11], json.dumps(json.loads(LINES[11]) | {"h": "00" * 32}), *LINES[12:]],
            "FORK checkpoint's root at 30 not reproduced",
            id="a leaf hash",
        ),
        pytest.param(
            altered(LINES, 29, "rejected", "accepted"),
            "FORK checkpoint's root at 30 not reproduced",
            id="a field of a writer's newest event",
        ),
        pytest.param(
            altered(LINES, 10, '"n":4', '"n":5'),
            "LEAF 10 changed: unreadable, or not what its line says",
            id="a number",
        ),
        pytest.param(
            altered(LINES, 0, '"n":1', '"n":true'),
            "LEAF 0 changed: unreadable, or not what its line says",
            id="a kind of value",
        ),
        pytest.param(
            altered(LINES, 10, '"type"', ' "type"'),
            "LEAF 10 changed: unreadable, or not what its line says",
            id="a space",
        ),
        pytest.param(
            altered(LINES, 0, '"prev":"0', '"prev":"1'),
            "LEAF 0 does not follow its writer's event before it",
            id="a first event with a past",
        ),
        pytest.param(LINES[:11] + LINES[12:], "LEAF 10 missing, 11 in its place", id="a line"),
        pytest.param(
            RENUMBERED, "WRITER bbbbbbbbbbbbbbbb n=4 missing, before leaf 12", id="an event"
        ),
        pytest.param(
            [*LINES[:5], LINES[4], *LINES[5:]], "LEAF 4 missing, 3 in its place", id="a line twice"
        ),
        pytest.param(swapped(LINES), "LEAF 10 missing, 11 in its place", id="two lines swapped"),
        pytest.param(
            [*LINES[:11], "{", *LINES[12:]],
            "LEAF 10 changed: unreadable, or not what its line says",
            id="a line that is no JSON",
        ),
        pytest.param(
            [*LINES[:11], "x" * 600_000, *LINES[12:]],
            "LEAF 10 changed: unreadable, or not what its line says",
            id="a line without end",
        ),
        pytest.param(LINES[:21], "TRUNCATED file ends at 20, it says 30", id="the end"),
        pytest.param(
            ExportedLog(30).lines(0, 20, 30),
            "TRUNCATED log has 20 leaves, checkpoint says 30",
            id="the end, and the header with it",
        ),
    ],
)
def test_what_was_done_to_a_log_is_named(run: Run, lines: Lines, finding: str) -> None:
    code, found = run("log", file(lines))

    assert code == 1
    assert finding in found
    assert found[-1].startswith("RESULT  TAMPERED  ")
    assert all(len(line) <= 80 for line in found)


def test_a_changed_event_is_named_and_nothing_else(run: Run) -> None:
    code, found = run("log", file(altered(LINES, 10, "rejected", "accepted", leaf_too=False)))

    assert code == 1
    assert len(found) == 2
    assert found[1] == "RESULT  TAMPERED  30 leaves, not covered: 0 by checkpoint, 30 by anchor"


def test_a_log_cut_and_signed_anew_needs_an_anchor_to_be_found(run: Run) -> None:
    cut = file(ExportedLog(20).lines())

    assert run("log", cut)[0] == 0
    code, lines = run("log", cut, anchors=(LOG.note(30),))
    assert code == 1
    assert lines[0] == "TRUNCATED log has 20 leaves, anchor says 30"


def test_a_log_rewritten_with_all_keys_needs_an_anchor_to_be_found(run: Run) -> None:
    rewritten = ExportedLog(30)
    rewritten.envelopes[29] = rewritten.envelopes[29].replace(b"rejected", b"accepted")
    text = file(rewritten.lines())

    assert run("log", text)[0] == 0
    code, lines = run("log", text, anchors=(LOG.note(29), LOG.note(30)))
    assert code == 1
    assert lines[0] == "FORK anchor's root at 30 not reproduced"
    assert lines[-1] == "RESULT  TAMPERED  30 leaves, not covered: 0 by checkpoint, 1 by anchor"


def test_tampering_found_before_an_incomplete_file_is_still_tampering(run: Run) -> None:
    parts = [file(altered(LOG.lines(0, 10), 3, "rejected", "accepted")), file(LOG.lines(25, 30))]

    assert run("log", *parts)[0] == 1


@pytest.mark.parametrize(
    "anchor",
    [
        pytest.param("", id="empty"),
        pytest.param("not a note\n", id="something else"),
        pytest.param(LOG.note(9) + "and more\n", id="more than notes"),
        pytest.param(ExportedLog(9, OTHER).note(9), id="of another log"),
    ],
)
def test_an_anchor_that_says_nothing_is_not_passed_over(run: Run, anchor: str) -> None:
    assert run("log", file(LOG.lines()), anchors=(anchor,))[0] == 2


def test_an_anchor_of_another_log_is_not_taken_for_a_fork(run: Run) -> None:
    anchor = ExportedLog(9, OTHER).note(9)

    code, lines = run("log", file(LOG.lines()), anchors=(anchor,), signers=(SIGNER, OTHER))

    assert code == 2
    assert lines == ["RESULT  NOT VERIFIED  ANCHOR is of another log, or log of another anchor"]


def test_events_of_another_log_cannot_be_signed_into_this_one(run: Run) -> None:
    log = ExportedLog(3)
    log.envelopes = ExportedLog(3, OTHER).envelopes

    code, lines = run("log", file(log.lines()))

    assert code == 1
    assert lines[0] == "LEAF 0 changed: unreadable, or not what its line says"


def test_a_finding_cannot_steer_the_terminal(run: Run) -> None:
    log = ExportedLog(1)
    log.envelopes = [envelope("\x1b[2J\u202e", 3, "0" * 64)]

    code, lines = run("log", file(log.lines()))

    assert code == 1
    assert lines[0] == "WRITER ?[2J? n=1 to 2 missing, before leaf 0"


def test_a_log_whose_events_say_another_log_is_not_this_one(run: Run) -> None:
    lines = ExportedLog(30, OTHER).lines()
    header = json.loads(lines[0]) | {"origin": SIGNER.name}

    assert run("log", file(lines))[0] == 2
    assert run("log", file([json.dumps(header), *lines[1:]]))[0] == 2


@given(st.data())
def test_a_flipped_bit_of_an_exported_log_is_found_or_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "flipped.log"
    raw = bytearray(file(LINES).encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(raw)

    try:
        said = auditor.check_log([str(path)], [auditor.read_key(SIGNER.verifier_key)], [])
    except (auditor.Problem, *auditor.BROKEN):
        return

    assert said == "30 leaves, not covered: 0 by checkpoint, 30 by anchor"
    events = [base64.b64decode(json.loads(line)["e"]) for line in raw.decode().splitlines()[1:]]
    assert events == LOG.envelopes


def test_memory_stays_the_same_however_long_the_log_is(tmp_path: Path) -> None:
    long = ExportedLog(3000)
    (tmp_path / "log").write_text(file(long.lines()))
    log = auditor.Log([])

    log.read(str(tmp_path / "log"), [auditor.read_key(SIGNER.verifier_key)])

    assert not log.tampered
    assert log.covered["checkpoint"] == 3000
    assert len(log.edge) == (3000).bit_count()
    assert len(log.writers) == 3


@pytest.mark.parametrize(
    ("at", "name", "value", "result"),
    [
        (0, "checkpoint", 7, 2),
        (0, "first", "0", 2),
        (0, "size", 1e999, 2),
        (0, "size", None, 2),
        (4, "n", 1e999, 1),
        (4, "n", "abc", 1),
        (4, "leaf", 1e999, 1),
        (4, "leaf", None, 1),
        (4, "w", [], 1),
        (4, "h", 5, 1),
        (4, "e", {}, 1),
    ],
)
def test_values_of_another_kind_are_told_and_nothing_breaks(
    run: Run, at: int, name: str, value: object, result: int
) -> None:
    lines = LOG.lines()
    lines[at] = json.dumps(json.loads(lines[at]) | {name: value})

    code, told = run("log", file(lines))

    assert code == result
    assert len(told) <= 5  # what is wrong once is not told of every leaf behind it
    assert told[-1].startswith("RESULT  ")


def test_a_header_that_is_no_object_is_not_verified(run: Run) -> None:
    assert run("log", file(["7", *LOG.lines()[1:]]))[0] == 2
