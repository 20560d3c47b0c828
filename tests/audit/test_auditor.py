"""The auditor's single file, run where nothing is installed: proofs, keys and usage."""

from __future__ import annotations

import ast
import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from flask_jafsec.audit import auditor
from flask_jafsec.audit.notes import Checkpoint, checkpoint_text, signed_note
from flask_jafsec.audit.proofs import TlogProof, format_proof
from flask_jafsec.audit.tree import leaf_hash
from tests.audit.conftest import Run
from tests.audit.tree_setting import OTHER, SIGNER, ExportedLog, envelope

SOURCE = Path(auditor.__file__)
LOG = ExportedLog(30)


def test_it_imports_only_the_standard_library_and_parses_on_old_pythons() -> None:
    tree = ast.parse(SOURCE.read_text(), feature_version=(3, 8))

    names = {one.module for one in ast.walk(tree) if isinstance(one, ast.ImportFrom)}
    names |= {a.name for one in ast.walk(tree) if isinstance(one, ast.Import) for a in one.names}
    assert {str(name).split(".")[0] for name in names} <= sys.stdlib_module_names


def test_a_proof_shows_its_event(run: Run) -> None:
    code, lines = run("proof", LOG.proof(5, 20))

    assert code == 0
    assert json.loads("\n".join(lines[:-1])) == json.loads(LOG.envelopes[5])
    assert lines[1] == '  "id": "cccccccccccccccc/2",'
    assert lines[-1] == "RESULT  OK  leaf 5 under the checkpoint at 20"


def test_a_changed_event_is_not_shown(run: Run) -> None:
    forged = envelope("c" * 16, 2, "0" * 64, d={"role": "admin"})
    text = LOG.proof(5, 20).replace(
        base64.b64encode(LOG.envelopes[5]).decode(), base64.b64encode(forged).decode()
    )

    code, lines = run("proof", text)

    assert code == 1
    assert lines == ["RESULT  TAMPERED  LEAF 5 under this checkpoint is another event"]


def test_an_event_of_another_log_is_not_shown(run: Run) -> None:
    foreign = envelope("a" * 16, 1, "0" * 64, log=OTHER.name)
    checkpoint = Checkpoint(SIGNER.name, 1, leaf_hash(foreign))
    note = signed_note(checkpoint_text(checkpoint), [SIGNER])

    code, lines = run("proof", format_proof(TlogProof(0, (), note, foreign)))

    assert (code, lines) == (1, ["RESULT  TAMPERED  LEAF 0 is an event of another log"])


@pytest.mark.parametrize(
    ("command", "text"), [("proof", LOG.proof(5, 20)), ("consistency", LOG.consistency(5, 20))]
)
def test_a_proof_has_one_length_and_one_spelling(run: Run, command: str, text: str) -> None:
    assert run(command, text)[0] == 0

    before = text.index("=\n\n")  # the last hash
    for at in (before, len(text) - 2):
        digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        other = digits[digits.index(text[at - 1]) + 1]
        assert run(command, text[: at - 1] + other + text[at:])[0] == 2
    first = text.index("\n", text.index("index")) + 1 if "index" in text else text.index("\n") + 1
    assert run(command, text[:first] + "A" * 43 + "=\n" + text[first:])[0] == 1
    assert run(command, text[:first] + text[first + 45 :])[0] != 0


def test_the_key_of_another_log_cannot_speak_for_this_one(run: Run) -> None:
    checkpoint = Checkpoint(SIGNER.name, 1, leaf_hash(LOG.envelopes[0]))
    note = signed_note(checkpoint_text(checkpoint), [OTHER])
    proof = format_proof(TlogProof(0, (), note, LOG.envelopes[0]))

    assert run("proof", proof, signers=(SIGNER, OTHER))[0] == 2


def test_checkpoints_of_two_logs_are_not_one_history(run: Run) -> None:
    other = ExportedLog(30, OTHER)
    other.envelopes = LOG.envelopes
    text = LOG.consistency(13, 30).replace(LOG.note(30), other.note(30))

    assert run("consistency", text, signers=(SIGNER, OTHER))[0] == 1


def test_an_event_cannot_steer_the_terminal(run: Run) -> None:
    event = envelope("a" * 16, 1, "0" * 64, d={"x": "\x1b[2J\x7f\x9b\u202e\u2028"})
    checkpoint = Checkpoint(SIGNER.name, 1, leaf_hash(event))
    note = signed_note(checkpoint_text(checkpoint), [SIGNER])

    code, lines = run("proof", format_proof(TlogProof(0, (), note, event)))

    assert code == 0
    assert '"x": "\\u001b[2J\\u007f\\u009b\\u202e\\u2028"' in "".join(lines)


