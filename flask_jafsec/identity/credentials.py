"""Reads a credential out of headers. Knows the forms; decides nothing."""

from __future__ import annotations

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


def read(authorization: str | None, api_key: str | None) -> Found | None:
    """Return the one credential in the headers, or None where there is none of ours.

    A Bearer value that is neither a token of three parts nor a key of ours belongs to somebody
    else (the host may have a scheme of its own) and counts as none.

    Raises:
        CredentialMalformed: Two credentials, a doubled header, control characters, text that is
            not ASCII, or more than ``MAX_HEADER_CHARS``.
    """
    if api_key is not None:
        return _read_api_key(authorization, api_key)
    if authorization is None:
        return None
    if len(authorization) > MAX_HEADER_CHARS:
        raise CredentialMalformed("credential_too_long")
    if authorization[:7].lower() != _BEARER:
        _refuse_unreadable(authorization)
        return None
    text = authorization[7:].strip(" ")
    if text.startswith(KEY_PREFIX):
        return Found(Credential.KEY, _plain(text))
    if text.count(".") == 2 and "," not in text:
        return Found(Credential.TOKEN, _plain(text))
    _refuse_unreadable(authorization)
    return None


def _read_api_key(authorization: str | None, api_key: str) -> Found:
    if authorization:
        raise CredentialMalformed("two_credentials")
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
