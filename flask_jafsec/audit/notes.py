"""Signed notes and checkpoints: what a log publishes about itself. Proofs are in ``proofs``.

Source: C2SP signed-note (Ed25519, signature type 0x01) and C2SP tlog-checkpoint. Narrower than
the specifications in two places, so that a note can be read in one way only: its text holds no
blank line, and a checkpoint has no extension lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from flask_jafsec.audit.frontier import HASH_BYTES, MAX_SIZE
from flask_jafsec.audit.note_keys import (
    KEY_ID_BYTES,
    MAX_NOTE_BYTES,
    NoteInvalid,
    NoteSigner,
    NoteVerifier,
    check_characters,
    from_base64,
    is_plain,
    to_base64,
)
from flask_jafsec.errors import InvalidValue

__all__ = [
    "MAX_NOTE_BYTES",
    "MAX_SIGNATURES",
    "Checkpoint",
    "NoteInvalid",
    "NoteSigner",
    "NoteUnsigned",
    "NoteVerifier",
    "OpenedNote",
    "checkpoint_text",
    "from_base64",
    "open_checkpoint",
    "open_note",
    "parse_checkpoint",
    "read_size",
    "signed_note",
    "to_base64",
]

#: A log key, its successor and a dozen witnesses. Verifiers accept at least this many.
#: Source: C2SP signed-note.
MAX_SIGNATURES: Final = 16

_SIGNATURE: Final = re.compile("\u2014 ([^\\s+]+) ([A-Za-z0-9+/]+={0,2})")
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")


class NoteUnsigned(NoteInvalid):
    """The note is well formed, but no key that is known here has signed it."""

    code = "note_unsigned"


class OpenedNote(NamedTuple):
    """The text of a genuine note, and the names of the verifiers whose signature it carries."""

    text: str
    signed_by: list[str]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The size and the root of a log; ``origin`` says which log."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not self.origin or "\n" in self.origin or not is_plain(self.origin):
            raise InvalidValue("origin", "must be one line without control characters")
        if not 0 <= self.size <= MAX_SIZE:
            raise InvalidValue("size", f"must be 0 to {MAX_SIZE}")
        if len(self.root) != HASH_BYTES:
            raise InvalidValue("root", f"must have {HASH_BYTES} bytes")


def checkpoint_text(checkpoint: Checkpoint) -> str:
    """Return the three lines of a checkpoint: origin, size, root in base64."""
    return f"{checkpoint.origin}\n{checkpoint.size}\n{to_base64(checkpoint.root)}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """Return the checkpoint that *text* writes down.

    Raises:
        NoteInvalid: It has other lines than these three, or one could be written otherwise.
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise NoteInvalid("a checkpoint is three lines: origin, size, root")
    try:
        return Checkpoint(lines[0], read_size(lines[1]), from_base64(lines[2]))
    except InvalidValue as error:
        raise NoteInvalid(f"not a checkpoint: {error}") from error


def signed_note(text: str, signers: Sequence[NoteSigner]) -> str:
    """Return *text* with a signature line of each signer; it can be opened again as it is.

    Raises:
        InvalidValue: *text* cannot be the text of a note, or there are no or too many signers.
    """
    if not 1 <= len(signers) <= MAX_SIGNATURES:
        raise InvalidValue("signers", f"must be 1 to {MAX_SIGNATURES}")
    try:
        check_characters(text)
        note = text + "\n" + "".join(signer.sign(text) for signer in signers)
        _parts(note)
    except NoteInvalid as error:
        raise InvalidValue("text", str(error)) from error
    return note


def open_note(note: str, verifiers: Iterable[NoteVerifier]) -> OpenedNote:
    """Return the text of *note* and the names of those of *verifiers* that have signed it.

    Signatures of keys that are not among *verifiers* are ignored, whatever they hold.

    Raises:
        NoteUnsigned: None of *verifiers* has signed it.
        NoteInvalid: It is malformed, or a signature of one of *verifiers* does not hold.
    """
    check_characters(note)
    text, lines = _parts(note)
    known = {(one.name, one.key_id): one for one in verifiers}
    signed_by: dict[NoteVerifier, None] = {}  # a signature given twice counts once
    for line in lines:
        name, identity, signature = _signature(line)
        verifier = known.get((name, identity))
        if verifier is not None:
            verifier.check(text, signature)
            signed_by[verifier] = None
    if not signed_by:
        raise NoteUnsigned("no known key has signed this note")
    return OpenedNote(text, [one.name for one in signed_by])


def open_checkpoint(note: str, verifiers: Iterable[NoteVerifier]) -> Checkpoint:
    """Return the checkpoint in *note* if the log that it names is among those who signed it.

    Raises:
        NoteUnsigned: The log's own key is not known here or has not signed: a witness alone, or
            the key of another log, cannot speak for this one.
        NoteInvalid: It is malformed, or a signature does not hold.

    Source: C2SP tlog-checkpoint (the name of the log's key is the origin).
    """
    opened = open_note(note, verifiers)
    checkpoint = parse_checkpoint(opened.text)
    if checkpoint.origin not in opened.signed_by:
        raise NoteUnsigned("the log that the checkpoint names has not signed it")
    return checkpoint


def read_size(text: str) -> int:
    """Return the number of leaves, or the place of one, that *text* writes in decimal digits.

    Raises:
        NoteInvalid: It has a sign, a leading zero, other digits or is too large.
    """
    if not _DECIMAL.fullmatch(text) or int(text) > MAX_SIZE:
        raise NoteInvalid("not a decimal number of leaves")
    return int(text)


def _parts(note: str) -> tuple[str, list[str]]:
    text, blank, signatures = note.partition("\n\n")
    *lines, rest = signatures.split("\n")
    if not blank or not text or text[0] == "\n" or rest or not lines or "" in lines:
        raise NoteInvalid("a note is a text, one blank line and signature lines")
    if len(lines) > MAX_SIGNATURES:
        raise NoteInvalid(f"a note has at most {MAX_SIGNATURES} signatures")
    return text + "\n", lines


def _signature(line: str) -> tuple[str, bytes, bytes]:
    found = _SIGNATURE.fullmatch(line)
    if found is None:
        raise NoteInvalid("a signature line is an em dash, a name and base64")
    raw = from_base64(found[2])
    if len(raw) <= KEY_ID_BYTES:
        raise NoteInvalid("a signature line holds no signature")
    return found[1], raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:]
