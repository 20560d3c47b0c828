"""Cursors of outward sinks in SQL."""

from __future__ import annotations

from flask_jafsec.stores.sql.store import SqlStore


class SqlAuditExports:
    """Being written."""

    def __init__(self, transaction: SqlStore) -> None:
        self._transaction = transaction
