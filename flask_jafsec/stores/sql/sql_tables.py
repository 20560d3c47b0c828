"""All stores of one transaction in SQL."""

from __future__ import annotations

from sqlalchemy import update

from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.protocols import (
    FactStore,
    KeyStore,
    RoleStore,
    SessionStore,
    TokenStore,
    UserStore,
)
from flask_jafsec.stores.sql.facts import SqlFacts
from flask_jafsec.stores.sql.keys import SqlKeys
from flask_jafsec.stores.sql.roles import SqlRoles
from flask_jafsec.stores.sql.sessions import SqlSessions
from flask_jafsec.stores.sql.tokens import SqlTokens
from flask_jafsec.stores.sql.transaction import Transaction
from flask_jafsec.stores.sql.users import SqlUsers
from flask_jafsec.stores.tables import EPOCH

# The row stays locked until the end of the transaction: that puts the transactions in one order.
_RAISE_EPOCH = update(EPOCH).where(EPOCH.c.id == 1).values(n=EPOCH.c.n + 1).returning(EPOCH.c.n)


class SqlTables:
    """All stores, bound to one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self.keys: KeyStore = SqlKeys(transaction)
        self.roles: RoleStore = SqlRoles(transaction)
        self.users: UserStore = SqlUsers(transaction)
        self.tokens: TokenStore = SqlTokens(transaction)
        self.sessions: SessionStore = SqlSessions(transaction)
        self.facts: FactStore = SqlFacts(transaction)

    def raise_epoch(self) -> int:
        """Raise the number that tells every process to forget what it remembers; return it."""
        raised = self._transaction.scalar(_RAISE_EPOCH)
        if raised is None:
            raise StoreUnavailable(f"{EPOCH.name} has no row")
        return int(raised)
