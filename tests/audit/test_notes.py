"""Signed notes and checkpoints: genuine ones open, everything else is refused."""

from __future__ import annotations

import base64
import contextlib
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.audit.notes import (
    MAX_NOTE_BYTES,
    Checkpoint,
    NoteInvalid,
    NoteSigner,
    NoteUnsigned,
    NoteVerifier,
    checkpoint_text,
    open_checkpoint,
    open_note,
    parse_checkpoint,
    signed_note,
)
from flask_jafsec.errors import InvalidValue
from tests.audit.tree_setting import ORIGIN, OTHER, SIGNER

VERIFIER = NoteVerifier.from_vkey(SIGNER.verifier_key)
STRANGER = NoteVerifier.from_vkey(OTHER.verifier_key)
TEXT = f"{ORIGIN}\n5\n{'A' * 43}=\n"
NOTE = signed_note(TEXT, [SIGNER])

#: The example of golang.org/x/mod/sumdb/note, with which every implementation is compared.
GO_KEY = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngot"
    "pRZb6KE6RyyBwJnAM=\n"
)

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1)
lines = st.lists(texts, min_size=1).map(lambda found: "\n".join(found) + "\n")


def signature(raw: bytes, name: str = ORIGIN) -> str:
    """Return a signature line as the format wants it, whatever it holds."""
    return f"\u2014 {name} {base64.b64encode(raw).decode()}\n"


def signed(text: str) -> str:
    """Return *text* with a genuine signature, even if it may not be a note."""
    return f"{text}\n{SIGNER.sign(text)}"


def key(name: str, point: bytes, kind: bytes = b"\x01", key_id: str | None = None) -> str:
    """Return a verifier key whose id is right unless it is given."""
    right = sha256(name.encode() + b"\n" + kind + point).hexdigest()[:8]
    return f"{name}+{key_id or right}+{base64.b64encode(kind + point).decode()}"


def test_the_example_of_go_is_made_byte_for_byte() -> None:
    signer = NoteSigner("PeterNeumann", base64.b64decode(GO_KEY)[1:])

    assert signer.verifier_key == GO_VKEY
    assert signed_note(GO_NOTE.partition("\n\n")[0] + "\n", [signer]) == GO_NOTE


def test_the_example_of_go_opens() -> None:
    opened = open_note(GO_NOTE, [NoteVerifier.from_vkey(GO_VKEY)])

    assert opened.signed_by == ["PeterNeumann"]
    assert opened.text.endswith("your problem is.\n")


@given(lines)
def test_what_was_signed_opens_again(text: str) -> None:
    opened = open_note(signed_note(text, [OTHER, SIGNER]), [VERIFIER])

    assert opened == (text, [ORIGIN])


def test_all_known_signers_are_named_once() -> None:
    note = signed_note(TEXT, [SIGNER, OTHER, SIGNER])

    assert open_note(note, [STRANGER, VERIFIER]).signed_by == [ORIGIN, OTHER.name]


def test_during_a_rotation_either_key_of_the_name_opens_it() -> None:
    successor = NoteSigner(ORIGIN, bytes(range(2, 34)))
    note = signed_note(TEXT, [SIGNER, successor])

    for one in (SIGNER, successor):
        assert open_checkpoint(note, [NoteVerifier.from_vkey(one.verifier_key)]).size == 5


def test_a_note_of_strangers_only_is_refused() -> None:
    with pytest.raises(NoteUnsigned):
        open_note(NOTE, [STRANGER])
    with pytest.raises(NoteUnsigned):
        open_note(NOTE, [])


def test_unknown_signatures_are_ignored_whatever_they_hold() -> None:
    unknown = signature(b"\xff" * 9, "witness.example") + signature(bytes(77))

    assert open_note(NOTE + unknown, [VERIFIER]).signed_by == [ORIGIN]


def test_one_bad_signature_of_a_known_key_spoils_the_note() -> None:
    forged = signature(VERIFIER.key_id + bytes(64))

    for note in (NOTE + forged, NOTE.replace("\u2014", forged + "\u2014")):
        with pytest.raises(NoteInvalid):
            open_note(note, [VERIFIER])


@pytest.mark.parametrize("length", [1, 63, 65, 128])
def test_a_signature_of_another_length_is_bad(length: int) -> None:
    with pytest.raises(NoteInvalid):
        open_note(f"{TEXT}\n{signature(VERIFIER.key_id + bytes(length))}", [VERIFIER])


