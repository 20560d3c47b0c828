"""Roles and who holds them, in SQL."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, select

from flask_jafsec.errors import InvalidValue, NotFound
from flask_jafsec.records import Grant, Role
from flask_jafsec.stores.sql.inserts import insert_if_new, insert_or_replace
from flask_jafsec.stores.sql.rows import as_row
from flask_jafsec.stores.sql.transaction import Transaction
from flask_jafsec.stores.tables import ROLE, ROLE_GRANT
from flask_jafsec.stores.values import storable

_GRANT = ROLE_GRANT.c

_FIND = select(ROLE).where(ROLE.c.name == bindparam("role"))
_ALL = select(ROLE).order_by(ROLE.c.name)
_REMOVE = delete(ROLE).where(ROLE.c.name == bindparam("role"))
_REMOVE_GRANTS = delete(ROLE_GRANT).where(_GRANT.role == bindparam("role"))
_WITHDRAW = _REMOVE_GRANTS.where(_GRANT.subject == bindparam("subject"))
_ROLES_OF = select(_GRANT.role).where(_GRANT.subject == bindparam("subject"))
_HOLDERS_OF = (
    select(_GRANT.subject).where(_GRANT.role == bindparam("role")).order_by(_GRANT.subject)
)


class SqlRoles:
    """A ``RoleStore`` in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def find(self, name: str) -> Role | None:
        """Return the role with this name."""
        return self._transaction.record(Role, _FIND, role=name)

    def all(self) -> Sequence[Role]:
        """Return every stored role, by name."""
        return self._transaction.records(Role, _ALL)

    def put(self, role: Role) -> None:
        """Add the role, or replace what it grants.

        Raises:
            InvalidValue: The role is built in; those are in the configuration, never here.
        """
        if role.built_in:
            raise InvalidValue("built_in", "roles of the configuration are not stored")
        insert = insert_or_replace(ROLE, self._transaction.dialect)
        self._transaction.change(insert, **as_row(ROLE, storable(role)))

    def remove(self, name: str) -> None:
        """Remove the role and every grant of it. Raises NotFound."""
        if not self._transaction.change(_REMOVE, role=name):
            raise NotFound("role", name)
        self._transaction.change(_REMOVE_GRANTS, role=name)

    def grant(self, grant: Grant) -> bool:
        """Return whether it was new; granting twice changes nothing."""
        insert = insert_if_new(ROLE_GRANT, self._transaction.dialect)
        return self._transaction.change(insert, **as_row(ROLE_GRANT, storable(grant))) == 1

    def withdraw(self, subject: str, role: str) -> bool:
        """Return whether there was such a grant."""
        return self._transaction.change(_WITHDRAW, subject=subject, role=role) == 1

    def roles_of(self, subject: str) -> frozenset[str]:
        """Return the names of the roles *subject* holds."""
        return frozenset(row.role for row in self._transaction.rows(_ROLES_OF, subject=subject))

    def holders_of(self, role: str) -> Sequence[str]:
        """Return the subjects holding *role*, sorted."""
        return [row.subject for row in self._transaction.rows(_HOLDERS_OF, role=role)]
