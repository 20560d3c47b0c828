"""Reads a credential out of headers. Knows the forms; decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from flask_jafsec.errors import CredentialMalformed
from flask_jafsec.records import Credential

#: Source: RFC 6750 section 2.1; the scheme is case-insensitive (RFC 9110 section 11.1).
_BEARER: Final = "bearer "

#: Our keys' first characters. Source: answers.md of the project, "Prefixes people see".
KEY_PREFIX: Final = "jfk_"

#: Longer header values are refused before anything looks into them. The longest honest ones are
#: tokens of 8 KiB.
MAX_HEADER_CHARS: Final = 8 * 1024 + 16


@dataclass(frozen=True, slots=True)
class Found:
    """A credential as it was sent. ``text`` is a secret."""

    kind: Credential
    text: str

    def __repr__(self) -> str:
        """Return the kind only."""
        return f"Found({self.kind})"


def read(
    authorization: str | None, api_key: str | None, is_ours: Callable[[str], bool] = bool
) -> Found | None:
    """Return the one credential in the headers, or None where there is none of ours.

    Whatever else ``Authorization`` holds belongs to somebody else, such as a proxy in front or a
    scheme of the host's own, and counts as none, beside ``X-API-Key`` too.

    Args:
        is_ours: Whether a token of three parts claims to be ours; left out, every one does.

    Raises:
        CredentialMalformed: Two credentials, a doubled header, control characters, text that is
            not ASCII, or more than ``MAX_HEADER_CHARS``.
    """
    found = None if authorization is None else _read_authorization(authorization, is_ours)
    if api_key is None:
        return found
    if found is not None:
        raise CredentialMalformed("two_credentials")
    return _read_api_key(api_key)


def _read_authorization(authorization: str, is_ours: Callable[[str], bool]) -> Found | None:
    if len(authorization) > MAX_HEADER_CHARS:
        raise CredentialMalformed("credential_too_long")
    if authorization[:7].lower() != _BEARER:
        _refuse_unreadable(authorization)
        return None
    text = authorization[7:].strip(" ")
    if text.startswith(KEY_PREFIX):
        return Found(Credential.KEY, _plain(text))
    if text.count(".") == 2 and "," not in text:
        text = _plain(text)
        return Found(Credential.TOKEN, text) if is_ours(text) else None
    _refuse_unreadable(authorization)
    return None


def _read_api_key(api_key: str) -> Found:
    if len(api_key) > MAX_HEADER_CHARS:
        raise CredentialMalformed("credential_too_long")
    text = _plain(api_key.strip(" "))
    if not text:
        raise CredentialMalformed("credential_empty")
    return Found(Credential.KEY, text)


def _refuse_unreadable(authorization: str) -> None:
    """Refuse what no scheme allows; let the host's own schemes pass."""
    if not authorization.isascii() or not authorization.isprintable():
        raise CredentialMalformed("credential_not_ascii")
    # A server joins doubled headers with a comma. A Bearer value never holds one, and two
    # schemes at once would let a proxy and the application read different callers.
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "bearer" and ("," in rest or not rest.strip(" ")):
        raise CredentialMalformed("credential_doubled" if rest.strip(" ") else "credential_empty")
    if ",bearer " in authorization.replace(", ", ",").lower():
        raise CredentialMalformed("two_credentials")


def _plain(text: str) -> str:
    if not text.isascii() or not text.isprintable():
        raise CredentialMalformed("credential_not_ascii")
    if "," in text or " " in text:
        raise CredentialMalformed("credential_doubled")
    return text
