"""Browser sessions of the built-in users, in SQL."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, select, update

from flask_jafsec.errors import Conflict, NotFound
from flask_jafsec.records import Session
from flask_jafsec.stores.sql.inserts import insert_if_new
from flask_jafsec.stores.sql.rows import as_row
from flask_jafsec.stores.sql.transaction import Transaction
from flask_jafsec.stores.tables import SESSION
from flask_jafsec.stores.values import storable

_FIND = select(SESSION).where(SESSION.c.digest == bindparam("wanted"))
_REPLACE = update(SESSION).where(SESSION.c.digest == bindparam("wanted"))
_END_ALL = (
    update(SESSION)
    .where(SESSION.c.user_id == bindparam("whose"))
    .where(SESSION.c.ended_at.is_(None), SESSION.c.expires_at > bindparam("at"))
    .values(ended_at=bindparam("at"))
)
_PRUNE = delete(SESSION).where(SESSION.c.expires_at < bindparam("before"))


class SqlSessions:
    """A ``SessionStore`` in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def find(self, digest: bytes) -> Session | None:
        """Return the session with this digest."""
        return self._transaction.record(Session, _FIND, wanted=digest)

    def add(self, session: Session) -> None:
        """Raises Conflict when the digest is taken."""
        insert = insert_if_new(SESSION, self._transaction.dialect)
        if not self._transaction.change(insert, **as_row(SESSION, storable(session))):
            raise Conflict("this session exists")

    def replace(self, session: Session) -> None:
        """Raises NotFound."""
        row = as_row(SESSION, storable(session))
        if not self._transaction.change(_REPLACE, wanted=session.digest, **row):
            raise NotFound("session", session.id)

    def end_all(self, user_id: str, at: datetime) -> int:
        """End every live session of the user; return how many there were."""
        return self._transaction.change(_END_ALL, whose=user_id, at=at)

    def prune(self, before: datetime) -> int:
        """Forget sessions that expired before; return how many."""
        return self._transaction.change(_PRUNE, before=before)
