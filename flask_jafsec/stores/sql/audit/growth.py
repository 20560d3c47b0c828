"""What the sequencer reads and writes in SQL."""

from __future__ import annotations

from flask_jafsec.stores.sql.transaction import Transaction


class SqlAuditGrowth:
    """Being written."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def is_alone(self) -> bool:
        """Being written."""
        return True
