"""Search copies and rollups in SQL."""

from __future__ import annotations

from flask_jafsec.stores.sql.transaction import Transaction


class SqlAuditSearch:
    """Being written."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
