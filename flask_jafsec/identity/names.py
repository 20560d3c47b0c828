"""What names people give may look like; nothing is looked up here."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from flask_jafsec.errors import InvalidValue

#: As long as an e-mail address can be, which many take as their name. Source: RFC 5321 section
#: 4.5.3.1.3 (256 with its angle brackets).
MAX_NAME_CHARS: Final = 254

MAX_LINE_CHARS: Final = 200

_ROLE: Final = re.compile(r"[a-z][a-z0-9_.-]{0,63}")

#: Control and format characters, halves of surrogate pairs, line and paragraph separators: they
#: let two names look alike, or one line of a log look like two.
_REFUSED: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def check_line(field: str, text: str, *, max_chars: int = MAX_LINE_CHARS) -> str:
    """Return *text* if it is one line, perhaps empty.

    Raises:
        InvalidValue: It is longer, or holds a character one cannot see.
    """
    if len(text) > max_chars:
        raise InvalidValue(field, f"must be a text of at most {max_chars} characters")
    if not is_visible(text):
        raise InvalidValue(field, "must not hold control or invisible characters")
    return text


def check_name(field: str, text: str) -> str:
    """Return *text* if it can name a subject or a thing: a line that is not blank.

    Raises:
        InvalidValue: It cannot.
    """
    check_line(field, text, max_chars=MAX_NAME_CHARS)
    if not text or text != text.strip():
        raise InvalidValue(field, "must not be empty, or begin or end with a space")
    return text


def check_role_name(text: str) -> str:
    """Return *text* if a role that is defined while running may be called so.

    Raises:
        InvalidValue: It may not.
    """
    if not _ROLE.fullmatch(text):
        raise InvalidValue("role", "must be a lower-case word of at most 64 of a-z 0-9 _ . -")
    return text


def name_key(name: str) -> str:
    """Return the one form under which *name* is found, however it was typed.

    Raises:
        InvalidValue: No user can be called so.

    Source: Unicode Standard Annex 15 (NFKC) and section 3.13 (case folding).
    """
    if len(name) > MAX_NAME_CHARS:
        raise InvalidValue("name", f"must be a text of at most {MAX_NAME_CHARS} characters")
    key = in_one_form(name)
    check_line("name", key, max_chars=MAX_NAME_CHARS)
    if not key:
        raise InvalidValue("name", "must not be empty")
    return key


def in_one_form(text: str) -> str:
    """Return *text* without differences of case, width, composition and outer spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", folded).strip()


def is_visible(text: str) -> bool:
    """Return whether every character of *text* can be seen, spaces included."""
    if text.isascii():
        return text.isprintable()
    return not any(unicodedata.category(character) in _REFUSED for character in text)
