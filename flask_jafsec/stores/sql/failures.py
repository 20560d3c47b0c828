"""Turns errors of the database driver into ours, without secrets."""

from __future__ import annotations

import re
from typing import Final, NoReturn

from sqlalchemy.exc import DBAPIError, IntegrityError

from flask_jafsec.errors import StoreDamaged, StoreUnavailable
from flask_jafsec.stores.sql.address import Address

#: What PostgreSQL calls a table, or a column, that is not there. Source: its manual, appendix A.
_GONE: Final = frozenset({"42P01", "42703"})

#: What PostgreSQL calls a second row with one unique value.
_TAKEN: Final = "23505"

#: What SQLite says of a table, or a column, that is not there.
_GONE_TEXT: Final = re.compile(r"no such (?:table|column)")

#: What Python's driver says of a text in a SQLite file that is none.
_NO_TEXT: Final = "Could not decode to UTF-8"


def fail(
    address: Address,
    error: Exception,
    doing: str,
    kind: type[StoreUnavailable] = StoreUnavailable,
) -> NoReturn:
    """Raise StoreUnavailable, or a *kind* of it, for *error* met while *doing* something.

    The message has the driver's first line only: what follows may quote values of a row.
    """
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    first_line = (str(cause).splitlines() or [type(cause).__name__])[0]
    leaks = any(secret in f"{error} {cause}" for secret in address.secrets)
    for secret in address.secrets:
        first_line = first_line.replace(secret, "***")
    message = f"{address.name} failed while {doing}: {first_line}"
    if kind is StoreUnavailable and is_damage(cause):
        kind = StoreDamaged
    # A cause is printed with its error, so one that quotes the password is left out.
    raise kind(message) from (None if leaks else error)


def is_damage(cause: BaseException) -> bool:
    """Return whether a driver's error says that a table is not as we made it."""
    return getattr(cause, "sqlstate", "") in _GONE or bool(_GONE_TEXT.match(str(cause)))


def is_no_text(error: Exception) -> bool:
    """Return whether the driver stopped at a text that is not UTF-8."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return _NO_TEXT in str(cause)


def is_taken(error: Exception) -> bool:
    """Return whether a row could not be added because another has its unique value."""
    if isinstance(error, IntegrityError):
        return True
    # What COPY fails with is wrapped by us, as the general error (bulk.py).
    cause = error.orig if isinstance(error, DBAPIError) else error
    return getattr(cause, "sqlstate", "") == _TAKEN