def test_no_bit_of_a_note_can_be_changed() -> None:
    raw = bytearray(NOTE.encode())

    for at in range(len(raw) * 8):
        raw[at // 8] ^= 1 << at % 8
        with contextlib.suppress(UnicodeDecodeError):
            note = raw.decode()
            with pytest.raises(NoteInvalid):
                open_note(note, [VERIFIER])
        raw[at // 8] ^= 1 << at % 8


@pytest.mark.parametrize(
    "note",
    [
        pytest.param("", id="nothing"),
        pytest.param(TEXT, id="no signatures"),
        pytest.param(TEXT + "\n", id="only the blank line"),
        pytest.param("\n" + NOTE.partition("\n\n")[2], id="no text"),
        pytest.param("\n\n" + NOTE.partition("\n\n")[2], id="an empty text"),
        pytest.param(NOTE[:-1], id="last line not ended"),
        pytest.param(NOTE + "\n", id="a line too many"),
        pytest.param(NOTE.replace("\n\n", "\n\n\n"), id="two blank lines"),
        pytest.param(NOTE.replace("\n\n", "\n"), id="no blank line"),
        pytest.param(NOTE.replace("\n", "\r\n"), id="line ends of another system"),
        pytest.param(NOTE.replace("\u2014", "-"), id="a hyphen"),
        pytest.param(NOTE.replace("\u2014", "\u2013"), id="an en dash"),
        pytest.param(NOTE.replace("\u2014 ", "\u2014\u00a0"), id="another space"),
        pytest.param(NOTE.replace("\u2014 ", "\u2014  "), id="two spaces"),
        pytest.param(NOTE + "\u2014 a+b AAAAAAAAAA==\n", id="a plus in a name"),
        pytest.param(NOTE + "\u2014 a\u2003b AAAAAAAAAA==\n", id="a wide space in a name"),
        pytest.param(NOTE + "\u2014  AAAAAAAAAA==\n", id="no name"),
        pytest.param(NOTE + "\u2014 a AAAAAA==\n", id="no signature after the id"),
        pytest.param(NOTE + "\u2014 a AAAAAAAA=\n", id="wrong padding"),
        pytest.param(NOTE + "\u2014 a AAAAAAB=\n", id="spare bits set"),
        pytest.param(NOTE + "\u2014 a AAAAAA-_\n", id="base64 of addresses"),
        pytest.param(NOTE + signature(bytes(68), "w") * 16, id="seventeen signatures"),
        pytest.param(NOTE.replace("5", "5\x00"), id="a null byte"),
        pytest.param(NOTE.replace("5", "5\x1b[2J"), id="an escape sequence"),
        pytest.param(NOTE.replace("5", "5\x7f"), id="a delete"),
        pytest.param(NOTE.replace("5", "5\ud800"), id="a lone surrogate"),
        pytest.param(signed("x" * MAX_NOTE_BYTES + "\n"), id="too long"),
        pytest.param(signed("\u2014" * (MAX_NOTE_BYTES // 3) + "\n"), id="too long in bytes"),
    ],
)
def test_a_malformed_note_is_refused(note: str) -> None:
    with pytest.raises(NoteInvalid):
        open_note(note, [VERIFIER])


def test_sixteen_signatures_are_read() -> None:
    note = NOTE + signature(bytes(68), "w") * 15

    assert open_note(note, [VERIFIER]).signed_by == [ORIGIN]


@given(st.text() | st.text("\u2014 \n+=A/a5"))
def test_no_text_is_a_note_by_chance(note: str) -> None:
    for tried in (note, TEXT + note, TEXT + "\n" + note, note + NOTE):
        if tried != NOTE:
            with pytest.raises(NoteInvalid):
                open_note(tried, [VERIFIER])


@pytest.mark.parametrize(
    "text", ["", "x", "\n", "x\n\n", "a\n\nb\n", "\na\n", "a\tb\n", "\ud800\n"]
)
def test_what_could_not_be_read_again_is_not_signed(text: str) -> None:
    with pytest.raises(InvalidValue):
        signed_note(text, [SIGNER])


def test_a_note_has_a_signer_and_not_too_many() -> None:
    for signers in ([], [SIGNER] * 17):
        with pytest.raises(InvalidValue):
            signed_note(TEXT, signers)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\nb", "a\x00b", "\ud800"])
def test_a_name_that_could_not_be_read_again_is_refused(name: str) -> None:
    with pytest.raises(InvalidValue):
        NoteSigner(name, bytes(32))


def test_a_signer_shows_no_secret() -> None:
    assert repr(SIGNER) == f"NoteSigner({ORIGIN!r})"


@pytest.mark.parametrize(
    "vkey",
    [
        pytest.param("", id="nothing"),
        pytest.param(SIGNER.verifier_key + "\n", id="a line end"),
        pytest.param(SIGNER.verifier_key.replace("+", "+F", 1), id="nine digits"),
        pytest.param(key("a\x00", VERIFIER.public), id="a control character"),
        pytest.param(key("a", VERIFIER.public, kind=b"\x04"), id="another algorithm"),
        pytest.param(key("a", VERIFIER.public, key_id="00000000"), id="another id"),
        pytest.param(key("a", VERIFIER.public[:30]), id="a short key"),
        pytest.param(OTHER.verifier_key.replace("other", "shop"), id="another name"),
    ],
)
def test_a_malformed_verifier_key_is_refused(vkey: str) -> None:
    with pytest.raises(NoteInvalid):
        NoteVerifier.from_vkey(vkey)


@pytest.mark.parametrize("sign", [0, 0x80])
@pytest.mark.parametrize(
    "point",
    [
        pytest.param(1, id="the neutral point"),
        pytest.param(0, id="order four"),
        pytest.param(2**255 - 20, id="order two"),
        pytest.param(2**255 - 18, id="the neutral point written otherwise"),
        pytest.param(2**255 - 19, id="order four written otherwise"),
        pytest.param(2**255 - 1, id="the largest number"),
    ],
)
def test_a_key_that_anybody_can_sign_for_is_refused(point: int, sign: int) -> None:
    raw = bytearray(point.to_bytes(32, "little"))
    raw[31] |= sign

    with pytest.raises(NoteInvalid, match="proper"):
        NoteVerifier.from_vkey(key("a", bytes(raw)))


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32), texts)
def test_a_checkpoint_is_read_as_it_was_written(size: int, root: bytes, origin: str) -> None:
    checkpoint = Checkpoint(origin, size, root)

    assert parse_checkpoint(checkpoint_text(checkpoint)) == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(TEXT[:-1], id="last line not ended"),
        pytest.param(TEXT + "extension\n", id="an extension line"),
        pytest.param(TEXT + "\n", id="a blank line"),
        pytest.param(TEXT.replace(ORIGIN, ""), id="no origin"),
        pytest.param(TEXT.replace("5", "05"), id="a leading zero"),
        pytest.param(TEXT.replace("5", "+5"), id="a sign"),
        pytest.param(TEXT.replace("5", "-5"), id="below nothing"),
        pytest.param(TEXT.replace("5", ""), id="no size"),
        pytest.param(TEXT.replace("5", "\u0665"), id="a digit of another script"),
        pytest.param(TEXT.replace("5", str(2**63)), id="too large"),
        pytest.param(TEXT.replace("A=", "B="), id="spare bits set"),
        pytest.param(TEXT.replace("AAAA", "", 1), id="a short root"),
        pytest.param(TEXT.replace("A=", "A=="), id="padding too long"),
    ],
)
def test_a_malformed_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteInvalid):
        parse_checkpoint(text)
    with pytest.raises(NoteInvalid):
        open_checkpoint(f"{text}\n{SIGNER.sign(text)}", [VERIFIER])


@pytest.mark.parametrize(
    ("origin", "size", "root"), [("", 1, bytes(32)), ("a\nb", 1, bytes(32)), ("a", -1, bytes(32))]
)
def test_a_checkpoint_that_could_not_be_written_is_not_built(
    origin: str, size: int, root: bytes
) -> None:
    with pytest.raises(InvalidValue):
        Checkpoint(origin, size, root)


def test_the_key_of_another_log_cannot_speak_for_this_one() -> None:
    note = signed_note(TEXT, [OTHER])

    assert open_note(note, [VERIFIER, STRANGER]).signed_by == [OTHER.name]
    with pytest.raises(NoteUnsigned):
        open_checkpoint(note, [VERIFIER, STRANGER])
