"""Totals, histograms and facets: from rollups where these know enough, else from a bounded look."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from flask_jafsec.audit.rows import ACTOR_NUMBER, OUTCOME_NUMBER
from flask_jafsec.audit.search_plan import OUTCOMES, SEVERITIES, Question, cut, plan_of
from flask_jafsec.audit.search_results import Bar, Facet, Facets, Histogram, Total
from flask_jafsec.audit.search_store import ROLLED, Amount, AuditSearch, Condition, Scan

#: Seconds of the rollups' buckets.
FINE: Final = 300
COARSE: Final = 3_600

#: Ranges up to this long are drawn from the fine buckets, in seconds. Source: 5.3.
FINE_FOR_S: Final = 48 * 3_600

MAX_BARS: Final = 60

#: Seconds a bar may last: what people read off an axis.
_WIDTHS: Final = tuple(60 * m for m in (5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 480, 720, 1440))
_DAY: Final = 86_400
_US: Final = 1_000_000

_OUTCOME_OF: Final = {number: outcome for outcome, number in OUTCOME_NUMBER.items()}


_NO_FACET: Final = Facet((), is_exact=True)
NOTHING: Final = Total(0, is_exact=True)
NO_FACETS: Final = Facets(_NO_FACET, _NO_FACET, _NO_FACET, _NO_FACET, looked_at=0)


class _Key(NamedTuple):
    type_id: int
    outcome: int
    severity: int


class _Sums(NamedTuple):
    events: Counter[_Key]
    is_exact: bool


def are_rolled(conditions: Iterable[Condition]) -> bool:
    """Return whether the rollups know everything that *conditions* are about."""
    return all(condition.column in ROLLED for condition in conditions)


def total(question: Question) -> Total:
    """Return how many events satisfy *conditions*; exact from rollups or up to a bound."""
    view, most = question.view, question.bounds.total
    if are_rolled(question.conditions):
        sums = _summed(question, question.from_us, question.to_us)
        return Total(sums.events.total(), sums.is_exact)
    plan = plan_of(question)
    if plan.bound is None:
        found = sum(depth.rows for depth in view.depths(plan.scan, most + 1))
        is_whole = True
    else:
        step = cut(view, plan.scan, plan.bound)
        found, is_whole = view.count(step.scan, most + 1), step.edge_us is None
    return Total(min(found, most), is_whole and found <= most)


def about(view: AuditSearch, scan: Scan) -> int | None:
    """Return about how many rows a walk has, from rollups; None where these do not know."""
    conditions = () if scan.by is None else (scan.by,)
    if not are_rolled(conditions):
        return None
    step = _step(view, scan.from_us, scan.to_us)
    start, end = _down(scan.from_us, step), _up(scan.to_us, step)
    return sum(rolled.events for rolled in view.rolled(step, start, end, conditions))


def histogram(question: Question, most: int) -> Histogram:
    """Return at most *most* bars over the range."""
    view, from_us, to_us = question.view, question.from_us, question.to_us
    step = _step(view, from_us, to_us)
    first, last = _down(from_us, step), _up(to_us, step)
    start, width, number = _axis(first, last, step, most)
    if are_rolled(question.conditions):
        amounts = view.rolled_amounts(step, (first, last), (start, width), question.conditions)
        return Histogram(_bars(amounts, (start, width, number), from_us, to_us), is_sampled=False)
    looked = cut(view, plan_of(question).scan, question.bounds.chart)
    amounts = view.amounts(looked.scan, start * _US, width * _US)
    bars = _bars(amounts, (start, width, number), from_us, to_us)
    return Histogram(bars, looked.edge_us is not None, looked.rows, looked.edge_us)


def facets(question: Question) -> Facets:
    """Return the fields' values in the scope of the query."""
    looked = cut(question.view, plan_of(question).scan, question.bounds.chart)
    groups = question.view.groups(looked.scan)
    is_whole = looked.edge_us is None
    seen = Counter[_Key]()
    kinds = Counter[int]()
    for group in groups:
        seen[_Key(group.type_id, group.outcome, group.severity)] += group.events
        kinds[group.actor_kind] += group.events
    sums = _Sums(seen, is_whole)
    if not is_whole and are_rolled(question.conditions):
        sums = _summed(question, question.from_us, question.to_us)
    return Facets(
        outcome=_facet(sums, 1, _by_number(OUTCOMES)),
        severity=_facet(sums, 2, _by_number(SEVERITIES)),
        type=_facet(sums, 0, question.type_names),
        kind=Facet(_ranked(kinds, _by_number(ACTOR_NUMBER)), is_whole),
        looked_at=looked.rows,
    )


