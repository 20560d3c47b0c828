"""The audit log on the same database as everything else, on connections of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask_jafsec.stores.sql.audit.batch import SqlAuditBatch
from flask_jafsec.stores.sql.audit.exports import SqlAuditExports
from flask_jafsec.stores.sql.audit.growth import SqlAuditGrowth
from flask_jafsec.stores.sql.audit.leader import Leader
from flask_jafsec.stores.sql.audit.searching import SqlAuditSearch
from flask_jafsec.stores.sql.audit.view import SqlAuditView
from flask_jafsec.stores.sql.store import SqlStore


class SqlAuditStore:
    """Satisfies ``audit.store.AuditStore`` on a ``SqlStore``'s database."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self._leader = Leader(store.path)
        self.exports = SqlAuditExports(store)

    @contextmanager
    def appending(self) -> Iterator[SqlAuditBatch]:
        """Open one transaction for a batch, on the connection kept for the writer."""
        with self._store.transaction("audit", writing=True) as transaction:
            yield SqlAuditBatch(transaction)

    @contextmanager
    def importing(self) -> Iterator[SqlAuditBatch]:
        """Open the same on another connection: journals must not stop the writer."""
        with self._store.transaction("background", writing=True) as transaction:
            yield SqlAuditBatch(transaction)

    @contextmanager
    def sequencing(self) -> Iterator[SqlAuditGrowth | None]:
        """Open one transaction of the only sequencer; None while another process is it."""
        with self._leader.held() as is_leader:
            if not is_leader:
                yield None
                return
            with self._store.transaction("background", writing=True) as transaction:
                growth = SqlAuditGrowth(transaction)
                yield growth if growth.is_alone() else None

    @contextmanager
    def reading(self) -> Iterator[SqlAuditView]:
        """Open everything for reading, all at one moment."""
        with self._store.transaction("background", writing=False) as transaction:
            yield SqlAuditView(transaction)

    @contextmanager
    def searching(self) -> Iterator[SqlAuditSearch]:
        """Open the search copies for reading, all at one moment."""
        with self._store.transaction("tables", writing=False) as transaction:
            yield SqlAuditSearch(transaction)
