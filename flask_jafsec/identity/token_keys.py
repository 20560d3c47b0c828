"""The keys that sign and verify tokens, each bound to one algorithm. No token is known here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from joserfc import jwk, jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwa import JWSAlgModel

from flask_jafsec.errors import InvalidValue
from flask_jafsec.identity.token_key_reading import KeyMaterial, read_key, read_secret

#: The form of a key's name, which comes back in the header of every token and is only ever
#: looked up in a dict: no path, no SQL, no address can be written with it. Source: threats row 2.
_KID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

#: The name of the guide's ``JWT_SECRET_KEY``.
GUIDE_KID: Final = "guide"

#: Before the id of the root key an HS256 key was derived from.
DERIVED_PREFIX: Final = "h-"


def is_kid(text: str) -> bool:
    """Return whether *text* has the form of a key's name."""
    return _KID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A key, its name, and the one algorithm it is used with (RFC 8725 section 3.1)."""

    kid: str
    algorithm: str
    may_sign: bool
    """False for public keys and for private ones whose ``key_ops`` says so."""
    key: jwk.Key = field(repr=False)
    _only: _OnlyAlgorithm = field(repr=False, compare=False)

    @classmethod
    def from_text(cls, kid: str, text: str, algorithm: str = "") -> TokenKey:
        """Return the key in *text* (one PEM block or one JWK) under the name *kid*.

        Args:
            algorithm: Empty for the key's own: RS256, ES256, EdDSA, HS256, or its JWK's ``alg``.
                RSA keys may be PS256, Ed25519 keys may be called Ed25519 (RFC 9864).

        Raises:
            InvalidValue: The name, the key or the algorithm cannot be used.
        """
        _check_kid(kid)
        material = read_key(text, f"token key {kid}")
        chosen = algorithm or material.algorithm or material.algorithms[0]
        if chosen not in material.algorithms or material.algorithm not in {"", chosen}:
            possible = material.algorithm or " or ".join(material.algorithms)
            raise InvalidValue(f"token key {kid}", f"is used with {possible}")
        return cls._made(kid, chosen, material)

    @classmethod
    def from_secret(cls, kid: str, secret: bytes) -> TokenKey:
        """Return *secret* as the HS256 key *kid*.

        Raises:
            InvalidValue: The name cannot be used, or *secret* is short or no secret.
        """
        _check_kid(kid)
        return cls._made(kid, "HS256", read_secret(secret, f"token key {kid}"))

    @classmethod
    def _made(cls, kid: str, algorithm: str, material: KeyMaterial) -> TokenKey:
        only = _OnlyAlgorithm(algorithm)
        return cls(kid, algorithm, material.may_sign, material.key, only)

    @property
    def is_symmetric(self) -> bool:
        """Whether everybody who can verify with it can also sign."""
        return isinstance(self.key, jwk.OctKey)

    def sign(self, header: Mapping[str, str], payload: bytes) -> str:
        """Return the compact token of *payload*; ``alg`` and ``kid`` are added to *header*."""
        members = {"alg": self.algorithm, "kid": self.kid, **header}
        return jws.serialize_compact(members, payload, self.key, registry=self._only)

    # Verifying is joserfc's ``validate_compact`` in two halves: what depends on the header alone
    # is asked once for each header, not once for each token.

    def accepts(self, header: Mapping[str, str]) -> bool:
        """Return whether joserfc takes *header*, and this key with the algorithm it names."""
        try:
            self._only.check_header(dict(header))
            self._only.get_alg(header["alg"]).check_key(self.key)
        except (JoseError, ValueError):
            return False
        return True

    def verifies(self, signed: bytes, signature: bytes) -> bool:
        """Return whether *signature* is this key's of *signed*, the first two parts of a token.

        The token's header must have been accepted (see ``accepts``).
        """
        try:
            return self._only.get_alg(self.algorithm).verify(signed, signature, self.key)
        except (JoseError, ValueError):
            return False


class TokenKeys:
    """All keys of tokens, newest first. The first signs; all verify, each with its algorithm.

    Put a new key second to publish it, and first once every process knows it; keep the old one
    until its last token has expired. Nobody is signed out by that.
    """

    __slots__ = ("_keys", "by_kid")

    def __init__(self, keys: Iterable[TokenKey]) -> None:
        """Keep *keys*.

        Raises:
            InvalidValue: There is none, two have the same name, or the first cannot sign.
        """
        self._keys = tuple(keys)
        self.by_kid: Mapping[str, TokenKey] = MappingProxyType({key.kid: key for key in self._keys})
        if not self._keys:
            raise InvalidValue("token keys", "at least one is needed")
        if len(self.by_kid) != len(self._keys):
            raise InvalidValue("token keys", "two have the same name (kid)")
        if not self._keys[0].may_sign:
            raise InvalidValue("token keys", "the first one signs, so it must be a private key")

    @classmethod
    def assembled(
        cls,
        *,
        configured: Sequence[TokenKey] = (),
        guide_secret: bytes | None = None,
        derived: Mapping[str, bytes] | None = None,
    ) -> TokenKeys:
        """Return every key an application has; the first group that is there signs.

        Symmetric and asymmetric keys never stand together in *configured*. Behind configured
        keys the others still verify, so that moving to configured keys signs nobody out: each
        name is bound to one algorithm, and no secret can be the text of a public key, so a
        public key is never taken for a secret.

        Args:
            configured: Newest first.
            guide_secret: The guide's ``JWT_SECRET_KEY``.
            derived: HS256 secrets by the id of their root key, newest first.

        Raises:
            InvalidValue: As the constructor; or *configured* mixes both kinds.
        """
        if len({key.is_symmetric for key in configured}) > 1:
            raise InvalidValue("token keys", "secrets and key pairs cannot be configured together")
        guide = [] if guide_secret is None else [TokenKey.from_secret(GUIDE_KID, guide_secret)]
        roots = (derived or {}).items()
        ours = [TokenKey.from_secret(DERIVED_PREFIX + root, secret) for root, secret in roots]
        return cls([*configured, *guide, *ours])

    @property
    def signer(self) -> TokenKey:
        """The key that signs new tokens."""
        return self._keys[0]

    def __iter__(self) -> Iterator[TokenKey]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


class _OnlyAlgorithm(jws.JWSRegistry):
    """Knows one algorithm, so that nothing a token says can choose another.

    joserfc's own registry warns at each use of the name EdDSA (RFC 9864 deprecates it); nearly
    all verifiers still know the algorithm by that name only.
    """

    def __init__(self, name: str) -> None:
        super().__init__(algorithms=[name])
        self._model = self.algorithms[name]

    def get_alg(self, name: str) -> JWSAlgModel:
        if name != self._model.name:
            raise UnsupportedAlgorithmError
        return self._model


def _check_kid(kid: str) -> None:
    if not is_kid(kid):
        raise InvalidValue("kid", "must be 1 to 64 letters, digits, '-' or '_'")
