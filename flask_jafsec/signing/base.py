"""The signature base: the exact bytes that are signed. Source: RFC 9421, section 2.5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import http_sf

from flask_jafsec.signing.components import Component, value_of
from flask_jafsec.signing.errors import SignatureMalformed, SignatureRefused
from flask_jafsec.signing.message import Message


def parameters_line(covered: Sequence[Component], parameters: Mapping[str, Any]) -> str:
    """Return the value of ``@signature-params``, which is also the member of Signature-Input."""
    inner: Any = ([(one.name, dict(one.parameters)) for one in covered], dict(parameters))
    return http_sf.ser({"k": inner}).removeprefix("k=")


def signature_base(
    covered: Sequence[Component], parameters: Mapping[str, Any], message: Message
) -> bytes:
    """Return the base of a signature over *message*.

    Raises:
        SignatureMalformed: A component is covered twice, or is none.
        SignatureRefused: The message lacks a component, or a value is no line of ASCII.
    """
    if len({(one.name, frozenset(one.parameters)) for one in covered}) != len(covered):
        raise SignatureMalformed("component_twice")
    lines = [f"{one}: {_checked(value_of(one, message))}" for one in covered]
    lines.append(f'"@signature-params": {parameters_line(covered, parameters)}')
    return "\n".join(lines).encode("ascii")


def _checked(value: str) -> str:
    # A line break would let one value write the next line of the base.
    if not value.isascii() or "\n" in value or "\r" in value:
        raise SignatureRefused("component_not_ascii")
    return value
