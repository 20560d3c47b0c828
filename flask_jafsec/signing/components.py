"""Components of a message and their canonical values. Source: RFC 9421, section 2."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, quote

import http_sf

from flask_jafsec.signing.errors import SignatureMalformed, SignatureRefused
from flask_jafsec.signing.message import Message

#: Parameters a field may carry; ``tr`` is not among them, since WSGI knows no trailers.
_FIELD_PARAMETERS: Final = frozenset({"bs", "key", "req", "sf"})

#: Not encoded by the WHATWG's form encoding, which leaves ``~`` to be encoded.
_FORM_SAFE: Final = "*-._"


@dataclass(frozen=True, slots=True)
class Component:
    """One covered component: a name and its parameters, in the order they were written."""

    name: str
    parameters: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def read(cls, item: object) -> Component:
        """Return the component of a member of a covered list. Raises SignatureMalformed."""
        if not isinstance(item, tuple) or type(item[0]) is not str:
            raise SignatureMalformed("component_no_string")
        name, parameters = item
        if not name or name != name.lower():
            raise SignatureMalformed("component_name_invalid")
        return cls(name, tuple(parameters.items()))

    @property
    def is_derived(self) -> bool:
        """Whether it is no field."""
        return self.name.startswith("@")

    def __str__(self) -> str:
        """Return the component's identifier, as it stands in the base."""
        return http_sf.ser((self.name, dict(self.parameters)))


def component(text: str) -> Component:
    """Return the component that *text* writes: a bare name, or an identifier with parameters."""
    if not text.startswith('"'):
        return Component.read((text.lower(), {}))
    try:
        return Component.read(http_sf.parse(text.encode("ascii"), tltype="item"))
    except (ValueError, UnicodeError) as error:
        raise SignatureMalformed("component_unreadable") from error


def value_of(wanted: Component, message: Message) -> str:
    """Return the canonical value of a component.

    Raises:
        SignatureRefused: The message has no such component, or it has no one value.
        SignatureMalformed: There is no such component at all.
    """
    parameters = dict(wanted.parameters)
    if parameters.pop("req", False):
        if message.request is None:
            raise SignatureRefused("component_of_no_request")
        message = message.request
    if wanted.is_derived:
        return _derived(wanted.name, parameters, message)
    return _field(wanted.name, parameters, message)


def _derived(name: str, parameters: dict[str, Any], message: Message) -> str:
    if name == "@query-param":
        return _query_param(parameters, message)
    derive = _DERIVED.get(name)
    if derive is None or parameters:
        raise SignatureMalformed("component_unknown")
    if name == "@status":
        if message.status is None:
            raise SignatureRefused("component_missing")
    elif message.status is not None:
        raise SignatureRefused("component_missing")
    return derive(message)


_DERIVED: Final[Mapping[str, Callable[[Message], str]]] = {
    "@authority": lambda message: message.authority,
    "@method": lambda message: message.method,
    "@path": lambda message: message.path or "/",
    "@query": lambda message: f"?{message.query or ''}",
    "@request-target": lambda message: message.target,
    "@scheme": lambda message: message.scheme.lower(),
    "@status": lambda message: str(message.status),
    "@target-uri": lambda message: f"{message.scheme}://{message.authority}{message.target}",
}


def _query_param(parameters: dict[str, Any], message: Message) -> str:
    name = parameters.pop("name", None)
    if type(name) is not str or parameters:
        raise SignatureMalformed("component_unknown")
    pairs = parse_qsl(message.query or "", keep_blank_values=True, max_num_fields=1_000)
    found = [value for key, value in pairs if _form_encoded(key) == name]
    if len(found) != 1:
        # Two of one name: which of them a server reads, nobody has signed (section 2.2.8).
        raise SignatureRefused("query_param_missing" if not found else "query_param_repeated")
    return _form_encoded(found[0])


def _form_encoded(text: str) -> str:
    return quote(text, safe=_FORM_SAFE).replace("~", "%7E")


def _field(name: str, parameters: dict[str, Any], message: Message) -> str:
    if not parameters.keys() <= _FIELD_PARAMETERS:
        raise SignatureMalformed("component_unknown")
    lines = message.fields.get(name)
    if lines is None:
        raise SignatureRefused("component_missing")
    if "bs" in parameters:
        if len(parameters) > 1:
            raise SignatureMalformed("component_unknown")
        wrapped = (base64.b64encode(line.strip().encode("latin-1")).decode() for line in lines)
        return ", ".join(f":{text}:" for text in wrapped)
    value = ", ".join(_unfolded(line) for line in lines)
    if not parameters:
        return value
    return _structured(name, value, parameters)


def _unfolded(line: str) -> str:
    return " ".join(part.strip() for part in line.splitlines()).strip()


def _structured(name: str, value: str, parameters: dict[str, Any]) -> str:
    key = parameters.get("key")
    try:
        encoded = value.encode("ascii")
        if key is None:
            return http_sf.ser(http_sf.parse(encoded, name=name))
        members = http_sf.parse(encoded, tltype="dictionary")
        if type(key) is not str or not isinstance(members, dict) or key not in members:
            raise SignatureRefused("component_missing")
        # The member alone, as the value of a dictionary of one, without the name in front.
        text = http_sf.ser({"k": members[key]})
    except (ValueError, KeyError, UnicodeError) as error:
        raise SignatureRefused("component_not_structured") from error
    return "?1" + text[1:] if not text.startswith("k=") else text.removeprefix("k=")
