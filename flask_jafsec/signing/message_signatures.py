"""HTTP Message Signatures: made and verified. Source: RFC 9421, sections 3 and 4."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import http_sf

from flask_jafsec.signing.algorithms import Algorithm, SigningKey, VerifyingKey
from flask_jafsec.signing.base import parameters_line, signature_base
from flask_jafsec.signing.components import Component, component
from flask_jafsec.signing.errors import SignatureMalformed, SignatureRefused
from flask_jafsec.signing.message import Message

#: Characters of both fields together; four RSA signatures with every component fit.
MAX_CHARS: Final = 8_192

#: Signatures that are looked at on one message, each a look-up of a key and perhaps a check.
MAX_SIGNATURES: Final = 4

#: Components of one signature.
MAX_COMPONENTS: Final = 32

#: Characters of a nonce and of a key's id.
MAX_NONCE_CHARS: Final = 128
MAX_KEY_ID_CHARS: Final = 128

#: Seconds a signature is good for, and those its maker's clock may be ahead.
MAX_AGE_S: Final = 300
LEEWAY_S: Final = 30

FindKey = Callable[[str], VerifyingKey | None]
"""Return the key of an id, None where there is none that may be used now."""

#: What is covered unless a route says otherwise: everything that decides what is done.
REQUEST_COMPONENTS: Final = ("@method", "@authority", "@path", "@query")


@dataclass(frozen=True, slots=True)
class SignaturePolicy:
    """What a signature must say and cover so that it counts."""

    components: tuple[Component, ...] = tuple(component(name) for name in REQUEST_COMPONENTS)
    max_age_s: int = MAX_AGE_S
    leeway_s: int = LEEWAY_S
    wants_nonce: bool = True
    tag: str | None = None
    algorithms: frozenset[Algorithm] = frozenset(Algorithm)

    def check(self, found: Found, now: int) -> None:
        """Let *found* pass, before anything is verified. Raises SignatureRefused."""
        missing = [one for one in self.components if one not in found.covered]
        if missing:
            raise SignatureRefused("not_covered:" + ",".join(one.name for one in missing))
        if found.created is None:
            raise SignatureRefused("created_missing")
        if found.created > now + self.leeway_s:
            raise SignatureRefused("created_in_future")
        if found.created < now - self.max_age_s:
            raise SignatureRefused("too_old")
        if found.expires is not None and found.expires < now:
            raise SignatureRefused("expired")
        if self.wants_nonce and not found.nonce:
            raise SignatureRefused("nonce_missing")
        if self.tag is not None and found.tag != self.tag:
            raise SignatureRefused("tag_differs")


@dataclass(frozen=True, slots=True)
class Found:
    """One signature of a message, as it was read; nothing is proven yet."""

    label: str
    covered: tuple[Component, ...]
    parameters: Mapping[str, Any]
    signature: bytes

    def _text(self, name: str, most: int) -> str:
        value = self.parameters.get(name, "")
        if type(value) is not str or len(value) > most:
            raise SignatureMalformed(f"{name}_invalid")
        return value

    def _time(self, name: str) -> int | None:
        value = self.parameters.get(name)
        if value is not None and type(value) is not int:
            raise SignatureMalformed(f"{name}_invalid")
        return value

    @property
    def key_id(self) -> str:
        """Whose signature it says it is."""
        return self._text("keyid", MAX_KEY_ID_CHARS)

    @property
    def nonce(self) -> str:
        """What makes it one of a kind; empty where nothing does."""
        return self._text("nonce", MAX_NONCE_CHARS)

    @property
    def tag(self) -> str:
        """What it was made for."""
        return self._text("tag", MAX_NONCE_CHARS)

    @property
    def algorithm(self) -> str:
        """What it says it was made with."""
        return self._text("alg", MAX_NONCE_CHARS)

    @property
    def created(self) -> int | None:
        """When it was made, in seconds since 1970 UTC."""
        return self._time("created")

    @property
    def expires(self) -> int | None:
        """When it ends."""
        return self._time("expires")


@dataclass(frozen=True, slots=True)
class Proven:
    """A signature that holds and meets its policy. Only what is covered is proven."""

    key: VerifyingKey
    covered: tuple[Component, ...]
    nonce: str
    created: int

    def covers(self, name: str) -> bool:
        """Return whether the whole component *name* is covered."""
        return any(one.name == name and not one.parameters for one in self.covered)


def signatures_in(message: Message) -> Sequence[Found]:
    """Return the signatures of *message*, in the order of Signature-Input.

    Raises:
        SignatureMalformed: The two fields cannot be read, or do not belong together.
        SignatureRefused: There is none.
    """
    inputs = _dictionary(message, "signature-input")
    signatures = _dictionary(message, "signature")
    if not inputs and not signatures:
        raise SignatureRefused("signature_missing")
    if inputs.keys() != signatures.keys():
        raise SignatureMalformed("labels_differ")
    if len(inputs) > MAX_SIGNATURES:
        raise SignatureMalformed("too_many_signatures")
    return [_found(label, inputs[label], signatures[label]) for label in inputs]


def _dictionary(message: Message, name: str) -> dict[str, Any]:
    value = ", ".join(message.fields.get(name, ()))
    if len(value) > MAX_CHARS:
        raise SignatureMalformed("field_too_long")
    twice: list[str] = []
    try:
        members = http_sf.parse(
            value.encode("ascii"),
            tltype="dictionary",
            on_duplicate_key=lambda key, _context: twice.append(key),
        )
    except (ValueError, UnicodeError, RecursionError) as error:
        raise SignatureMalformed("field_unreadable") from error
    if twice or not isinstance(members, dict):
        # The last one would win here, and another reader may take the first.
        raise SignatureMalformed("label_twice")
    return members


def _found(label: str, said: Any, signed: Any) -> Found:
    if not (isinstance(said, tuple) and isinstance(said[0], list)):
        raise SignatureMalformed("input_no_list")
    if not (isinstance(signed, tuple) and isinstance(signed[0], bytes)):
        raise SignatureMalformed("signature_no_bytes")
    items, parameters = said
    if len(items) > MAX_COMPONENTS:
        raise SignatureMalformed("too_many_components")
    return Found(label, tuple(Component.read(item) for item in items), parameters, signed[0])


def verify(message: Message, policy: SignaturePolicy, find_key: FindKey, now: int) -> Proven:
    """Return the first signature of *message* that meets *policy* and holds.

    Args:
        now: Seconds since 1970 UTC.

    Raises:
        SignatureMalformed: The fields are not what they should be.
        SignatureRefused: No signature does; the reason is that of the first.
    """
    first: SignatureRefused | None = None
    for found in signatures_in(message):
        try:
            return _verified(found, message, policy, find_key, now)
        except SignatureRefused as refused:
            first = first or refused
    raise first or SignatureRefused("signature_missing")


def _verified(
    found: Found, message: Message, policy: SignaturePolicy, find_key: FindKey, now: int
) -> Proven:
    policy.check(found, now)
    key = find_key(found.key_id) if found.key_id else None
    if key is None:
        raise SignatureRefused("key_unknown")
    # The key knows what it is for. A message may say the same, and nothing else.
    if key.algorithm not in policy.algorithms or found.algorithm not in ("", key.algorithm):
        raise SignatureRefused("algorithm_refused")
    base = signature_base(found.covered, found.parameters, message)
    if not key.verifies(base, found.signature):
        raise SignatureRefused("signature_wrong")
    return Proven(key, found.covered, found.nonce, found.created or 0)


def sign(
    message: Message,
    key: SigningKey,
    *,
    components: Sequence[Component],
    created: int,
    nonce: str = "",
    tag: str = "",
    label: str = "sig1",
) -> Mapping[str, str]:
    """Return the two fields that sign *message*.

    Raises:
        SignatureRefused: The message lacks one of the components.
    """
    parameters: dict[str, Any] = {"created": created, "keyid": key.id}
    if nonce:
        parameters["nonce"] = nonce
    if tag:
        parameters["tag"] = tag
    signature = key.sign(signature_base(components, parameters, message))
    return {
        "Signature-Input": f"{label}={parameters_line(components, parameters)}",
        "Signature": http_sf.ser({label: (signature, {})}),
    }
