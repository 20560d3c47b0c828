"""Reads token keys from PEM and JWK, and refuses the ones that would make tokens forgeable."""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
from dataclasses import dataclass, field
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc import jwk
from joserfc.errors import JoseError

from flask_jafsec.errors import InvalidValue
from flask_jafsec.identity.segments import MalformedSegment, decode_segment, read_object

#: Smallest RSA modulus, in bits. Source: RFC 7518 sections 3.3 and 3.5.
MIN_RSA_BITS: Final = 2048

#: Smallest public RSA exponent. Source: FIPS 186-5 section A.1.1.
MIN_RSA_EXPONENT: Final = 65_537

#: Smallest HMAC key, in bytes: as long as the hash. Source: RFC 7518 section 3.2.
MIN_SECRET_BYTES: Final = 32

#: Members of a JWK that carry the key itself; all others are looked at once and dropped.
#: Source: RFC 7518 section 6; RFC 8037 section 2.
_PUBLIC_MEMBERS: Final = ("crv", "x", "y", "n", "e")
_PRIVATE_MEMBERS: Final = ("d", "p", "q", "dp", "dq", "qi")

#: How public keys and certificates begin in text form. Source: RFC 7468 section 2; RFC 4253
#: section 6.6; RFC 4716 section 3.2.
_PUBLIC_TEXT: Final = re.compile(
    rb"-----BEGIN |---- BEGIN |ssh-(?:rsa|dss|ed25519|ed448) |ecdsa-sha2-|sk-(?:ssh|ecdsa)-"
)

#: Anything that can be read as DER is a key or certificate, not a secret.
_DER_READERS: Final = (
    serialization.load_der_public_key,
    x509.load_der_x509_certificate,
    lambda raw: serialization.load_der_private_key(raw, None),
)


@dataclass(frozen=True, slots=True)
class KeyMaterial:
    """A key that may be used for signatures, without anything that came beside it."""

    key: jwk.Key = field(repr=False)
    may_sign: bool
    algorithms: tuple[str, ...]
    """What the kind of key allows; the first is the default."""
    algorithm: str = ""
    """The one it was bound to by its own ``alg``; empty when it says nothing."""


def read_key(text: str, name: str) -> KeyMaterial:
    """Return the key in *text*: one PEM block or one JWK.

    Args:
        name: Names the key in errors; nothing of *text* ever stands there.

    Raises:
        InvalidValue: It cannot be read, is too weak, or is meant for something else.
    """
    stripped = text.strip()
    if stripped.startswith("{"):
        return _read_jwk(stripped, name)
    if stripped.startswith("-----BEGIN "):
        return _material(_read_pem(stripped, name), name)
    raise InvalidValue(name, "is neither a PEM block (-----BEGIN ...) nor a JWK ({...})")


def read_secret(secret: bytes, name: str) -> KeyMaterial:
    """Return *secret* as an HMAC key.

    Raises:
        InvalidValue: It is shorter than ``MIN_SECRET_BYTES``, or is the public text of another
            kind of key: whoever knows that could sign (RFC 8725 section 2.1).
    """
    if len(secret) < MIN_SECRET_BYTES:
        raise InvalidValue(name, f"is shorter than {MIN_SECRET_BYTES} bytes")
    if _looks_public(secret):
        raise InvalidValue(name, "is a key or certificate in text form, which is not a secret")
    try:
        return KeyMaterial(jwk.OctKey.import_key(secret), True, ("HS256",))
    except (JoseError, ValueError) as error:
        raise InvalidValue(name, "cannot be an HMAC key") from error


def _looks_public(secret: bytes) -> bool:
    if _PUBLIC_TEXT.search(secret) or _is_der(secret):
        return True
    # The same texts without their armour, and JWKs or sets of them.
    with contextlib.suppress(binascii.Error, ValueError):
        if _is_der(base64.b64decode(b"".join(secret.split()), validate=True)):
            return True
    with contextlib.suppress(MalformedSegment):
        return not {"kty", "keys"}.isdisjoint(read_object(secret))
    return False


def _is_der(raw: bytes) -> bool:
    for read in _DER_READERS:
        # TypeError: a private key behind a password.
        with contextlib.suppress(ValueError, TypeError, UnsupportedAlgorithm):
            read(raw)
            return True
    return False


def _read_pem(text: str, name: str) -> object:
    if text.count("-----BEGIN ") != 1:
        raise InvalidValue(name, "holds several PEM blocks; give the one with the key")
    raw = text.encode()
    try:
        if "PUBLIC KEY-----" in text:
            return serialization.load_pem_public_key(raw)
        if "PRIVATE KEY-----" in text:
            return serialization.load_pem_private_key(raw, None)
    except TypeError as error:
        raise InvalidValue(name, "is behind a password; give the key without one") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidValue(name, "is a PEM block that cannot be read") from error
    raise InvalidValue(name, "is a PEM block, but neither a private nor a public key")


