"""Identifiers: 26 characters of Crockford base32, sortable by time of birth."""

from __future__ import annotations

import os
import re
import time

#: Crockford's alphabet has no I, L, O and U, so an id read aloud is written down right.
#: Source: Douglas Crockford, "Base 32".
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

#: 128 bits in groups of five take 26 characters.
LENGTH = 26

_PATTERN = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_PAIRS = tuple(a + b for a in ALPHABET for b in ALPHABET)


def new_id(at_ms: int | None = None) -> str:
    """Return a fresh id: a UUIDv7 in Crockford base32.

    Args:
        at_ms: Milliseconds since 1970 UTC; the machine's clock when left out.

    Source: RFC 9562 section 5.7 (48 bits of time, version, variant, 74 random bits).
    """
    milliseconds = time.time_ns() // 1_000_000 if at_ms is None else at_ms
    noise = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76 | (noise >> 64 & 0xFFF) << 64
    value |= 0b10 << 62 | noise & 0x3FFF_FFFF_FFFF_FFFF
    return encode(value)


def encode(value: int) -> str:
    """Return the 26 characters of a 128-bit number."""
    pairs = _PAIRS
    return "".join([pairs[value >> shift & 0x3FF] for shift in range(120, -1, -10)])


def is_id(text: str) -> bool:
    """Return whether *text* has the form of an id; says nothing about whether it exists."""
    return _PATTERN.fullmatch(text) is not None
