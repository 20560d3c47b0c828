"""The stored hashes of a log, as ``tree`` reads them for roots and proofs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class HashTables(Protocol):
    """What both ``AuditGrowth`` and ``AuditView`` give of hashes."""

    def leaf_hashes(self, first: int, count: int) -> Sequence[bytes]:
        """Return leaf hashes in order of the tree."""
        ...

    def nodes(self, height: int, first: int, count: int) -> Sequence[bytes]:
        """Return stored node hashes of one height, in order."""
        ...


@dataclass(frozen=True, slots=True)
class StoredHashes:
    """Satisfies ``tree.Nodes``."""

    tables: HashTables

    def leaves(self, first: int, count: int) -> Sequence[bytes]:
        """Return the hashes of *count* leaves from *first* on; fewer where some are gone."""
        return self.tables.leaf_hashes(first, count)

    def nodes(self, height: int, first: int, count: int) -> Sequence[bytes]:
        """Return *count* nodes of one height from *first* on; fewer where some are gone."""
        return self.tables.nodes(height, first, count)