def _read_jwk(text: str, name: str) -> KeyMaterial:
    try:
        members = read_object(text.encode())
    except (MalformedSegment, UnicodeEncodeError) as error:
        raise InvalidValue(name, "starts like a JWK but is not one JSON object") from error
    if "keys" in members:
        raise InvalidValue(name, "is a set of keys; give each key an entry of its own")
    operations = _operations(members, name)
    if members.get("kty") == "oct":
        material = _read_oct(members, name)
    else:
        material = _material(_native_of(members, name), name)
    bound = members.get("alg", "")
    if bound != "" and bound not in material.algorithms:
        raise InvalidValue(name, "is bound by its 'alg' to an algorithm that is not supported")
    may_sign = material.may_sign and "sign" in operations
    return KeyMaterial(material.key, may_sign, material.algorithms, str(bound))


def _operations(members: dict[str, object], name: str) -> frozenset[str]:
    """Return what the JWK may be used for. Source: RFC 7517 sections 4.2 and 4.3."""
    if members.get("use", "sig") != "sig":
        raise InvalidValue(name, "is a JWK whose 'use' is not 'sig'")
    listed = members.get("key_ops", ["sign", "verify"])
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise InvalidValue(name, "is a JWK whose 'key_ops' is not a list of words")
    if {"sign", "verify"}.isdisjoint(listed):
        raise InvalidValue(name, "is a JWK whose 'key_ops' has neither 'sign' nor 'verify'")
    return frozenset(listed)


def _read_oct(members: dict[str, object], name: str) -> KeyMaterial:
    value = members.get("k")
    try:
        secret = decode_segment(value if isinstance(value, str) else "=")
    except MalformedSegment as error:
        raise InvalidValue(name, "is a JWK whose 'k' is not base64url without padding") from error
    return read_secret(secret, name)


def _native_of(members: dict[str, object], name: str) -> object:
    kept: dict[str, str | list[str]] = {}
    for member in ("kty", *_PUBLIC_MEMBERS, *_PRIVATE_MEMBERS):
        value = members.get(member)
        if isinstance(value, str):
            kept[member] = value
    if kept.get("kty") == "RSA":
        _check_modulus(members, name)
    try:
        key = jwk.import_key(kept)
        native: object = key.raw_value
    except (JoseError, ValueError, TypeError, KeyError, UnsupportedAlgorithm) as error:
        raise InvalidValue(name, "is a JWK that cannot be read") from error
    rebuilt = _rebuilt(native, name).as_dict(private=False)
    # Only `d` of an Ed25519 key counts when it signs: a foreign `x` beside it would be published.
    if any(kept.get(member) != rebuilt.get(member) for member in _PUBLIC_MEMBERS):
        raise InvalidValue(name, "is a JWK whose public and private members do not fit")
    return native


def _material(native: object, name: str) -> KeyMaterial:
    key = _rebuilt(native, name)
    if isinstance(key, jwk.RSAKey):
        return KeyMaterial(key, key.is_private, ("RS256", "PS256"))
    if isinstance(key, jwk.ECKey):
        return KeyMaterial(key, key.is_private, ("ES256",))
    return KeyMaterial(key, key.is_private, ("EdDSA", "Ed25519"))


def _rebuilt(native: object, name: str) -> jwk.Key:
    """Return the key made from its numbers alone, so that no text beside them is believed."""
    if isinstance(native, rsa.RSAPrivateKey):
        _check_rsa(native.key_size, native.public_key().public_numbers().e, name)
        return jwk.RSAKey.import_key(native)
    if isinstance(native, rsa.RSAPublicKey):
        _check_rsa(native.key_size, native.public_numbers().e, name)
        return jwk.RSAKey.import_key(native)
    if isinstance(native, ed25519.Ed25519PrivateKey | ed25519.Ed25519PublicKey):
        return jwk.OKPKey.import_key(native)
    if isinstance(native, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        if not isinstance(native.curve, ec.SECP256R1):
            raise InvalidValue(name, "is an elliptic curve key that is not on P-256")
        return jwk.ECKey.import_key(native)
    raise InvalidValue(name, "is of a kind that signs no tokens; use RSA, P-256 or Ed25519")


def _check_modulus(members: dict[str, object], name: str) -> None:
    """Refuse a short RSA key before joserfc reads it, which would only warn."""
    modulus = members.get("n")
    try:
        raw = decode_segment(modulus if isinstance(modulus, str) else "")
    except MalformedSegment as error:
        raise InvalidValue(name, "is a JWK whose 'n' is not base64url without padding") from error
    _check_rsa(int.from_bytes(raw, "big").bit_length(), MIN_RSA_EXPONENT, name)


def _check_rsa(bits: int, exponent: int, name: str) -> None:
    if bits < MIN_RSA_BITS:
        raise InvalidValue(name, f"is an RSA key shorter than {MIN_RSA_BITS} bits")
    if exponent < MIN_RSA_EXPONENT:
        raise InvalidValue(name, f"is an RSA key whose exponent is below {MIN_RSA_EXPONENT}")
