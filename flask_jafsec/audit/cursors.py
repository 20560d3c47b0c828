"""Places in the list of a query, as text that only we can make.

A cursor names the event at the end of a page, so the next page costs the same at any depth. It is
signed: whoever may page through one query must not be able to step into another, or to feed numbers
of their own into the database.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flask_jafsec.audit.query import Query
from flask_jafsec.errors import InvalidValue, JafsecError

#: The version of this format.
VERSION: Final = 1

#: Bytes of the digest of query and range. With the rest a cursor is 64 characters without padding,
#: so that it can be written in one way only.
SCOPE_BYTES: Final = 14

#: Bytes of the truncated HMAC-SHA-256. Source: NIST SP 800-224 section 3.3 (128 bits and more).
MAC_BYTES: Final = 16

#: Version, direction, time, leaf, digest of query and range.
_BODY: Final = struct.Struct(f">BBqq{SCOPE_BYTES}s")
_CHARS: Final = (_BODY.size + MAC_BYTES) * 4 // 3
_DOMAIN: Final = b"jafsec-cursor-1\0"


class CursorInvalid(JafsecError):
    """A cursor is none of ours, was changed, or belongs to another query, range or direction."""

    code = "cursor_invalid"


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two events of the list, and the way to go on from it."""

    ts: int
    leaf_index: int
    to_older: bool


class Cursors:
    """Signs and verifies cursors.

    Args:
        keys: Derived for ``Purpose.CURSOR``, newest first; the others only verify.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise InvalidValue("keys", "at least one key is needed")
        self._keys = tuple(keys)

    def sign(self, cursor: Cursor, scope: bytes) -> str:
        """Return *cursor* as text that is good for this *scope* only."""
        body = _BODY.pack(VERSION, cursor.to_older, cursor.ts, cursor.leaf_index, scope)
        return urlsafe_b64encode(body + _mac(self._keys[0], body)).decode("ascii")

    def verify(self, text: str, scope: bytes, *, to_older: bool) -> Cursor:
        """Return the cursor, if we made it for this *scope* and direction.

        Raises:
            CursorInvalid: Anything else.
        """
        body = self._genuine(text)
        version, direction, ts, leaf_index, made_for = _BODY.unpack(body)
        if version != VERSION or made_for != scope or direction != to_older:
            raise CursorInvalid("the cursor belongs to another query, range or direction")
        return Cursor(ts, leaf_index, to_older)

    def _genuine(self, text: str) -> bytes:
        if len(text) != _CHARS or not text.isascii() or "+" in text or "/" in text:
            raise CursorInvalid("this is not a cursor")
        try:
            raw = urlsafe_b64decode(text)
        except binascii.Error as error:
            raise CursorInvalid("this is not a cursor") from error
        body, mac = raw[: _BODY.size], raw[_BODY.size :]
        if len(mac) != MAC_BYTES or not any(
            hmac.compare_digest(mac, _mac(key, body)) for key in self._keys
        ):
            raise CursorInvalid("the cursor was not made here, or was changed")
        return body


def scope_of(query: Query, from_us: int, to_us: int) -> bytes:
    """Return the digest that binds a cursor to its list."""
    named = f"{from_us}\0{to_us}\0{query}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(named).digest()[:SCOPE_BYTES]


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, _DOMAIN + body, "sha256")[:MAC_BYTES]