def _summed(
    question: Question, from_us: int, to_us: int, sizes: Sequence[int] = (COARSE, FINE)
) -> _Sums:
    """Return sums of the largest buckets inside, smaller ones at the ends, and then of rows."""
    if from_us >= to_us:
        return _Sums(Counter(), is_exact=True)
    if not sizes:
        return _counted(question, from_us, to_us)
    view = question.view
    step, *smaller = sizes
    start, end = _up(from_us, step), _down(to_us, step)
    if start >= end or (step == FINE and not _has_fine(view, start)):
        return _summed(question, from_us, to_us, smaller)
    middle = Counter[_Key]()
    for rolled in view.rolled(step, start, end, question.conditions):
        middle[_Key(rolled.type_id, rolled.outcome, rolled.severity)] += rolled.events
    before = _summed(question, from_us, start * _US, smaller)
    after = _summed(question, end * _US, to_us, smaller)
    events = middle + before.events + after.events
    return _Sums(events, before.is_exact and after.is_exact)


def _counted(question: Question, from_us: int, to_us: int) -> _Sums:
    scan = Scan(by=None, from_us=from_us, to_us=to_us)
    looked = cut(question.view, scan, question.bounds.total)
    events = Counter[_Key]()
    for group in question.view.groups(replace(looked.scan, where=question.conditions)):
        events[_Key(group.type_id, group.outcome, group.severity)] += group.events
    return _Sums(events, looked.edge_us is None)


def _step(view: AuditSearch, from_us: int, to_us: int) -> int:
    is_short = to_us - from_us <= FINE_FOR_S * _US
    return FINE if is_short and _has_fine(view, _down(from_us, FINE)) else COARSE


def _has_fine(view: AuditSearch, start: int) -> bool:
    """Return whether the fine buckets, which are given up in time, are complete from *start* on."""
    fine, coarse = view.oldest_bucket(FINE), view.oldest_bucket(COARSE)
    if fine is None or coarse is None:
        return False
    return fine <= start or fine < coarse + COARSE


def _axis(first: int, last: int, step: int, most: int) -> tuple[int, int, int]:
    """Return start, width and number of the bars, in seconds, aligned to their width."""
    widths = [width for width in _WIDTHS if width % step == 0]
    days = 2
    while True:
        width = widths.pop(0) if widths else days * _DAY
        start = first // width * width
        number = -(-(last - start) // width)
        if number <= most:
            return start, width, number
        days += 0 if widths else 1 + days // 2


def _bars(
    amounts: Iterable[Amount], axis: tuple[int, int, int], from_us: int, to_us: int
) -> tuple[Bar, ...]:
    start, width, number = axis
    events: dict[int, Counter[int]] = defaultdict(Counter)
    decisions: dict[int, Counter[int]] = defaultdict(Counter)
    for amount in amounts:
        events[amount.bar][amount.outcome] += amount.events
        decisions[amount.bar][amount.outcome] += amount.decisions
    bars: list[Bar] = []
    for bar in range(number):
        begins, ends = (start + bar * width) * _US, (start + (bar + 1) * width) * _US
        of_events = {_OUTCOME_OF[o]: n for o, n in sorted(events[bar].items())}
        of_decisions = {_OUTCOME_OF[o]: n for o, n in sorted(decisions[bar].items())}
        is_partial = begins < from_us or ends > to_us
        bars.append(Bar(begins, ends, of_events, of_decisions, is_partial))
    return tuple(bars)


def _facet(sums: _Sums, part: int, names: Mapping[int, str]) -> Facet:
    counted = Counter[int]()
    for key, events in sums.events.items():
        counted[key[part]] += events
    return Facet(_ranked(counted, names), sums.is_exact)


def _ranked(counted: Counter[int], names: Mapping[int, str]) -> tuple[tuple[str, int], ...]:
    named = [(names.get(number, str(number)), events) for number, events in counted.items()]
    return tuple(sorted(named, key=lambda pair: (-pair[1], pair[0])))


def _by_number(numbers: Mapping[str, int]) -> Mapping[int, str]:
    return {number: name for name, number in numbers.items()}


def _down(at_us: int, step: int) -> int:
    return at_us // _US // step * step


def _up(at_us: int, step: int) -> int:
    return -(-at_us // (_US * step)) * step
