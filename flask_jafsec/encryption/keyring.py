"""Derives every key from the root keys; what is done with the keys stands elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from flask_jafsec.errors import InvalidValue

#: Separates our keys from those anybody else derives from the same root key. Part of every
#: derived key: changing it makes all tokens, keys and sealed values unreadable.
SALT: Final = b"jafsec/1"

#: As long as the output of SHA-256, the hash inside (RFC 5869 section 3.3; NIST SP 800-108).
MIN_ROOT_BYTES: Final = 32

#: Bytes of every derived key: AES-256, HMAC-SHA-256 and an Ed25519 seed all take 32.
KEY_BYTES: Final = 32

#: Contexts may come from outside (tenants, days), so what is remembered is bounded.
MAX_REMEMBERED: Final = 1_024

#: 64 bits tell keys apart and say nothing about them.
FINGERPRINT_BYTES: Final = 8

#: Not a ``Purpose``, so no key in use can ever equal a fingerprint.
_FINGERPRINT: Final = "fingerprint"


class Purpose(StrEnum):
    """What a derived key is for. A closed list, alphabetical; a value is never reused."""

    APIKEY_INDEX = "apikey-index"
    AUDIT_ED25519 = "audit-ed25519"
    AUDIT_MAC = "audit-mac"
    CSRF = "csrf"
    CURSOR = "cursor"
    KEK = "kek"
    LIMITER_KEY = "limiter-key"
    REFRESH_INDEX = "refresh-index"
    SESSION = "session"
    SIGNING_WRAP = "signing-wrap"
    SUBJECT_INDEX = "subject-index"
    TOKEN_HS = "token-hs"


class Keyring:
    """Root keys, newest first, and what is derived from them. Satisfies ``protocols.Derive``."""

    __slots__ = ("_app_id", "_lock", "_remembered", "_roots")

    def __init__(self, roots: Sequence[tuple[str, bytes]], app_id: str) -> None:
        """Keep *roots*, pairs of id and material.

        Args:
            app_id: Part of every derived key, so that two applications sharing a root key by
                mistake still cannot read each other's values.

        Raises:
            InvalidValue: No root key, an id twice, fewer than 32 bytes, or an unusable app id.
        """
        _check_roots(roots)
        # The byte 0x00 separates the parts of a derivation; inside the app id it would let
        # two different applications derive the same key.
        if not app_id or "\0" in app_id:
            raise InvalidValue("app_id", "must not be empty or hold the character U+0000")
        self._roots = dict(roots)
        self._app_id = app_id
        self._remembered: dict[tuple[Purpose, str, str], bytes] = {}
        self._lock = threading.Lock()

    @property
    def active(self) -> str:
        """The id of the root key that new things are made with."""
        return next(iter(self._roots))

    @property
    def root_ids(self) -> tuple[str, ...]:
        """The ids of all root keys, newest first; all but the first only verify."""
        return tuple(self._roots)

    def derive(self, purpose: str, root_id: str, context: str = "") -> bytes:
        """Return 32 bytes for one purpose; the same for the same arguments.

        Args:
            context: Divides a purpose further, such as by tenant; any text.

        Raises:
            InvalidValue: *purpose* is not a ``Purpose``.
            KeyError: No such root key.

        Source: HKDF-SHA-256, RFC 5869; info = purpose 0x00 app_id 0x00 context.
        """
        try:
            wanted = (Purpose(purpose), root_id, context)
        except ValueError:
            raise InvalidValue("purpose", "is not on the closed list of purposes") from None
        known = self._remembered.get(wanted)
        if known is not None:
            return known
        key = self._expand(wanted[0], root_id, context, KEY_BYTES)
        self._remember(wanted, key)
        return key

    def fingerprint(self, root_id: str) -> str:
        """Return 16 hex digits that tell this root key and app id from others; safe to show.

        Raises:
            KeyError: No such root key.
        """
        return self._expand(_FINGERPRINT, root_id, "", FINGERPRINT_BYTES).hex()

    def __repr__(self) -> str:
        return f"Keyring(root_ids={self.root_ids!r}, app_id={self._app_id!r})"

    def _expand(self, purpose: str, root_id: str, context: str, length: int) -> bytes:
        info = b"\0".join(part.encode() for part in (purpose, self._app_id, context))
        hkdf = HKDF(algorithm=SHA256(), length=length, salt=SALT, info=info)
        return hkdf.derive(self._roots[root_id])

    def _remember(self, wanted: tuple[Purpose, str, str], key: bytes) -> None:
        with self._lock:
            if len(self._remembered) >= MAX_REMEMBERED:
                del self._remembered[next(iter(self._remembered))]
            self._remembered[wanted] = key


def _check_roots(roots: Sequence[tuple[str, bytes]]) -> None:
    if not roots:
        raise InvalidValue("roots", "at least one root key is needed")
    ids = [root_id for root_id, _ in roots]
    if len(set(ids)) != len(ids):
        raise InvalidValue("roots", "two root keys have the same id")
    if any(len(material) < MIN_ROOT_BYTES for _, material in roots):
        raise InvalidValue("roots", f"a root key is shorter than {MIN_ROOT_BYTES} bytes")
