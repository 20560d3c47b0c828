"""The audit log on the same database as everything else, on connections of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from flask_jafsec.stores.sql.audit.batch import SqlAuditBatch
from flask_jafsec.stores.sql.audit.exporting import SqlAuditExport
from flask_jafsec.stores.sql.audit.growth import SqlAuditGrowth
from flask_jafsec.stores.sql.audit.searching import SqlAuditSearch
from flask_jafsec.stores.sql.audit.view import SqlAuditView
from flask_jafsec.stores.sql.store import SqlStore

#: The first of two numbers of our PostgreSQL advisory locks: "jafs" in ASCII.
LOCK_SPACE: Final = int.from_bytes(b"jafs", "big")

#: The second number of the sequencer's; sinks get numbers made of their names.
SEQUENCER_LOCK: Final = 0


class SqlAuditStore:
    """Satisfies ``audit.store.AuditStore`` on a ``SqlStore``'s database."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

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
        with self._alone("sequencer", SEQUENCER_LOCK) as transaction:
            yield None if transaction is None else SqlAuditGrowth(transaction)

    @contextmanager
    def exporting(self, sink: str) -> Iterator[SqlAuditExport | None]:
        """Open the cursor of one outward sink; None while another process exports to it."""
        number = int.from_bytes(sink.encode()[:3].ljust(3, b"\0"), "big") + 1
        with self._alone(f"export-{sink}", number) as transaction:
            yield None if transaction is None else SqlAuditExport(transaction, sink)

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
