"""Places in the list of keys, as text that only we can make: good for one list and direction."""

from __future__ import annotations

import binascii
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from flask_jafsec.errors import InvalidValue
from flask_jafsec.stored_keys import KeyPlace

#: Bytes of the truncated HMAC-SHA-256. Source: NIST SP 800-224 section 3.3 (128 bits and more).
MAC_BYTES: Final = 16

#: A name of 1,000 bytes, the longest there is, with its quotes and escapes, in base64.
MAX_CHARS: Final = 10_000

_DOMAIN: Final = b"jafsec-key-cursor-1\0"
_START: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class KeyCursors:
    """Signs and verifies places.

    Args:
        keys: Newest first; the others only verify.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)

    def sign(self, place: KeyPlace, scope: str) -> str:
        """Return *place* as text that is good for this *scope* only."""
        value = place.value
        is_time = isinstance(value, datetime)
        kept = (value - _START) // _MICROSECOND if isinstance(value, datetime) else value
        body = json.dumps([is_time, kept, place.id], separators=(",", ":")).encode()
        mac = _mac(self._keys[0], body, scope)
        return urlsafe_b64encode(mac + body).decode("ascii").rstrip("=")

    def verify(self, field: str, text: str, scope: str) -> KeyPlace:
        """Return the place, if we made it for this *scope*. Raises InvalidValue."""
        body = self._genuine(text, scope)
        if body is None:
            raise InvalidValue(field, "is not a place in this list; begin at its first page")
        is_time, value, key_id = json.loads(body)
        return KeyPlace(_START + value * _MICROSECOND if is_time else value, key_id)

    def _genuine(self, text: str, scope: str) -> bytes | None:
        if len(text) > MAX_CHARS or not text.isascii():
            return None
        try:
            raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except (binascii.Error, ValueError):
            return None
        mac, body = raw[:MAC_BYTES], raw[MAC_BYTES:]
        is_ours = any(hmac.compare_digest(mac, _mac(key, body, scope)) for key in self._keys)
        return body if is_ours else None


def _mac(key: bytes, body: bytes, scope: str) -> bytes:
    named = json.dumps(scope).encode()
    return hmac.digest(key, _DOMAIN + named + b"\0" + body, "sha256")[:MAC_BYTES]
