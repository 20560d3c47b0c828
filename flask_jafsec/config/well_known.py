"""Secrets that everybody knows: defaults, placeholders, and the examples of documentations."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from typing import Final


def _listed(words: str) -> list[str]:
    return words.split()


#: What people write to be replaced later, in lower case and without punctuation.
PLACEHOLDERS: Final = frozenset(
    _listed("""
    abc123 admin apisecret apisecretkey base6432bytes changeit changeme changethis
    changethissecret changethissecretkey default defaultsecret demo dev devel development
    devkey devsecret devsecretkey example examplekey examplesecret flasksecret flasksecretkey
    foobar generateme hackme insecure insecurekey jafsec jwtkey jwtsecret jwtsecretkey
    keepthepresentone key letmein mykey myjwtsecret mysecret mysecretkey mysupersecretkey
    notasecret notsosecret passw0rd passwd password placeholder pleasechangeme
    pleasechangethis prod production replaceme replacethis root sample secret secret123
    secretkey secrettoken setme sosecret staging string supersecret supersecretkey
    supersecretjwtkey supersecretpassword temp test testing testkey testsecret testsecretkey
    thisisasecret thisisasecretkey todo token tobechanged topsecret verysecret verysecretkey
    yourapisecret your256bitsecret your384bitsecret your512bitsecret yourjwtsecret
    yourjwtsecretkey yourkey yoursecret yoursecrethere yoursecretkey yoursecretkeyhere
    yoursupersecretkey xxx
    """)
)

#: Whole keys that documentations print, and programs therefore hold.
EXAMPLES: Final = (
    # Flask, "Configuration Handling" and "Quickstart".
    "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
    # FastAPI, "OAuth2 with Password and Bearer with JWT tokens".
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    # jwt.io, the debugger's secret.
    "a-string-secret-at-least-256-bits-long",
    # RFC 7515 appendix A.1.
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    # RFC 7520 section 3.5.
    "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg",
    # Airflow, "Fernet" and its Compose file.
    "46BKJoQYlPPOexq0OhDZnIlNepKFf87WFwLbfzqDDho=",
    "81HqDtbqAywKSOumSha3BhWNOdQ26slT6K0YaZeZyPs=",
)

#: Words that secrets written by people are made of. Random text holds them by accident only.
WORDS: Final = tuple(
    _listed("""
    12345 admin abcd agent api app asdf auth bits bytes change character commit default demo
    develop django dont encrypt example fake flask hello here hmac insecure jafsec jwt key least
    length local login long master minimum must never password passwd please private prod qwert
    random replace root sample secret secure server session share should sign staging string
    super supersecret temp test that this token user value very with world your zxcv
    """)
)

_NOT_A_LETTER = re.compile(r"[^a-z0-9]")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")


def decode_base64(text: str) -> bytes | None:
    """Return the bytes of base64 or base64url, padded or not; None if it is neither."""
    plain = text.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def texts_in(text: str, depth: int = 2) -> Iterator[str]:
    """Yield *text*, and the texts it is base64 or hexadecimal of, up to *depth* layers."""
    yield text
    for raw in (decode_base64(text), bytes.fromhex(text) if _HEX.fullmatch(text) else None):
        inner = raw.decode().strip() if raw and raw.isascii() else ""
        if depth and inner and inner.isprintable():
            yield from texts_in(inner, depth - 1)


def unrepeated(text: str) -> str:
    """Return the shortest text that *text* repeats, in full or cut off; or *text* itself."""
    for period in range(1, len(text) // 2 + 1):
        if text[period:] == text[:-period]:
            return text[:period]
    return text


def is_well_known(text: str) -> bool:
    """Return whether *text* is on the lists: in any case, punctuation, repetition or encoding."""
    for each in texts_in(text):
        plain = _plain(each)
        if plain in _ALL or unrepeated(plain) in _ALL or plain.rstrip("0123456789") in _ALL:
            return True
    return False


def is_well_known_material(material: bytes) -> bool:
    """Return whether *material* is one of the examples, or the hash of something on the lists."""
    return material in _MATERIAL


def _plain(text: str) -> str:
    return _NOT_A_LETTER.sub("", text.casefold())


def _material() -> Iterator[bytes]:
    for text in (*PLACEHOLDERS, *EXAMPLES):
        yield text.encode()
        for hashing in (hashlib.sha256, hashlib.sha384, hashlib.sha512):
            yield hashing(text.encode()).digest()
    for text in EXAMPLES:
        yield decode_base64(text) or b""
        if _HEX.fullmatch(text):
            yield bytes.fromhex(text)


_ALL: Final = PLACEHOLDERS | {_plain(text) for text in EXAMPLES}
_MATERIAL: Final = frozenset(_material())