def test_a_forged_checkpoint_is_tampering_and_an_unknown_key_is_not(run: Run) -> None:
    proof = LOG.proof(5, 20)
    at = len(proof) - 20
    forged = proof[:at] + ("A" if proof[at] != "A" else "B") + proof[at + 1 :]

    assert run("proof", forged)[0] == 1
    assert run("proof", ExportedLog(9, OTHER).proof(5, 9)) == (
        2,
        ["RESULT  NOT VERIFIED  SIGNATURE of a checkpoint is not by the key given"],
    )


@pytest.mark.parametrize("command", ["proof", "consistency", "log"])
@pytest.mark.parametrize("text", ["", "x", "{}\n", "[[[[\n", "1\n", "[" * 100_000, "null\n"])
def test_something_else_is_not_verified(run: Run, command: str, text: str) -> None:
    code, lines = run(command, text)

    assert code == 2
    assert len(lines) == 1
    assert lines[0].startswith("RESULT  NOT VERIFIED  not readable")
    assert len(lines[0]) <= 80


@pytest.mark.parametrize("old", [0, 1, 8, 13, 30])
def test_growth_since_an_older_checkpoint_is_shown(run: Run, old: int) -> None:
    code, lines = run("consistency", LOG.consistency(old, 30), anchors=(LOG.note(old),))

    assert code == 0
    assert lines == [f"RESULT  OK  the first {old} of 30 leaves are unchanged"]


def test_a_consistent_history_that_is_not_the_kept_one_is_a_fork(run: Run) -> None:
    rewritten = ExportedLog(30)
    rewritten.envelopes[2] = rewritten.envelopes[2].replace(b"rejected", b"accepted")

    alone = run("consistency", rewritten.consistency(13, 30))
    code, lines = run("consistency", rewritten.consistency(13, 30), anchors=(LOG.note(13),))

    assert alone[0] == 0
    assert code == 1
    assert lines == ["RESULT  TAMPERED  ANCHOR at 13 is neither of these two checkpoints"]


def test_an_anchor_of_another_size_says_nothing_about_a_consistency_proof(run: Run) -> None:
    assert run("consistency", LOG.consistency(13, 30), anchors=(LOG.note(14),))[0] == 2


def test_two_histories_do_not_begin_alike(run: Run) -> None:
    rewritten = ExportedLog(30)
    rewritten.envelopes[2] = rewritten.envelopes[2].replace(b"rejected", b"accepted")
    text = LOG.consistency(13, 30).replace(LOG.note(13), rewritten.note(13))

    code, lines = run("consistency", text)

    assert (code, lines) == (1, ["RESULT  TAMPERED  FORK 30 leaves do not begin with the older 13"])


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["proof"],
        ["proof", "given0"],
        ["frobnicate", "given0", "--vkey", SIGNER.verifier_key],
        ["proof", "absent", "--vkey", SIGNER.verifier_key],
        ["proof", "given0", "given0", "--vkey", SIGNER.verifier_key],
        ["proof", "given0", "--vkey", "no key"],
        ["proof", "given0", "--vkey", OTHER.verifier_key.replace("other", "shop")],
        ["log", "given0", "--vkey", SIGNER.verifier_key, "--anchor", "absent"],
    ],
)
def test_wrong_usage_is_told_apart(folder: Path, arguments: list[str]) -> None:
    (folder / "given0").write_text(LOG.proof(1, 2))
    command = [sys.executable, "-I", "auditor.py", *arguments]

    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

    assert done.returncode == 3
    assert "Traceback" not in done.stderr


def test_a_proof_is_compared_with_the_anchors_given(run: Run) -> None:
    rewritten = ExportedLog(30)
    rewritten.envelopes[2] = rewritten.envelopes[2].replace(b"rejected", b"accepted")
    proof = rewritten.proof(5, 20)

    kept = run("proof", proof, anchors=(rewritten.note(13), rewritten.note(20)))
    forked = run("proof", proof, anchors=(LOG.note(20),))
    elsewhere = run("proof", proof, anchors=(rewritten.note(13),))

    assert [code for code, _ in (kept, forked, elsewhere)] == [0, 1, 2]
    assert forked[1] == ["RESULT  TAMPERED  FORK an anchor at 20 is another than this checkpoint"]
    assert elsewhere[1] == ["RESULT  NOT VERIFIED  ANCHOR: none at 20, where this checkpoint is"]
