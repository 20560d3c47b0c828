"""The one-time id of a form that makes something: sent twice, it makes one thing."""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Final

from flask_jafsec.ids import LENGTH, is_id, new_id

from . import access

#: Bytes of the mark that says that an id is ours and for this session and form. Truncated
#: HMAC-SHA-256; source: NIST SP 800-224 section 3.3.
MARK_BYTES: Final = 16


def make(purpose: str) -> str:
    """Return a fresh id with its mark, for a hidden field."""
    now_ms = int(access.state().services.clock.time() * 1000)
    return _marked(new_id(now_ms), purpose)


def read(purpose: str, text: str) -> str:
    """Return the id if we made it for this session and purpose, else nothing."""
    found = text[:LENGTH]
    is_ours = is_id(found) and hmac.compare_digest(
        text.encode("utf-8", "surrogatepass"), _marked(found, purpose).encode()
    )
    return found if is_ours else ""


def _marked(made: str, purpose: str) -> str:
    mark = hmac.digest(access.form_key(), f"once {purpose} {made}".encode(), sha256)
    return made + mark[:MARK_BYTES].hex()
