"""The built-in users, in SQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import bindparam, select, update

from flask_jafsec.errors import Conflict, NotFound
from flask_jafsec.records import User
from flask_jafsec.stores.sql.inserts import insert_if_new
from flask_jafsec.stores.sql.rows import as_row
from flask_jafsec.stores.sql.transaction import Transaction
from flask_jafsec.stores.tables import USER
from flask_jafsec.stores.values import is_storable, storable

_FIND = select(USER).where(USER.c.id == bindparam("user_id"))
_FIND_NAMED = select(USER).where(USER.c.name_key == bindparam("wanted"))
_FIND_ALL = select(USER).where(USER.c.id.in_(bindparam("user_ids", expanding=True)))
_REPLACE = update(USER).where(USER.c.id == bindparam("user_id"))
_PAGE = (
    select(USER).where(USER.c.id > bindparam("after")).order_by(USER.c.id).limit(bindparam("limit"))
)


class SqlUsers:
    """A ``UserStore`` in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def find(self, user_id: str) -> User | None:
        """Return the user with this id."""
        return self._transaction.record(User, _FIND, user_id=user_id)

    def find_named(self, name_key: str) -> User | None:
        """Return the user with this name, given in its one form."""
        return self._transaction.record(User, _FIND_NAMED, wanted=name_key)

    def find_all(self, user_ids: Iterable[str]) -> Sequence[User]:
        """Return those of these users that there are, in any order."""
        wanted = sorted(user_id for user_id in set(user_ids) if is_storable(user_id))
        return self._transaction.records(User, _FIND_ALL, user_ids=wanted) if wanted else ()

    def add(self, user: User) -> None:
        """Raises Conflict when the id or the name is taken."""
        insert = insert_if_new(USER, self._transaction.dialect)
        if not self._transaction.change(insert, **as_row(USER, storable(user))):
            raise Conflict("a user with this id or name exists")

    def replace(self, user: User) -> None:
        """Raises NotFound; Conflict when the new name is somebody else's."""
        row = as_row(USER, storable(user))
        if not self._transaction.change_unless_taken(_REPLACE, user_id=user.id, **row):
            raise NotFound("user", user.id)

    def page(self, *, after: str = "", limit: int = 100) -> Sequence[User]:
        """Return users in the order of their ids (oldest first), those after id *after*."""
        return self._transaction.records(User, _PAGE, after=after, limit=limit)
