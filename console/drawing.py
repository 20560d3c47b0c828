"""What the charts' macros draw: heights, labels, and one sentence for who cannot see them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from flask_jafsec.audit.search_results import Bar
from flask_jafsec.events import Outcome

#: Outcomes from the axis up. What was done is drawn with what was allowed: nobody was refused.
_PARTS: Final = (
    ("allowed", (Outcome.ALLOW, Outcome.DONE)),
    ("denied", (Outcome.DENY,)),
    ("failed", (Outcome.FAIL,)),
)

#: Labels below a chart: as many as fit on a phone.
TICKS: Final = 5

_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class DrawnBar:
    """One bar: where it stands, what it is made of, and what it says."""

    place: int
    start: datetime
    end: datetime
    title: str
    parts: tuple[tuple[str, int], ...]
    is_partial: bool

    @property
    def total(self) -> int:
        """The height, in what is counted."""
        return sum(amount for _, amount in self.parts)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart of bars."""

    bars: tuple[DrawnBar, ...]
    top: int
    """Where the axis ends: a round number."""
    ticks: tuple[str, ...]
    peak: DrawnBar | None
    """The highest bar; None where nothing happened."""
    totals: dict[str, int]


def decisions_of(bar: Bar) -> Mapping[Outcome, int]:
    """Return how many decisions a bar stands for."""
    return bar.decisions


def events_of(bar: Bar) -> Mapping[Outcome, int]:
    """Return how many events a bar stands for: rows of the log, counted ones once."""
    return bar.events


def drawing(
    bars: Sequence[Bar],
    now: datetime,
    amounts: Callable[[Bar], Mapping[Outcome, int]] = decisions_of,
) -> Drawing:
    """Return a chart of what *bars* hold; the bar that is not over at *now* is paler."""
    drawn = tuple(_bar(place, bar, amounts(bar), now) for place, bar in enumerate(bars))
    peak = max(drawn, key=lambda bar: bar.total, default=None)
    return Drawing(
        bars=drawn,
        top=_round_up(peak.total if peak else 0),
        ticks=_ticks(drawn),
        peak=peak if peak and peak.total else None,
        totals={name: sum(dict(bar.parts)[name] for bar in drawn) for name, _ in _PARTS},
    )


def points(amounts: Sequence[int]) -> str:
    """Return the points of a line through *amounts*, 96 wide and 24 high."""
    top = max(1, *amounts)
    step = 96 / max(1, len(amounts) - 1)
    return " ".join(
        f"{n * step:.1f},{22 - 20 * amount / top:.1f}" for n, amount in enumerate(amounts)
    )


def moment(us: int) -> datetime:
    """Return the time of microseconds since 1970 UTC."""
    return datetime.fromtimestamp(us / 1_000_000, UTC)


def _bar(place: int, bar: Bar, amounts: Mapping[Outcome, int], now: datetime) -> DrawnBar:
    parts = tuple((name, sum(amounts.get(o, 0) for o in of)) for name, of in _PARTS)
    start, end = moment(bar.start_us), moment(bar.end_us)
    said = ", ".join(f"{amount:,} {name}" for name, amount in parts if amount) or "0"
    title = f"{start:%Y-%m-%d %H:%M}: {said}"
    return DrawnBar(place, start, end, title, parts, bar.is_partial or end > now)


def _round_up(amount: int) -> int:
    """Return the next of 2, 4, 6, 8, 10, 20, 40, ...: half of it is a whole number as well."""
    size = int("1" + "0" * (len(str(amount)) - 1))
    steps = (2, 4, 6, 8, 10) if size == 1 else (1, 2, 4, 6, 8, 10)
    return next(step * size for step in steps if step * size >= amount)


def _ticks(bars: Sequence[DrawnBar]) -> tuple[str, ...]:
    if not bars:
        return ()
    is_long = (bars[-1].end - bars[0].start).total_seconds() > 2 * _DAY_S
    form = "%d %b" if is_long else "%H:%M"
    places = [len(bars) * tick // (TICKS - 1) for tick in range(TICKS - 1)]
    starts = [bars[place].start for place in dict.fromkeys(places)]
    return tuple(f"{at:{form}}" for at in (*starts, bars[-1].end))
