"""The four algorithms, each of ``cryptography``. Source: RFC 9421, section 3.3."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from flask_jafsec.errors import InvalidValue

#: As long as the output of the hash (RFC 2104 section 3).
MIN_SECRET_BYTES: Final = 32

#: Source: NIST SP 800-57 part 1, table 2 (112 bits).
MIN_RSA_BITS: Final = 2_048

#: Source: RFC 9421 section 3.3.1.
_PSS_SALT_BYTES: Final = 64
_P256_BYTES: Final = 32

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


class Algorithm(StrEnum):
    """Names as registered (RFC 9421 section 6.2.2)."""

    ECDSA_P256 = "ecdsa-p256-sha256"
    ED25519 = "ed25519"
    HMAC = "hmac-sha256"
    RSA_PSS = "rsa-pss-sha512"


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A key that signatures are checked with; it knows its algorithm, whatever a message says."""

    id: str
    algorithm: Algorithm
    material: bytes | PublicKey = field(repr=False)

    @classmethod
    def from_secret(cls, key_id: str, secret: bytes) -> VerifyingKey:
        """Return the key of a shared secret. Raises InvalidValue for a short one."""
        if len(secret) < MIN_SECRET_BYTES:
            raise InvalidValue("secret", f"must be at least {MIN_SECRET_BYTES} bytes")
        return cls(key_id, Algorithm.HMAC, secret)

    @classmethod
    def from_pem(cls, key_id: str, pem: bytes) -> VerifyingKey:
        """Return the key of a public key in PEM. Raises InvalidValue for any other."""
        try:
            found = load_pem_public_key(pem)
        except ValueError as error:
            raise InvalidValue("public_key", "is no public key in PEM") from error
        if isinstance(found, ed25519.Ed25519PublicKey):
            return cls(key_id, Algorithm.ED25519, found)
        if isinstance(found, ec.EllipticCurvePublicKey) and isinstance(found.curve, ec.SECP256R1):
            return cls(key_id, Algorithm.ECDSA_P256, found)
        if isinstance(found, rsa.RSAPublicKey) and found.key_size >= MIN_RSA_BITS:
            return cls(key_id, Algorithm.RSA_PSS, found)
        raise InvalidValue("public_key", "must be Ed25519, ECDSA on P-256, or RSA of 2048 bits")

    def verifies(self, base: bytes, signature: bytes) -> bool:
        """Return whether *signature* was made over *base* with this key."""
        material = self.material
        if isinstance(material, bytes):
            return hmac.compare_digest(hmac.digest(material, base, "sha256"), signature)
        try:
            _verify(material, base, signature)
        except (InvalidSignature, ValueError):
            return False
        return True


def _verify(key: PublicKey, base: bytes, signature: bytes) -> None:
    if isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(signature, base)
    elif isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, base, _pss(), SHA512())
    else:
        if len(signature) != 2 * _P256_BYTES:
            raise InvalidSignature
        halves = (signature[:_P256_BYTES], signature[_P256_BYTES:])
        r, s = (int.from_bytes(half, "big") for half in halves)
        key.verify(encode_dss_signature(r, s), base, ec.ECDSA(SHA256()))


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs: a shared secret, or the private half of a pair."""

    id: str
    material: bytes | PrivateKey = field(repr=False)

    @property
    def algorithm(self) -> Algorithm:
        """What it signs with."""
        if isinstance(self.material, bytes):
            return Algorithm.HMAC
        if isinstance(self.material, ed25519.Ed25519PrivateKey):
            return Algorithm.ED25519
        if isinstance(self.material, rsa.RSAPrivateKey):
            return Algorithm.RSA_PSS
        return Algorithm.ECDSA_P256

    def sign(self, base: bytes) -> bytes:
        """Return the signature over *base*."""
        material = self.material
        if isinstance(material, bytes):
            return hmac.digest(material, base, "sha256")
        if isinstance(material, ed25519.Ed25519PrivateKey):
            return material.sign(base)
        if isinstance(material, rsa.RSAPrivateKey):
            return material.sign(base, _pss(), SHA512())
        r, s = decode_dss_signature(material.sign(base, ec.ECDSA(SHA256())))
        return r.to_bytes(_P256_BYTES, "big") + s.to_bytes(_P256_BYTES, "big")


def _pss() -> padding.PSS:
    return padding.PSS(padding.MGF1(SHA512()), _PSS_SALT_BYTES)
