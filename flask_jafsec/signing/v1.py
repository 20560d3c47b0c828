"""The guide's own scheme, made unambiguous: one HMAC over everything that decides what is done.

A client needs SHA-256, HMAC and four headers, no library for structured fields.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import Final

from flask_jafsec.signing.algorithms import Algorithm, VerifyingKey
from flask_jafsec.signing.errors import SignatureMalformed, SignatureRefused
from flask_jafsec.signing.message import Message
from flask_jafsec.signing.message_signatures import (
    LEEWAY_S,
    MAX_AGE_S,
    MAX_KEY_ID_CHARS,
    FindKey,
)

#: The four headers. Source: the guide.
SIGNATURE: Final = "x-signature"
TIMESTAMP: Final = "x-timestamp"
NONCE: Final = "x-nonce"
KEY_ID: Final = "x-key-id"
HEADERS: Final = (SIGNATURE, TIMESTAMP, NONCE, KEY_ID)

#: First in what is signed, so that no signature of another scheme could be one of this.
PREFIX: Final = b"jafsec-v1\n"

_SIGNATURE: Final = re.compile(r"v1=([0-9a-f]{64})")
_SECONDS: Final = re.compile(r"[1-9][0-9]{0,11}")
_NONCE: Final = re.compile(r"[A-Za-z0-9._~-]{16,128}")
_KEY_ID: Final = re.compile(rf"[A-Za-z0-9._~-]{{1,{MAX_KEY_ID_CHARS}}}")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What makes a signature one of a kind."""

    key_id: str
    created: int
    """Seconds since 1970 UTC."""
    nonce: str


def signed_bytes(message: Message, stamp: Stamp, body_digest: bytes) -> bytes:
    """Return what is signed: each part behind its length, so that no two requests share it.

    Args:
        body_digest: SHA-256 of the body's raw bytes, also of an empty one.
    """
    content_type = ", ".join(message.fields.get("content-type", ()))
    parts = (
        message.method,
        message.path,
        message.query or "",
        message.authority,
        content_type,
        body_digest.hex(),
        str(stamp.created),
        stamp.nonce,
        stamp.key_id,
    )
    encoded = [part.encode("utf-8", "surrogateescape") for part in parts]
    return PREFIX + b"".join(b"%d:%b\n" % (len(part), part) for part in encoded)


def signature_of(secret: bytes, message: Message, stamp: Stamp, body_digest: bytes) -> str:
    """Return the value of ``X-Signature``."""
    signed = signed_bytes(message, stamp, body_digest)
    return f"v1={hmac.digest(secret, signed, 'sha256').hex()}"


def headers_of(secret: bytes, message: Message, stamp: Stamp, body_digest: bytes) -> dict[str, str]:
    """Return the four headers that sign *message*."""
    return {
        "X-Key-Id": stamp.key_id,
        "X-Timestamp": str(stamp.created),
        "X-Nonce": stamp.nonce,
        "X-Signature": signature_of(secret, message, stamp, body_digest),
    }


@dataclass(frozen=True, slots=True)
class Claim:
    """The four headers of one request, read; nothing is proven yet."""

    stamp: Stamp
    signature: bytes


def read(message: Message) -> Claim:
    """Return what the four headers of *message* say.

    Raises:
        SignatureMalformed: One is missing, there twice, or not in its form.
    """
    found = [
        _matched(message, name, form)
        for name, form in (
            (SIGNATURE, _SIGNATURE),
            (TIMESTAMP, _SECONDS),
            (NONCE, _NONCE),
            (KEY_ID, _KEY_ID),
        )
    ]
    signature, created, nonce, key_id = found
    stamp = Stamp(key_id, int(created), nonce)
    return Claim(stamp, bytes.fromhex(signature.removeprefix("v1=")))


def _matched(message: Message, name: str, form: re.Pattern[str]) -> str:
    values = message.fields.get(name, ())
    if not values:
        raise SignatureMalformed(f"{name}_missing")
    if len(values) > 1 or not form.fullmatch(values[0]):
        raise SignatureMalformed(f"{name}_malformed")
    return values[0]


def verify(
    message: Message,
    claim: Claim,
    body_digest: bytes,
    find_key: FindKey,
    now: int,
    *,
    max_age_s: int = MAX_AGE_S,
    leeway_s: int = LEEWAY_S,
) -> VerifyingKey:
    """Return the key that *message* is signed with.

    Args:
        now: Seconds since 1970 UTC.

    Raises:
        SignatureRefused: It is not, or not now.
    """
    created = claim.stamp.created
    if created < now - max_age_s:
        raise SignatureRefused("too_old")
    if created > now + leeway_s:
        raise SignatureRefused("created_in_future")
    key = find_key(claim.stamp.key_id)
    if key is None:
        raise SignatureRefused("key_unknown")
    if key.algorithm is not Algorithm.HMAC:
        raise SignatureRefused("algorithm_refused")
    if not key.verifies(signed_bytes(message, claim.stamp, body_digest), claim.signature):
        raise SignatureRefused("signature_wrong")
    return key
