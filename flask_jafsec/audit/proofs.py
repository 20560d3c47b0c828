"""Proofs as texts that a third party can keep and check. How they are computed is in ``tree``.

A proof of one event is C2SP ``tlog-proof@v1``::

    c2sp.org/tlog-proof@v1
    extra <base64 of the envelope>
    index <decimal number of the leaf>
    <base64 hash, lowest first>
    ...
    <blank line>
    <signed note of the checkpoint>

Assumed where the specification leaves room: the lines stand in this order, each ends with one
line feed, ``extra`` may be absent (then the text proves a hash, and ``verify_proof`` refuses it
because it shows no event), and every base64 is standard, padded and canonical.

A proof that a log only grew is our own form, since C2SP has none::

    flask-jafsec/consistency@v1
    <base64 hash, lowest first>
    ...
    <blank line>
    <signed note of the older checkpoint>
    <blank line>
    <signed note of the newer checkpoint>

Checkpoints here have no blank lines but the one before their signatures, so blank lines cut
such a text into exactly five parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from flask_jafsec.audit.notes import (
    MAX_NOTE_BYTES,
    Checkpoint,
    NoteInvalid,
    NoteVerifier,
    from_base64,
    open_checkpoint,
    read_size,
    to_base64,
)
from flask_jafsec.audit.tree import (
    HASH_BYTES,
    ProofInvalid,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)

PROOF_HEADER: Final = "c2sp.org/tlog-proof@v1"
CONSISTENCY_HEADER: Final = "flask-jafsec/consistency@v1"

#: One hash a level, and sizes have 63 bits. Source: C2SP tlog-proof.
MAX_INCLUSION_HASHES: Final = 63

#: One hash a level, and one for the place where the old tree ended.
MAX_CONSISTENCY_HASHES: Final = 64

#: No proof is longer: two notes, or a note and an envelope of 8 KiB, and the hashes.
MAX_PROOF_CHARS: Final = 3 * MAX_NOTE_BYTES


@dataclass(frozen=True, slots=True)
class TlogProof:
    """What a tlog-proof says; nothing in it is checked yet."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint_note: str
    extra: bytes | None


@dataclass(frozen=True, slots=True)
class VerifiedProof:
    """An event that is in the log: its exact bytes, its leaf, and the checkpoint that says so."""

    checkpoint: Checkpoint
    index: int
    envelope: bytes


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """What a consistency proof says; nothing in it is checked yet."""

    hashes: tuple[bytes, ...]
    old_note: str
    new_note: str


@dataclass(frozen=True, slots=True)
class VerifiedConsistency:
    """Two checkpoints of one log; everything that *old* covers is unchanged under *new*.

    It says so of *old* only: compare that with the checkpoint you kept yourself.
    """

    old: Checkpoint
    new: Checkpoint


def format_proof(proof: TlogProof) -> str:
    """Return the text of *proof*."""
    lines = [PROOF_HEADER]
    if proof.extra is not None:
        lines.append(f"extra {to_base64(proof.extra)}")
    lines.append(f"index {proof.index}")
    lines += map(to_base64, proof.hashes)
    return "\n".join(lines) + "\n\n" + proof.checkpoint_note


def parse_proof(text: str) -> TlogProof:
    """Return what *text* says.

    Raises:
        ProofInvalid: It is not a tlog-proof, or could be written in another way.
    """
    head, blank, note = _bounded(text).partition("\n\n")
    lines = head.split("\n")
    if not blank or lines.pop(0) != PROOF_HEADER:
        raise ProofInvalid(f"a proof starts with {PROOF_HEADER} and has a blank line")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = _base64(lines.pop(0).removeprefix("extra "))
    if not lines or not lines[0].startswith("index "):
        raise ProofInvalid("a proof has a line 'index' after 'extra'")
    try:
        index = read_size(lines.pop(0).removeprefix("index "))
    except NoteInvalid as error:
        raise ProofInvalid("the index is not a decimal number") from error
    return TlogProof(index, _hashes(lines, MAX_INCLUSION_HASHES), note, extra)


def verify_proof(text: str, verifiers: Iterable[NoteVerifier]) -> VerifiedProof:
    """Return the event that *text* carries, if it is in a log whose key is among *verifiers*.

    Raises:
        NoteInvalid: The checkpoint is malformed, forged, or (NoteUnsigned) of an unknown key.
        ProofInvalid: The text is malformed, or the event is not where it says.
    """
    proof = parse_proof(text)
    if proof.extra is None:
        raise ProofInvalid("the proof carries no event")
    checkpoint = open_checkpoint(proof.checkpoint_note, verifiers)
    leaf = leaf_hash(proof.extra)
    verify_inclusion(leaf, proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    return VerifiedProof(checkpoint, proof.index, proof.extra)


def format_consistency(proof: ConsistencyProof) -> str:
    """Return the text of *proof*."""
    head = "\n".join([CONSISTENCY_HEADER, *map(to_base64, proof.hashes)])
    return f"{head}\n\n{proof.old_note}\n{proof.new_note}"


def parse_consistency(text: str) -> ConsistencyProof:
    """Return what *text* says.

    Raises:
        ProofInvalid: It is not a consistency proof, or could be written in another way.
    """
    parts = _bounded(text).split("\n\n")
    if len(parts) != 5:
        raise ProofInvalid("a consistency proof is hashes and two signed checkpoints")
    header, *lines = parts[0].split("\n")
    if header != CONSISTENCY_HEADER:
        raise ProofInvalid(f"a consistency proof starts with {CONSISTENCY_HEADER}")
    hashes = _hashes(lines, MAX_CONSISTENCY_HASHES)
    return ConsistencyProof(hashes, f"{parts[1]}\n\n{parts[2]}\n", f"{parts[3]}\n\n{parts[4]}")


def verify_consistency_text(text: str, verifiers: Iterable[NoteVerifier]) -> VerifiedConsistency:
    """Return the two checkpoints of *text*, if the newer log begins with the older one.

    Raises:
        NoteInvalid: A checkpoint is malformed, forged, or (NoteUnsigned) of an unknown key.
        ProofInvalid: The text is malformed, the checkpoints are of two logs, or something that
            the older one covers was changed, removed or cut.
    """
    proof = parse_consistency(text)
    known = tuple(verifiers)
    old = open_checkpoint(proof.old_note, known)
    new = open_checkpoint(proof.new_note, known)
    if old.origin != new.origin:
        raise ProofInvalid("the two checkpoints are of different logs")
    verify_consistency(old.size, old.root, new.size, new.root, proof.hashes)
    return VerifiedConsistency(old, new)


def _bounded(text: str) -> str:
    if len(text) > MAX_PROOF_CHARS:
        raise ProofInvalid(f"a proof has at most {MAX_PROOF_CHARS} characters")
    return text


def _hashes(lines: Sequence[str], most: int) -> tuple[bytes, ...]:
    if len(lines) > most:
        raise ProofInvalid(f"a proof has at most {most} hashes")
    hashes = tuple(map(_base64, lines))
    if any(len(one) != HASH_BYTES for one in hashes):
        raise ProofInvalid(f"every hash has {HASH_BYTES} bytes")
    return hashes


def _base64(text: str) -> bytes:
    try:
        return from_base64(text)
    except NoteInvalid as error:
        raise ProofInvalid(str(error)) from error
