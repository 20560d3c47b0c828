"""How much happened lately, beside as long before: what the overview tells. Changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from flask_jafsec.audit.query import Field, Query, Term
from flask_jafsec.audit.search_results import Bar
from flask_jafsec.audit.searching import EVERYTHING, LogSearch
from flask_jafsec.events import EventType, Outcome

_S: Final = 1_000_000

#: Denied events that are looked at to say who is denied most.
LOOKED_AT: Final = 200

#: Names of a ranking.
MAX_RANKED: Final = 5

DENIED: Final = Query.of([Term(Field.OUTCOME, (Outcome.DENY.value,))])
SIGN_INS_FAILED: Final = Query.of([Term(Field.TYPE, (EventType.SIGN_IN_FAILED.value,))])
#: What people change: keys, roles, users.
CHANGES: Final = Query.of([Term(Field.TYPE, ("key.*", "role.*", "user.*"))])


class Span(Enum):
    """How far back: a name, its length, and the width of a bar, in seconds.

    Twice the length in bars of that width is at most what a histogram has, and a bar never lies
    across the border between now and before: so the sums are exact.
    """

    DAY = ("24h", 24 * 3_600, 3_600)
    WEEK = ("7d", 7 * 86_400, 6 * 3_600)
    MONTH = ("30d", 30 * 86_400, 86_400)

    @property
    def label(self) -> str:
        """The name, as it stands in addresses."""
        return self.value[0]

    @property
    def length_s(self) -> int:
        """How long it is, in seconds."""
        return self.value[1]

    @property
    def bar_s(self) -> int:
        """How long a bar is, in seconds."""
        return self.value[2]

    def borders_us(self, now_us: int) -> tuple[int, int, int]:
        """Return where "before" begins, where "now" begins, and the end of the present bar."""
        # What happens at this very moment is part of the present bar, also where that begins now.
        end = (now_us // (self.bar_s * _S) + 1) * self.bar_s * _S
        length = self.length_s * _S
        return max(0, end - 2 * length), max(0, end - length), end


@dataclass(frozen=True, slots=True)
class Trend:
    """Decisions in the span, and in the one before it."""

    now: int
    before: int
    points: tuple[int, ...]
    """One amount for each bar of the span, oldest first."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Who or what comes most, most first."""

    values: tuple[tuple[str, int], ...]
    looked_at: int | None
    """Events that were looked at for it; None when it is all of them."""
    leaves: Mapping[str, int] = field(default_factory=dict)
    """For each value the leaf of one of its events, which may tell a name."""


@dataclass(frozen=True, slots=True)
class Trends:
    """What happened in a span."""

    from_us: int
    to_us: int
    bars: tuple[Bar, ...]
    allowed: Trend
    denied: Trend
    sign_ins_failed: Trend
    changes: Trend
    reasons: Ranking
    """Types of denied events."""
    actors: Ranking
    """References of actors of denied events."""


def trends(search: LogSearch, span: Span, now_us: int) -> Trends:
    """Return what happened in *span* up to now. Raises StoreUnavailable."""
    start, middle, end = span.borders_us(now_us)
    number = 2 * span.length_s // span.bar_s

    def drawn(query: Query) -> Sequence[Bar]:
        return search.histogram(query, start, end, number).bars

    def trend(bars: Sequence[Bar], amount: Callable[[Bar], int]) -> Trend:
        # A type that never happened has no bars at all.
        amounts = [amount(bar) for bar in bars] or [0] * number
        now = amounts[number // 2 :]
        return Trend(sum(now), sum(amounts[: number // 2]), tuple(now))

    everything = drawn(EVERYTHING)
    return Trends(
        from_us=middle,
        to_us=end,
        bars=tuple(everything[number // 2 :]),
        allowed=trend(everything, lambda bar: bar.decisions.get(Outcome.ALLOW, 0)),
        denied=trend(everything, lambda bar: bar.decisions.get(Outcome.DENY, 0)),
        sign_ins_failed=trend(drawn(SIGN_INS_FAILED), _all_decisions),
        changes=trend(drawn(CHANGES), _all_decisions),
        reasons=_reasons(search, middle, end),
        actors=_actors(search, middle, end),
    )


def _all_decisions(bar: Bar) -> int:
    return sum(bar.decisions.values())


def _reasons(search: LogSearch, from_us: int, to_us: int) -> Ranking:
    facets = search.facets(DENIED, from_us, to_us)
    looked_at = None if facets.type.is_exact else facets.looked_at
    return Ranking(facets.type.values[:MAX_RANKED], looked_at)


def _actors(search: LogSearch, from_us: int, to_us: int) -> Ranking:
    page = search.page(DENIED, from_us, to_us, size=LOOKED_AT)
    counted = Counter(entry.actor for entry in page.entries if entry.actor)
    ranked = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))[:MAX_RANKED]
    leaves = {entry.actor: entry.leaf_index for entry in page.entries if entry.actor}
    return Ranking(
        values=tuple(ranked),
        looked_at=None if page.older is None else len(page.entries),
        leaves={name: leaves[name] for name, _ in ranked},
    )
