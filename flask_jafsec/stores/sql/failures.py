"""Turns errors of the database driver into ours, without secrets."""

from __future__ import annotations

from typing import NoReturn

from sqlalchemy.exc import DBAPIError

from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.stores.sql.address import Address


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
    # A cause is printed with its error, so one that quotes the password is left out.
    raise kind(message) from (None if leaks else error)
