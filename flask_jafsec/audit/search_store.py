"""What searching needs of a database; stores/sql/audit/searching.py gives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from flask_jafsec.audit.rows import DataKey, Entry


class Column(StrEnum):
    """Columns of the search copies that conditions are about; named as in ``Entry``."""

    ACTOR = "actor"
    ACTOR_KIND = "actor_kind"
    IP = "ip"
    KEY = "key"
    OUTCOME = "outcome"
    REQUEST = "request"
    SEVERITY = "severity"
    SUBJECT = "subject"
    TYPE_ID = "type_id"
    WORDS = "words"


#: Columns with an index of their own, each followed by the time.
INDEXED: Final = frozenset(Column) - {Column.ACTOR_KIND, Column.WORDS}

#: Columns that the rollups know.
ROLLED: Final = frozenset((Column.TYPE_ID, Column.OUTCOME, Column.SEVERITY))


@dataclass(frozen=True, slots=True)
class Condition:
    """A column has one of the values, or none of them; ``words`` contains the one value."""

    column: Column
    values: tuple[int, ...] | tuple[str, ...]
    excluded: bool = False


class Spot(NamedTuple):
    """A place in the order of the list."""

    ts: int
    leaf_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """A part of the list, and the index it is walked along."""

    by: Condition | None
    """The condition whose index is walked; None walks along the time."""
    where: tuple[Condition, ...] = ()
    """What must hold besides; looked at row by row."""
    from_us: int
    """First microsecond."""
    to_us: int
    """First microsecond that is not part of it."""
    beyond: Spot | None = None
    """Only what comes after this spot, in the direction of the walk."""
    ascending: bool = False
    """Oldest first, to page back to newer events."""


class Depth(NamedTuple):
    """What a walk along one value's part of an index found."""

    rows: int
    edge_us: int | None
    """The time of the last row; None without one."""


class Group(NamedTuple):
    """Events that agree in everything that facets count."""

    type_id: int
    outcome: int
    severity: int
    actor_kind: int
    events: int
    decisions: int


class Rolled(NamedTuple):
    """The same from the rollups, which do not know the kind of actor."""

    type_id: int
    outcome: int
    severity: int
    events: int
    decisions: int


class Amount(NamedTuple):
    """Events of one outcome in one bar of a histogram."""

    bar: int
    outcome: int
    events: int
    decisions: int


class SearchStore(Protocol):
    """Opens the search copies."""

    def searching(self) -> AbstractContextManager[AuditSearch]:
        """Open the search copies for reading, all at one moment. Raises StoreUnavailable."""


class AuditSearch(Protocol):
    """The search copies at one moment. Nothing here changes anything."""

    def type_ids(self) -> Mapping[str, int]:
        """Return the number of every type's name."""

    def entries(self, scan: Scan, limit: int) -> Sequence[Entry]:
        """Return the first entries of a scan, in the direction of its walk."""

    def depths(self, scan: Scan, limit: int) -> Sequence[Depth]:
        """Return how far *limit* rows of each value reach. Looks at nothing but the index."""

    def count(self, scan: Scan, limit: int) -> int:
        """Return how many entries a scan has, counting up to *limit*."""

    def groups(self, scan: Scan) -> Sequence[Group]:
        """Return the whole scan counted by what facets show."""

    def amounts(self, scan: Scan, start_us: int, width_us: int) -> Sequence[Amount]:
        """Return the whole scan counted by outcome and bars of *width_us* from *start_us* on."""

    def oldest_bucket(self, step: int) -> int | None:
        """Return the start of the oldest bucket of this step, in seconds; None without any."""

    def rolled(
        self, step: int, start: int, end: int, where: Sequence[Condition]
    ) -> Sequence[Rolled]:
        """Return the sums of buckets from *start* to before *end*, in seconds."""

    def rolled_amounts(
        self,
        step: int,
        buckets: tuple[int, int],
        axis: tuple[int, int],
        where: Sequence[Condition],
    ) -> Sequence[Amount]:
        """Return the same by outcome and bar.

        Args:
            buckets: The first one, and the first that is not part of it, in seconds.
            axis: Where the first bar starts, and how long a bar lasts, in seconds.
        """

    def after_leaf(self, leaf_index: int, limit: int) -> Sequence[Entry]:
        """Return entries behind this leaf in the order of the tree."""

    def newest_leaf(self) -> int:
        """Return the last leaf that has search copies; -1 without any."""

    def subject_refs(self, lookups: Sequence[bytes]) -> Sequence[str]:
        """Return the references of the persons with these blind indexes."""

    def day_keys(self, from_day: str, to_day: str) -> Sequence[DataKey]:
        """Return the keys of days from one to the other, both included, that still exist."""
