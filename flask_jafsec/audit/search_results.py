"""What searching the log gives back. Every number says whether it is exact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flask_jafsec.audit.rows import Entry
from flask_jafsec.events import Outcome


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the list, newest first.

    With ``is_limited`` there may be more matches further on than were looked at: the page holds
    what was found so far, and its cursor goes on from there.
    """

    entries: tuple[Entry, ...] = ()
    type_names: Mapping[int, str] = field(default_factory=dict)
    """Names of the numbers in ``Entry.type_id``."""
    older: str | None = None
    """Cursor of the next page; None where the list ends."""
    newer: str | None = None
    looked_at: int = 0
    """Rows of the log that were compared for this page."""
    is_limited: bool = False
    reached_us: int | None = None
    """How far the search has come, when it is limited."""
    about: int | None = None
    """About how many rows there are to look at, when it is limited and known cheaply."""


@dataclass(frozen=True, slots=True)
class Total:
    """How many events a query finds."""

    events: int
    is_exact: bool
    """If not, there are at least this many."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a histogram."""

    start_us: int
    end_us: int
    events: Mapping[Outcome, int]
    decisions: Mapping[Outcome, int]
    """How many decisions these events stand for."""
    is_partial: bool
    """It reaches beyond the range that was asked for."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Bars without gaps, oldest first.

    From the rollups, the first and the last bar hold whole buckets: up to five minutes, or one
    hour, beyond the range.
    """

    bars: tuple[Bar, ...]
    is_sampled: bool
    """Only the newest ``looked_at`` rows are counted, back to ``reached_us``."""
    looked_at: int = 0
    reached_us: int | None = None


@dataclass(frozen=True, slots=True)
class Facet:
    """Values of one field with their events, most first."""

    values: tuple[tuple[str, int], ...]
    is_exact: bool
    """If not, only the newest ``Facets.looked_at`` rows are counted."""


@dataclass(frozen=True, slots=True)
class Facets:
    """The fields that can be counted without reading persons."""

    outcome: Facet
    severity: Facet
    type: Facet
    kind: Facet
    looked_at: int
    """Rows that were compared for those facets that are not exact."""


@dataclass(frozen=True, slots=True)
class Tail:
    """What came in behind a leaf, in the order of the tree."""

    entries: tuple[Entry, ...]
    last_leaf: int
    """Where to go on from: the last leaf that was looked at, whether it matched or not."""
    type_names: Mapping[int, str]
