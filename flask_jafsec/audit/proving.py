"""Makes proofs from a stored log, and checks each before it is handed out."""

from __future__ import annotations

from collections.abc import Sequence

from flask_jafsec.audit.envelope import EnvelopeInvalid, read
from flask_jafsec.audit.note_keys import NoteVerifier
from flask_jafsec.audit.notes import open_checkpoint
from flask_jafsec.audit.proofs import (
    ConsistencyProof,
    TlogProof,
    format_consistency,
    format_proof,
    verify_consistency_text,
    verify_proof,
)
from flask_jafsec.audit.rows import SignedCheckpoint, StoredEvent
from flask_jafsec.audit.store import AuditView
from flask_jafsec.audit.stored_hashes import StoredHashes
from flask_jafsec.audit.tree import ProofInvalid, consistency_proof, inclusion_proof
from flask_jafsec.errors import JafsecError, NotFound


class NotCovered(JafsecError):
    """The event is there, but under no signed checkpoint yet: about a second is missing."""

    code = "not_covered"


def prove(view: AuditView, event_id: str, verifiers: Sequence[NoteVerifier]) -> str:
    """Return a C2SP tlog-proof of an event, under the newest checkpoint.

    Raises:
        NotFound: There is no such event.
        NotCovered: It is not under a checkpoint yet.
        ProofInvalid, MissingLeaves, NoteInvalid: What is stored proves nothing: it was changed.
    """
    event = view.find(event_id)
    if event is None:
        raise NotFound("event", event_id)
    _check_id(event, event_id)
    checkpoint = view.last_checkpoint()
    leaf = event.leaf_index
    if leaf is None or checkpoint is None or leaf >= checkpoint.size:
        raise NotCovered("the event is under no signed checkpoint yet; try again in a second")
    hashes = inclusion_proof(leaf, checkpoint.size, StoredHashes(view))
    text = format_proof(TlogProof(leaf, tuple(hashes), checkpoint.note, event.row.envelope))
    verify_proof(text, verifiers)
    return text


def prove_growth(view: AuditView, old_note: str, verifiers: Sequence[NoteVerifier]) -> str:
    """Return a proof that the log only grew since an old checkpoint.

    Raises:
        NotCovered: The log has no checkpoint.
        ProofInvalid, MissingLeaves, NoteInvalid: The old note is not genuine, or the log does not
            begin with what it signs.
    """
    old = open_checkpoint(old_note, verifiers)
    newest: SignedCheckpoint | None = view.last_checkpoint()
    if newest is None:
        raise NotCovered("the log has no signed checkpoint")
    if old.size > newest.size:
        raise ProofInvalid(f"the log has {newest.size} signed leaves, the old note {old.size}")
    hashes = consistency_proof(old.size, newest.size, StoredHashes(view))
    text = format_consistency(ConsistencyProof(tuple(hashes), old_note, newest.note))
    verify_consistency_text(text, verifiers)
    return text


def _check_id(event: StoredEvent, event_id: str) -> None:
    # The event was found by its search copies, and those are not what is signed.
    try:
        found = read(event.row.envelope).get("id")
    except EnvelopeInvalid as error:
        raise ProofInvalid("the event's bytes cannot be read") from error
    if found != event_id:
        raise ProofInvalid("the search copies name another event than the log holds")
