"""Single small facts about the installation, in SQL."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from flask_jafsec.stores.sql.inserts import insert_or_replace
from flask_jafsec.stores.sql.transaction import Transaction
from flask_jafsec.stores.tables import FACT
from flask_jafsec.stores.values import check_text

_GET = select(FACT.c.value).where(FACT.c.name == bindparam("wanted"))


class SqlFacts:
    """A ``FactStore`` in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def get(self, name: str) -> str | None:
        """Return the fact called *name*."""
        for row in self._transaction.rows(_GET, wanted=name):
            value: str = row.value
            return value
        return None

    def put(self, name: str, value: str) -> None:
        """Write the fact, or replace it."""
        check_text("name", name)
        check_text("value", value, limit_bytes=None)
        insert = insert_or_replace(FACT, self._transaction.dialect)
        self._transaction.change(insert, name=name, value=value)
