"""Search copies and rollups in SQL, for reading. The statements stand in walks.py and sums.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import func, select

from flask_jafsec.audit.references import DAY
from flask_jafsec.audit.rows import DataKey, Entry
from flask_jafsec.audit.search_store import Amount, Condition, Depth, Group, Rolled, Scan
from flask_jafsec.stores.audit_tables import DATA_KEY, ENTRY, ROLLUP, SUBJECT, TYPE
from flask_jafsec.stores.sql.audit import sums, walks
from flask_jafsec.stores.sql.transaction import Transaction

# Every question here is answered along an index that its statement is written for. PostgreSQL takes
# reading and sorting a whole table for cheaper where it thinks of disks and not of memory, and on
# newer servers it would rather compile a statement than answer it. All for this transaction only.
_SETTINGS = select(
    *(func.set_config(name, "off", True) for name in ("enable_seqscan", "enable_bitmapscan", "jit"))
)

_ENTRY = tuple(ENTRY.c[name] for name in Entry._fields)
_DATA_KEY = tuple(DATA_KEY.c[name] for name in DataKey._fields)


class SqlAuditSearch:
    """One moment of the search copies. Satisfies ``audit.search_store.AuditSearch``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._dialect = transaction.dialect
        if self._dialect == "postgresql":
            transaction.rows(_SETTINGS)

    def type_ids(self) -> Mapping[str, int]:
        """Return the number of every type's name."""
        rows = self._transaction.rows(select(TYPE.c.name, TYPE.c.id))
        return {row.name: row.id for row in rows}

    def entries(self, scan: Scan, limit: int) -> Sequence[Entry]:
        """Return the first entries of a scan, in the direction of its walk."""
        rows = self._transaction.rows(walks.entries(scan, limit, self._dialect))
        return [Entry._make(row) for row in rows]

    def depths(self, scan: Scan, limit: int) -> Sequence[Depth]:
        """Return how far *limit* rows of each value reach. Looks at nothing but the index."""
        rows = self._transaction.rows(walks.depths(scan, limit, self._dialect))
        return [Depth._make(row) for row in rows]

    def count(self, scan: Scan, limit: int) -> int:
        """Return how many entries a scan has, counting up to *limit*."""
        rows = self._transaction.rows(sums.count(scan, limit))
        return int(rows[0][0])

    def groups(self, scan: Scan) -> Sequence[Group]:
        """Return the whole scan counted by what facets show."""
        return [Group._make(row) for row in self._transaction.rows(sums.groups(scan))]

    def amounts(self, scan: Scan, start_us: int, width_us: int) -> Sequence[Amount]:
        """Return the whole scan counted by outcome and bars of *width_us* from *start_us* on."""
        rows = self._transaction.rows(sums.amounts(scan, start_us, width_us))
        return [Amount._make(row) for row in rows]

    def oldest_bucket(self, step: int) -> int | None:
        """Return the start of the oldest bucket of this step, in seconds; None without any."""
        oldest = select(ROLLUP.c.bucket).where(ROLLUP.c.step == step)
        rows = self._transaction.rows(oldest.order_by(ROLLUP.c.bucket).limit(1))
        return int(rows[0][0]) if rows else None

    def rolled(
        self, step: int, start: int, end: int, where: Sequence[Condition]
    ) -> Sequence[Rolled]:
        """Return the sums of buckets from *start* to before *end*, in seconds."""
        rows = self._transaction.rows(sums.rolled(step, start, end, where))
        return [Rolled._make(row) for row in rows]

    def rolled_amounts(
        self,
        step: int,
        buckets: tuple[int, int],
        axis: tuple[int, int],
        where: Sequence[Condition],
    ) -> Sequence[Amount]:
        """Return the same by outcome and bar."""
        start, width = axis
        events, decisions = Counter[tuple[int, int]](), Counter[tuple[int, int]]()
        for row in self._transaction.rows(sums.rolled_amounts(step, *buckets, where)):
            bar = (row[0] - start) // width
            for outcome, place in zip(sums.OUTCOMES, range(1, len(row), 2), strict=True):
                events[bar, outcome] += row[place] or 0
                decisions[bar, outcome] += row[place + 1] or 0
        return [Amount(*key, n, decisions[key]) for key, n in events.items() if n]

    def after_leaf(self, leaf_index: int, limit: int) -> Sequence[Entry]:
        """Return entries behind this leaf in the order of the tree."""
        behind = select(*_ENTRY).where(ENTRY.c.leaf_index > leaf_index)
        rows = self._transaction.rows(behind.order_by(ENTRY.c.leaf_index).limit(limit))
        return [Entry._make(row) for row in rows]

    def newest_leaf(self) -> int:
        """Return the last leaf that has search copies; -1 without any."""
        newest = self._transaction.rows(select(func.max(ENTRY.c.leaf_index)))[0][0]
        return -1 if newest is None else int(newest)

    def subject_refs(self, lookups: Sequence[bytes]) -> Sequence[str]:
        """Return the references of the persons with these blind indexes."""
        known = select(SUBJECT.c.ref).where(SUBJECT.c.lookup.in_(lookups)).order_by(SUBJECT.c.ref)
        return [ref for (ref,) in self._transaction.rows(known)]

    def day_keys(self, from_day: str, to_day: str) -> Sequence[DataKey]:
        """Return the keys of days from one to the other, both included, that still exist."""
        kept = select(*_DATA_KEY).where(DATA_KEY.c.kind == DAY, DATA_KEY.c.wrapped.is_not(None))
        named = kept.where(DATA_KEY.c.name >= from_day, DATA_KEY.c.name <= to_day)
        rows = self._transaction.rows(named.order_by(DATA_KEY.c.name, DATA_KEY.c.ref))
        return [DataKey._make(row) for row in rows]
