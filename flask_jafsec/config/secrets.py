"""Secrets: which are strong enough, and new ones. Where they come from stands elsewhere."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterable
from typing import Final

from flask_jafsec.config.parsing import refuse
from flask_jafsec.config.strength import (
    MIN_BYTES,
    MIN_DIFFERENT_CHARACTERS,
    MIN_ENTROPY_BITS,
    entropy_bits,
    guessable_material,
    guessable_text,
)
from flask_jafsec.config.well_known import decode_base64, is_well_known
from flask_jafsec.errors import InvalidValue
from flask_jafsec.identity.token_key_reading import read_secret

#: The command that prints a new root key.
COMMAND: Final = "flask jafsec secrets new"

#: How long a root key we make is: the key size of AES-256 and of HMAC-SHA-256.
NEW_BYTES: Final = 32

#: Stands in a new line where the keys that are in use must be put. Refused as a key, so that a
#: line with it cannot lock anybody out of what older keys have sealed.
KEEP: Final = "KEEP-THE-PRESENT-ONE"

_ROOT_ID: Final = re.compile(r"[a-z0-9]{1,8}")
_NUMBERED: Final = re.compile(r"r([0-9]{1,7})")


def is_root_id(text: str) -> bool:
    """Return whether *text* has the form of a root key's id."""
    return _ROOT_ID.fullmatch(text) is not None


def new_root_key(root_id: str) -> str:
    """Return a fresh root key as it stands in ``JAFSEC_ROOT_KEYS``: id, colon, base64.

    Raises:
        InvalidValue: *root_id* is not one to eight lower-case letters and digits.
    """
    if not is_root_id(root_id):
        raise InvalidValue("root key id", "must be 1 to 8 lower-case letters and digits")
    return f"{root_id}:{base64.b64encode(os.urandom(NEW_BYTES)).decode()}"


def new_line(existing: Iterable[str] = ()) -> str:
    """Return the line for ``.env`` with a fresh root key in front.

    Args:
        existing: Ids of the root keys in use, newest first. Each gets a place behind the new
            one that says to put the key there; the line is refused until that is done.
    """
    ids = tuple(existing)
    numbers = [int(found[1]) for found in map(_NUMBERED.fullmatch, ids) if found]
    entries = [new_root_key(f"r{max(numbers, default=0) + 1}")]
    entries += [f"{root_id}:{KEEP}" for root_id in ids]
    return "JAFSEC_ROOT_KEYS=" + ",".join(entries)


def root_key_material(text: str) -> bytes:
    """Return the bytes of a root key from base64; raises Unfit when it is not good enough."""
    advice = f"Run `{COMMAND}` and use what it prints."
    if is_well_known(text):
        raise refuse("is a placeholder or a value everybody knows", advice)
    material = decode_base64(text)
    if material is None:
        raise refuse("is not base64", advice)
    if len(material) < MIN_BYTES:
        raise refuse(f"is shorter than {MIN_BYTES} bytes", advice)
    # The padding would hide that a text repeats itself.
    fault = guessable_text(text.rstrip("=")) or guessable_material(material)
    if fault:
        raise refuse(fault, advice)
    return material


def guide_secret(value: object) -> bytes:
    """Return the bytes of ``JWT_SECRET_KEY``; raises Unfit when it is not good enough."""
    advice = (
        "Write at least 32 random characters, or remove it: "
        "tokens are then signed with a key derived from JAFSEC_ROOT_KEYS."
    )
    text = value if isinstance(value, str) else ""
    if is_well_known(text):
        raise refuse("is a placeholder or a value everybody knows", advice)
    try:
        secret = text.encode()
        read_secret(secret, "")
    except InvalidValue as error:
        problem = error.problem
    except UnicodeEncodeError:
        problem = "is not valid text"
    else:
        problem = _public_in_base64(text) or guessable_text(text) or _too_uniform(text) or ""
    if problem:
        raise refuse(problem, advice)
    return secret


def _public_in_base64(text: str) -> str | None:
    # A public key taken for a secret lets everybody sign. Source: RFC 8725 section 2.1.
    is_pem = (decode_base64(text) or b"").lstrip().startswith(b"-----BEGIN")
    return "is a PEM in base64, not a secret" if is_pem else None


def _too_uniform(text: str) -> str | None:
    if len(set(text)) < MIN_DIFFERENT_CHARACTERS or entropy_bits(text) < MIN_ENTROPY_BITS:
        return "has too few different characters to be random"
    return None
