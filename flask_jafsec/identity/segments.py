"""The parts of a compact token, read strictly. What they mean is not known here."""

from __future__ import annotations

import binascii
import json
from typing import Final, NoReturn

#: The two characters in which base64url differs from base64. Source: RFC 4648 section 5.
_TO_BASE64: Final = bytes.maketrans(b"-_", b"+/")
_TO_BASE64URL: Final = bytes.maketrans(b"+/", b"-_")


class MalformedSegment(ValueError):
    """A part of a token is not what its writer must have meant; says nothing about which."""


def decode_segment(segment: str) -> bytes:
    """Return the bytes of a base64url text that has exactly one way of being written.

    Padding, foreign characters and unused bits that are not zero are refused. Otherwise one
    token would have several texts, and forgetting or counting one of them would miss the rest.

    Raises:
        MalformedSegment: It is not canonical base64url.

    Source: RFC 7515 section 2; RFC 4648 section 3.5.
    """
    try:
        text = segment.encode("ascii")
        raw = binascii.a2b_base64(text.translate(_TO_BASE64) + b"=" * (-len(text) % 4))
    except (UnicodeEncodeError, binascii.Error) as error:
        raise MalformedSegment from error
    # The reading skips what it does not know; writing it again shows whether it did.
    if binascii.b2a_base64(raw, newline=False).translate(_TO_BASE64URL).rstrip(b"=") != text:
        raise MalformedSegment
    return raw


def read_object(raw: bytes) -> dict[str, object]:
    """Return the members of a JSON object in UTF-8.

    Raises:
        MalformedSegment: Not an object; a member twice at any depth, so that two readers could
            see different claims (RFC 7519 section 4); a number that is none (NaN, Infinity);
            nested too deep.
    """
    try:
        value = _DECODER.decode(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise MalformedSegment from error
    if not isinstance(value, dict):
        raise MalformedSegment
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedSegment
    return members


def _refuse(_: str) -> NoReturn:
    raise MalformedSegment


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)
