"""What every store can keep, so that all stores refuse the same values. No storing here."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from flask_jafsec.errors import InvalidValue
from flask_jafsec.records import (
    ApiKey,
    Grant,
    KeyUse,
    RefreshToken,
    Revocation,
    Role,
    Session,
    User,
)

#: How long one text may be, in bytes of UTF-8. PostgreSQL's indexes hold rows up to 2704 bytes,
#: and our widest index has two texts. Source: PostgreSQL, access/nbtree.h, BTMaxItemSize.
MAX_TEXT_BYTES = 1000

#: Both databases keep integers in 64 bits with a sign.
MAX_INTEGER = 2**63 - 1

Record = TypeVar("Record", ApiKey, Grant, KeyUse, RefreshToken, Revocation, Role, Session, User)


def storable(record: Record) -> Record:
    """Return *record* with its times in UTC.

    Raises:
        InvalidValue: A text holds NUL or half a surrogate pair (no database keeps these), or is
            longer than ``MAX_TEXT_BYTES``; a time has no zone; an integer is too large.
    """
    moved: dict[str, Any] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, datetime):
            utc = _in_utc(field.name, value)
            if utc is not value:
                moved[field.name] = utc
        else:
            _check(field.name, value)
    return replace(record, **moved) if moved else record


def storable_revocation(revocation: Revocation) -> Revocation:
    """Return *revocation* as ``storable`` does, if it says whom it bans.

    Raises:
        InvalidValue: As ``storable``; or not exactly one of ``token_id``, ``family`` and
            ``subject`` is set; or a subject is banned without a time, which would ban nothing.
    """
    banned = (revocation.token_id, revocation.family, revocation.subject)
    if sum(1 for name in banned if name) != 1:
        raise InvalidValue("revocation", "needs exactly one of token_id, family and subject")
    if revocation.subject and revocation.not_before is None:
        raise InvalidValue("not_before", "is needed to ban a subject")
    return storable(revocation)


def check_text(field: str, text: str, *, limit_bytes: int | None = MAX_TEXT_BYTES) -> None:
    """Refuse *text* that not every database can keep.

    Raises:
        InvalidValue: See ``storable``.
    """
    if not is_storable(text):
        raise InvalidValue(field, "holds a character that cannot be stored (NUL or surrogate)")
    if limit_bytes is not None and len(text.encode()) > limit_bytes:
        raise InvalidValue(field, f"is longer than {limit_bytes} bytes")


def is_storable(text: str) -> bool:
    """Return whether a database can keep *text*; if not, it cannot be found in one either."""
    return "\0" not in text and (text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text))


def _in_utc(field: str, value: datetime) -> datetime:
    if value.tzinfo is UTC:
        return value
    if value.utcoffset() is None:
        raise InvalidValue(field, "has no time zone")
    return value.astimezone(UTC)


def _check(field: str, value: object) -> None:
    if isinstance(value, str):
        check_text(field, value)
    elif isinstance(value, (frozenset, tuple)):
        for part in value:
            _check(field, part)
    elif isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise InvalidValue(field, "is too large")
