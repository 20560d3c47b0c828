"""Asks a key about a signature the way the verifier of tokens does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask_jafsec.identity.segments import decode_segment
from flask_jafsec.identity.token_keys import TokenKey


def holds(key: TokenKey, header: Mapping[str, str], parts: Sequence[str]) -> bool:
    """Return whether *key* accepts *header* and the third of *parts* signs the first two."""
    signed = f"{parts[0]}.{parts[1]}".encode()
    return key.accepts(header) and key.verifies(signed, decode_segment(parts[2]))
