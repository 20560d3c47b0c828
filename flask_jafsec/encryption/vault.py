"""Data keys: made, wrapped under the root keys, and used to seal values bound to their place.

Where wrapped keys are stored, and which value gets which key, is said by those who use them.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from flask_jafsec.encryption.keyring import KEY_BYTES, Purpose
from flask_jafsec.errors import KeyUnavailable, SealBroken
from flask_jafsec.protocols import Derive

#: The nonce size AES-GCM is made for; random ones are safe for 2^32 values under one key.
#: Source: NIST SP 800-38D sections 5.2.1.1 and 8.3.
NONCE_BYTES: Final = 12

#: Bytes of a blind index: 128 bits, so that two people never share one by accident.
INDEX_BYTES: Final = 16

#: Part of what every wrapped key is bound to; another format gets another word.
_WRAP: Final = b"dek1"


class SealKey:
    """One data key, ready for use. Its bytes are not to be had back."""

    __slots__ = ("_aes", "_index")

    def __init__(self, material: bytes) -> None:
        self._aes = AESGCM(material)
        # Sealing and indexing never use the same key.
        self._index = hmac.digest(material, b"jafsec-index-1", "sha256")

    def seal(self, text: bytes, place: bytes) -> bytes:
        """Return nonce, ciphertext and tag of *text*, which open at this *place* only."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aes.encrypt(nonce, text, place)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """Return what was sealed at this *place*.

        Raises:
            SealBroken: It was changed, moved from elsewhere, or sealed under another key.
        """
        try:
            return self._aes.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place)
        except (InvalidTag, ValueError) as error:
            raise SealBroken("a sealed value was changed or moved") from error

    def index(self, text: str) -> bytes:
        """Return a keyed reference: the same for the same text, and only for who has the key."""
        digest = hmac.digest(self._index, text.encode("utf-8", "surrogatepass"), "sha256")
        return digest[:INDEX_BYTES]


class Vault:
    """Makes data keys and unwraps them again."""

    def __init__(self, derive: Derive, app_id: str) -> None:
        self._derive = derive
        self._app_id = app_id.encode()

    def make(self, ref: str) -> tuple[bytes, str, SealKey]:
        """Return a new key wrapped, the id of the root key that wraps it, and the key."""
        material = AESGCM.generate_key(KEY_BYTES * 8)
        root_id = self._derive.active
        nonce = os.urandom(NONCE_BYTES)
        wrapped = nonce + self._kek(root_id).encrypt(nonce, material, self._place(ref))
        return wrapped, root_id, SealKey(material)

    def unwrap(self, ref: str, wrapped: bytes, root_id: str) -> SealKey:
        """Return a stored key.

        Raises:
            KeyUnavailable: The root key that wrapped it is not configured any more.
            SealBroken: The stored bytes were changed, or belong to another key.
        """
        place = self._place(ref)
        try:
            material = self._kek(root_id).decrypt(
                wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], place
            )
        except KeyError:
            raise KeyUnavailable(root_id) from None
        except (InvalidTag, ValueError) as error:
            raise SealBroken("a wrapped key was changed or moved") from error
        return SealKey(material)

    def lookups(self, text: str) -> Sequence[tuple[str, bytes]]:
        """Return the blind indexes of a person, each with its root key's id, newest first."""
        raw = text.encode("utf-8", "surrogatepass")
        keys = ((root, self._derive.derive(Purpose.SUBJECT_INDEX, root)) for root in self._roots)
        return [(root, hmac.digest(key, raw, "sha256")[:INDEX_BYTES]) for root, key in keys]

    @property
    def _roots(self) -> Sequence[str]:
        return self._derive.root_ids

    def _kek(self, root_id: str) -> AESGCM:
        return AESGCM(self._derive.derive(Purpose.KEK, root_id))

    def _place(self, ref: str) -> bytes:
        return b"\0".join((_WRAP, self._app_id, ref.encode(), b"1"))
