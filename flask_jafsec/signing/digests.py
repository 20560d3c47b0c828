"""Digests of a body, in ``Content-Digest``. Source: RFC 9530, sections 2 and 5."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

import http_sf

from flask_jafsec.signing.errors import SignatureMalformed, SignatureRefused

#: The registered algorithms that are not broken, as hashlib calls them.
ALGORITHMS: Final[Mapping[str, str]] = {"sha-256": "sha256", "sha-512": "sha512"}

#: Bytes of the field at most: two digests take about 170.
MAX_CHARS: Final = 1_024


def wanted_digests(value: str) -> Mapping[str, bytes]:
    """Return the digests of a ``Content-Digest`` field that can be checked, by algorithm.

    Raises:
        SignatureMalformed: It is none, or too long.
        SignatureRefused: None of its algorithms is one that proves anything.
    """
    if len(value) > MAX_CHARS:
        raise SignatureMalformed("digest_too_long")
    try:
        members = http_sf.parse(value.encode("ascii"), tltype="dictionary")
    except (ValueError, UnicodeError) as error:
        raise SignatureMalformed("digest_malformed") from error
    found: dict[str, bytes] = {}
    for name, member in members.items() if isinstance(members, dict) else ():
        if name not in ALGORITHMS:
            continue  # MD5 and the like prove nothing, and harm nothing beside a good one
        digest = member[0] if isinstance(member, tuple) else None
        if not isinstance(digest, bytes):
            raise SignatureMalformed("digest_malformed")
        found[name] = digest
    if not found:
        raise SignatureRefused("digest_unknown")
    return found


def check_digests(wanted: Mapping[str, bytes], found: Mapping[str, bytes]) -> None:
    """Compare digests that a message names with those of the body. Raises SignatureRefused."""
    for name, digest in wanted.items():
        if not hmac.compare_digest(digest, found[name]):
            raise SignatureRefused("digest_differs")


def content_digest(body: bytes, algorithm: str = "sha-256") -> str:
    """Return the value of ``Content-Digest`` for a body."""
    digest = hashlib.new(ALGORITHMS[algorithm], body).digest()
    return http_sf.ser({algorithm: (digest, {})})
