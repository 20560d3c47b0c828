"""Refresh tokens and bans on tokens, in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, func, select, update

from flask_jafsec.errors import Conflict
from flask_jafsec.records import RefreshToken, Revocation
from flask_jafsec.stores.sql.inserts import insert_if_new
from flask_jafsec.stores.sql.rows import as_row
from flask_jafsec.stores.sql.transaction import Transaction
from flask_jafsec.stores.tables import REFRESH_TOKEN, REVOCATION
from flask_jafsec.stores.values import storable, storable_revocation

_TOKEN = REFRESH_TOKEN.c
_BAN = REVOCATION.c

_FIND = select(REFRESH_TOKEN).where(_TOKEN.id == bindparam("token_id"))
# One statement decides who was first: the second waits for the row and then finds it used.
_USE = (
    update(REFRESH_TOKEN)
    .where(_TOKEN.id == bindparam("token_id"), _TOKEN.used_at.is_(None))
    .values(used_at=bindparam("at"))
)
_NEWER_BANS = (
    select(REVOCATION)
    .where(_BAN.epoch > bindparam("newer_than"), _BAN.ends_at > bindparam("at"))
    .order_by(_BAN.epoch, _BAN.id)
)
_FAMILY_BAN = select(_BAN.id).where(_BAN.family == bindparam("family")).limit(1)
_NOT_BEFORE = select(func.max(_BAN.not_before).label("at")).where(
    _BAN.subject == bindparam("subject")
)
_PRUNE_TOKENS = delete(REFRESH_TOKEN).where(_TOKEN.expires_at < bindparam("before"))
_PRUNE_BANS = delete(REVOCATION).where(_BAN.ends_at < bindparam("before"))


class SqlTokens:
    """A ``TokenStore`` in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add_refresh(self, token: RefreshToken) -> None:
        """Raises Conflict when the id is taken."""
        insert = insert_if_new(REFRESH_TOKEN, self._transaction.dialect)
        if not self._transaction.change(insert, **as_row(REFRESH_TOKEN, storable(token))):
            raise Conflict("a refresh token with this id exists")

    def find_refresh(self, token_id: str) -> RefreshToken | None:
        """Return the refresh token with this id."""
        return self._transaction.record(RefreshToken, _FIND, token_id=token_id)

    def use_refresh(self, token_id: str, used_at: datetime) -> bool:
        """Mark it used; return whether this call was the first to do so (atomic)."""
        return self._transaction.change(_USE, token_id=token_id, at=used_at) == 1

    def revoke(self, revocation: Revocation) -> None:
        """Raises Conflict when the id is taken; InvalidValue when it bans nothing or too much."""
        insert = insert_if_new(REVOCATION, self._transaction.dialect)
        row = as_row(REVOCATION, storable_revocation(revocation))
        if not self._transaction.change(insert, **row):
            raise Conflict("a revocation with this id exists")

    def revocations(self, *, newer_than: int, at: datetime) -> Sequence[Revocation]:
        """Return bans of epochs above *newer_than* that still matter at *at*."""
        return self._transaction.records(Revocation, _NEWER_BANS, newer_than=newer_than, at=at)

    def is_family_revoked(self, family: str) -> bool:
        """Return whether there is a ban on this family."""
        return len(self._transaction.rows(_FAMILY_BAN, family=family)) > 0

    def subject_not_before(self, subject: str) -> datetime | None:
        """Return the newest ``not_before`` of the subject's bans, if any."""
        for row in self._transaction.rows(_NOT_BEFORE, subject=subject):
            newest: datetime | None = row.at
            return newest
        return None

    def prune(self, before: datetime) -> int:
        """Forget refresh tokens and bans that ended before; return how many."""
        tokens = self._transaction.change(_PRUNE_TOKENS, before=before)
        return tokens + self._transaction.change(_PRUNE_BANS, before=before)
