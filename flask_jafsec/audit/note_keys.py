"""The keys that sign notes and check them, and the plain forms they are written in.

Source: C2SP signed-note with Ed25519 (signature type 0x01).
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from flask_jafsec.errors import InvalidValue, JafsecError

#: The first byte of an Ed25519 key in key ids and verifier keys. Source: C2SP signed-note.
ED25519: Final = b"\x01"

KEY_ID_BYTES: Final = 4
SEED_BYTES: Final = 32

#: No note is longer, in bytes of UTF-8: a hostile one costs no more than this to refuse.
MAX_NOTE_BYTES: Final = 64 * 1024

#: The y coordinates of the eight points of small order, as their 32 little-endian bytes without
#: the sign. With such a "key" there are signatures that anybody can make.
#: Source: the curve of RFC 8032 section 5.1; the tests compute them from it.
_SMALL_ORDER: Final = frozenset(
    bytes.fromhex(y)
    for y in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
)

#: The prime of Ed25519's field. Source: RFC 8032 section 5.1.
_FIELD: Final = 2**255 - 19

_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_NAME: Final = re.compile(r"[^\s+]+")
_VERIFIER_KEY: Final = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})")


class NoteInvalid(JafsecError):
    """A note is malformed, or a signature of a known key on it does not hold."""

    code = "note_invalid"


class NoteSigner:
    """Signs notes with an Ed25519 key."""

    __slots__ = ("_key", "_key_id", "name", "verifier_key")

    def __init__(self, name: str, seed32: bytes) -> None:
        """Take the private key as its 32 secret bytes.

        Raises:
            InvalidValue: The name is empty or holds white space or a plus sign.
        """
        if not is_plain(name) or not _NAME.fullmatch(name):
            raise InvalidValue("name", "must not be empty or hold white space or '+'")
        if len(seed32) != SEED_BYTES:
            raise InvalidValue("seed32", f"must have {SEED_BYTES} bytes")
        self._key = Ed25519PrivateKey.from_private_bytes(seed32)
        public = self._key.public_key().public_bytes_raw()
        self._key_id = key_id(name, public)
        self.name = name
        #: What an auditor is given: name, key id and public key as one word.
        self.verifier_key = f"{name}+{self._key_id.hex()}+{to_base64(ED25519 + public)}"

    def __repr__(self) -> str:
        return f"NoteSigner({self.name!r})"

    def sign(self, text: str) -> str:
        """Return the signature line for *text*, with its line end."""
        signature = self._key.sign(text.encode())
        return f"\u2014 {self.name} {to_base64(self._key_id + signature)}\n"


@dataclass(frozen=True, slots=True)
class NoteVerifier:
    """Checks the signatures of one Ed25519 key. It needs no secret."""

    name: str
    key_id: bytes
    public: bytes

    @classmethod
    def from_vkey(cls, text: str) -> NoteVerifier:
        """Return the verifier for a verifier key, ``<name>+<8 hex>+<base64>``.

        Raises:
            NoteInvalid: It is malformed, its id is not that of its key, or its key is no point
                of the curve that only one person can sign for.
        """
        found = _VERIFIER_KEY.fullmatch(text) if len(text) <= MAX_NOTE_BYTES else None
        if found is None or not is_plain(text):
            raise NoteInvalid("not a verifier key: <name>+<8 hex digits>+<base64>")
        key = from_base64(found[3])
        if key[:1] != ED25519:
            raise NoteInvalid("the verifier key is not an Ed25519 key")
        public = key[1:]
        if key_id(found[1], public).hex() != found[2]:
            raise NoteInvalid("the verifier key's id does not belong to its name and key")
        _check_point(public)
        return cls(found[1], bytes.fromhex(found[2]), public)

    def check(self, text: str, signature: bytes) -> None:
        """Return if *signature* is this key's over *text*.

        Raises:
            NoteInvalid: It is not.
        """
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except (InvalidSignature, ValueError) as error:
            raise NoteInvalid(f"the signature of {self.name} does not hold") from error


def key_id(name: str, public: bytes) -> bytes:
    """Return the four bytes that tell keys of one name apart. Source: C2SP signed-note."""
    return sha256(name.encode() + b"\n" + ED25519 + public).digest()[:KEY_ID_BYTES]


def to_base64(raw: bytes) -> str:
    """Return standard base64 with padding."""
    return base64.b64encode(raw).decode("ascii")


def from_base64(text: str) -> bytes:
    """Return the bytes that *text* stands for, if it is the one way to write them.

    Raises:
        NoteInvalid: It is not standard base64 with padding and zero spare bits.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteInvalid("not base64") from error
    if to_base64(raw) != text:
        raise NoteInvalid("not the canonical base64 of its bytes")
    return raw


def check_characters(text: str) -> None:
    """Return if *text* may stand in a note.

    Raises:
        NoteInvalid: It is too long, not UTF-8, or holds control characters.
    """
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise NoteInvalid("a note is UTF-8") from error
    if size > MAX_NOTE_BYTES:
        raise NoteInvalid(f"a note has at most {MAX_NOTE_BYTES} bytes")
    if _CONTROL.search(text):
        raise NoteInvalid("a note holds no control characters")


def is_plain(text: str) -> bool:
    """Return whether *text* holds only what a note may hold."""
    try:
        check_characters(text)
    except NoteInvalid:
        return False
    return True


def _check_point(public: bytes) -> None:
    without_sign = public[:31] + bytes([public[31] & 0x7F])
    if int.from_bytes(without_sign, "little") >= _FIELD or without_sign in _SMALL_ORDER:
        raise NoteInvalid("the verifier key is not a proper Ed25519 key")
