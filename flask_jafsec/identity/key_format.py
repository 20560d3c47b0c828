"""The text of an API key: made, recognised and taken apart. Nothing is looked up here.

``jfk_live_<id>_<secret><checksum>``: the id finds the record, the secret proves it, the checksum
tells a typing error, and a secret scanner a false alarm, without asking any store.
"""

from __future__ import annotations

import re
import secrets
import zlib
from dataclasses import dataclass, field
from typing import Final

from flask_jafsec.errors import KeyInvalid
from flask_jafsec.ids import is_id
from flask_jafsec.records import Environment

#: Tells our keys from others and lets scanners of repositories find leaked ones.
PREFIX: Final = "jfk_"

#: Guessing must be hopeless for as long as a key lives. Source: threats row 8.
SECRET_BITS: Final = 256

#: 62 ** 43 > 2 ** 256.
SECRET_CHARS: Final = 43

#: 62 ** 6 > 2 ** 32, the values of CRC-32.
CHECKSUM_CHARS: Final = 6

#: Digits, then capitals, then small letters, as in GitHub's tokens: no character needs escaping.
BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

KEY_CHARS: Final = len("jfk_live_") + 26 + 1 + SECRET_CHARS + CHECKSUM_CHARS

_FORM: Final = re.compile(r"jfk_(live|test)_([0-9A-Z]{26})_[0-9A-Za-z]{49}")


@dataclass(frozen=True, slots=True)
class ParsedKey:
    """A key whose form and checksum are right. Whether it exists is not known here."""

    id: str
    environment: Environment
    text: str = field(repr=False)


def looks_like_key(text: str) -> bool:
    """Return whether *text* claims to be one of our keys."""
    return text.startswith(PREFIX)


def parse(text: str) -> ParsedKey:
    """Return what *text* says about itself.

    Raises:
        KeyInvalid: ``key_malformed`` or ``key_checksum``.
    """
    # The length first, so that a long text costs no more than a short one.
    found = _FORM.fullmatch(text) if len(text) == KEY_CHARS else None
    if found is None or not is_id(found[2]):
        raise KeyInvalid("key_malformed")
    if _checksum(text[:-CHECKSUM_CHARS]) != text[-CHECKSUM_CHARS:]:
        raise KeyInvalid("key_checksum")
    return ParsedKey(found[2], Environment(found[1]), text)


def new_key_text(key_id: str, environment: Environment) -> str:
    """Return a whole new key for *key_id*, with a fresh secret."""
    secret = _base62(secrets.randbits(SECRET_BITS), SECRET_CHARS)
    body = f"{PREFIX}{environment}_{key_id}_{secret}"
    return body + _checksum(body)


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode("ascii")), CHECKSUM_CHARS)


def _base62(value: int, width: int) -> str:
    digits = []
    for _ in range(width):
        value, digit = divmod(value, 62)
        digits.append(BASE62[digit])
    return "".join(reversed(digits))
