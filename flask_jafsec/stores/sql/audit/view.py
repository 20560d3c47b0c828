"""The log at one moment in SQL."""

from __future__ import annotations

from flask_jafsec.stores.sql.transaction import Transaction


class SqlAuditView:
    """Being written."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
