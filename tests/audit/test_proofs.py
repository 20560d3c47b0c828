"""Proofs as texts: genuine ones show their event, bent ones show nothing."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.audit.notes import (
    Checkpoint,
    NoteInvalid,
    NoteUnsigned,
    NoteVerifier,
    checkpoint_text,
    signed_note,
)
from flask_jafsec.audit.proofs import (
    ConsistencyProof,
    TlogProof,
    format_consistency,
    format_proof,
    parse_consistency,
    parse_proof,
    verify_consistency_text,
    verify_proof,
)
from flask_jafsec.audit.tree import EMPTY_ROOT, ProofInvalid, leaf_hash
from tests.audit.tree_setting import ORIGIN, OTHER, SIGNER, ExportedLog

VERIFIER = NoteVerifier.from_vkey(SIGNER.verifier_key)
STRANGER = NoteVerifier.from_vkey(OTHER.verifier_key)
LOG = ExportedLog(13)
PROOF = LOG.proof(5, 13)
GROWTH = LOG.consistency(6, 13)

hashes = st.lists(st.binary(min_size=32, max_size=32), max_size=63).map(tuple)
sizes = st.integers(0, 2**63 - 1)


@pytest.mark.parametrize("size", range(1, 14))
def test_every_event_of_every_size_can_be_proven(size: int) -> None:
    for index in range(size):
        proven = verify_proof(LOG.proof(index, size), [VERIFIER])

        assert proven.envelope == LOG.envelopes[index]
        assert (proven.index, proven.checkpoint.size) == (index, size)


def test_a_proof_looks_as_the_specification_shows_it() -> None:
    lines = PROOF.split("\n")

    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert lines[1].startswith("extra eyJpZCI6")
    assert lines[2] == "index 5"
    assert [len(line) for line in lines[3:7]] == [44] * 4
    assert lines[7:10] == ["", ORIGIN, "13"]


@given(sizes, hashes, st.none() | st.binary())
def test_a_proof_is_read_as_it_was_written(
    index: int, path: tuple[bytes, ...], extra: bytes | None
) -> None:
    proof = TlogProof(index, path, LOG.note(13), extra)

    assert parse_proof(format_proof(proof)) == proof


@given(hashes)
def test_a_consistency_proof_is_read_as_it_was_written(path: tuple[bytes, ...]) -> None:
    proof = ConsistencyProof(path, LOG.note(6), LOG.note(13))

    assert parse_consistency(format_consistency(proof)) == proof


@pytest.mark.parametrize("text", [PROOF, GROWTH], ids=["inclusion", "consistency"])
def test_no_bit_of_a_proof_can_be_changed(text: str) -> None:
    verify = verify_proof if text is PROOF else verify_consistency_text
    raw = bytearray(text.encode())

    for at in range(len(raw) * 8):
        raw[at // 8] ^= 1 << at % 8
        with contextlib.suppress(UnicodeDecodeError):
            bent = raw.decode()
            with pytest.raises((ProofInvalid, NoteInvalid)):
                verify(bent, [VERIFIER])
        raw[at // 8] ^= 1 << at % 8


@given(st.text() | st.text("c2sp.org/tlogindexra \n=A5"))
def test_no_text_is_a_proof_by_chance(text: str) -> None:
    for bent in (text, PROOF[: len(text)], text + PROOF, PROOF + text, GROWTH + text):
        for verify in (verify_proof, verify_consistency_text):
            if bent not in (PROOF, GROWTH):
                with pytest.raises((ProofInvalid, NoteInvalid)):
                    verify(bent, [VERIFIER])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(PROOF.replace("@v1", "@v2"), id="another version"),
        pytest.param(PROOF.replace("extra", "Extra"), id="another word"),
        pytest.param(PROOF.replace("index 5", "index 05"), id="a leading zero"),
        pytest.param(PROOF.replace("index 5", "index +5"), id="a sign"),
        pytest.param(PROOF.replace("index 5", f"index {2**63}"), id="too large"),
        pytest.param(PROOF.replace("index 5\n", ""), id="no index"),
        pytest.param(PROOF.replace("index 5\n", "index 5\nindex 5\n"), id="two indexes"),
        pytest.param(PROOF.replace("\nindex", "\n\nindex"), id="an early blank line"),
        pytest.param(PROOF.replace("index 5\n", "index 5\n" + "A" * 42 + "==\n"), id="31 bytes"),
        pytest.param(PROOF.replace("\n", "\r\n"), id="line ends of another system"),
        pytest.param("x" * 200_000, id="very long"),
    ],
)
def test_a_malformed_proof_is_refused(text: str) -> None:
    with pytest.raises(ProofInvalid) as raised:
        verify_proof(text, [VERIFIER])

    assert raised.value.code == "proof_invalid"


def test_no_proof_has_more_hashes_than_a_tree_has_levels() -> None:
    long = TlogProof(5, (bytes(32),) * 64, LOG.note(13), b"")
    longer = ConsistencyProof((bytes(32),) * 65, LOG.note(6), LOG.note(13))

    with pytest.raises(ProofInvalid, match="at most 63"):
        parse_proof(format_proof(long))
    with pytest.raises(ProofInvalid, match="at most 64"):
        parse_consistency(format_consistency(longer))


def test_another_event_cannot_be_put_into_a_proof() -> None:
    proof = replace(parse_proof(PROOF), extra=LOG.envelopes[6])

    with pytest.raises(ProofInvalid):
        verify_proof(format_proof(proof), [VERIFIER])


def test_a_proof_without_its_event_shows_nothing() -> None:
    proof = replace(parse_proof(PROOF), extra=None)

    with pytest.raises(ProofInvalid, match="no event"):
        verify_proof(format_proof(proof), [VERIFIER])


def test_a_proof_of_an_unknown_log_is_refused() -> None:
    with pytest.raises(NoteUnsigned):
        verify_proof(PROOF, [STRANGER])


def test_a_checkpoint_signed_by_another_log_proves_nothing() -> None:
    root = leaf_hash(b"forged")
    note = signed_note(checkpoint_text(Checkpoint(ORIGIN, 1, root)), [OTHER])

    with pytest.raises(NoteUnsigned):
        verify_proof(format_proof(TlogProof(0, (), note, b"forged")), [VERIFIER, STRANGER])


@pytest.mark.parametrize("old", range(14))
def test_every_older_checkpoint_is_shown_to_be_the_beginning(old: int) -> None:
    shown = verify_consistency_text(LOG.consistency(old, 13), [VERIFIER])

    assert (shown.old.size, shown.new.size) == (old, 13)
    assert old or shown.old.root == EMPTY_ROOT


def test_a_rewritten_log_has_no_consistency_proof() -> None:
    rewritten = ExportedLog(13)
    rewritten.envelopes[2] = rewritten.envelopes[2].replace(b"rejected", b"accepted")
    proof = replace(parse_consistency(rewritten.consistency(6, 13)), old_note=LOG.note(6))

    with pytest.raises(ProofInvalid):
        verify_consistency_text(format_consistency(proof), [VERIFIER])


def test_checkpoints_of_two_logs_are_not_one_history() -> None:
    proof = replace(parse_consistency(GROWTH), new_note=ExportedLog(13, OTHER).note(13))

    with pytest.raises(ProofInvalid, match="different logs"):
        verify_consistency_text(format_consistency(proof), [VERIFIER, STRANGER])


def test_the_order_of_checkpoints_cannot_be_turned() -> None:
    proof = parse_consistency(GROWTH)
    turned = replace(proof, old_note=proof.new_note, new_note=proof.old_note)

    with pytest.raises(ProofInvalid):
        verify_consistency_text(format_consistency(turned), [VERIFIER])
