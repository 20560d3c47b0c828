"""Totals, charts and facets, on real databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_jafsec.audit.query import Field, Query, parse
from flask_jafsec.events import Outcome
from tests.audit.search_setting import (
    DAY_US,
    END_US,
    HOUR_US,
    KINDS,
    SMALL,
    TYPE_NAMES,
    TYPES,
    WHOLE,
    Log,
    queries,
    small_log,
    spans,
)


@pytest.fixture(scope="module", params=KINDS)
def log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """The same log for all tests: nothing here changes it."""
    with small_log(request.param, request, tmp_path_factory) as log:
        yield log


@given(query=queries, span=spans)
@settings(max_examples=120)
def test_totals_are_exact_or_say_that_there_may_be_more(
    log: Log, query: Query, span: tuple[int, int]
) -> None:
    right = len(log.matching(query, *span))

    exact, bounded = log.search().total(query, *span), log.search(**SMALL).total(query, *span)

    assert (exact.events, exact.is_exact) == (right, True)
    assert bounded.events == right if bounded.is_exact else bounded.events <= right


@given(query=queries, span=spans)
@settings(max_examples=80)
def test_facets_are_exact_or_marked(log: Log, query: Query, span: tuple[int, int]) -> None:
    right = log.matching(query, *span)
    expected = {name: sum(TYPE_NAMES[entry.type_id] == name for entry in right) for name in TYPES}
    nonzero = {name: events for name, events in expected.items() if events}

    facets = log.search().facets(query, *span)

    assert facets.type.is_exact
    assert dict(facets.type.values) == nonzero
    for facet in (facets.outcome, facets.severity, facets.kind):
        assert facet.is_exact
        assert sum(events for _, events in facet.values) == len(right)
    bounded = log.search(**SMALL).facets(query, *span)
    for facet in (bounded.type, bounded.outcome, bounded.severity, bounded.kind):
        counted = sum(events for _, events in facet.values)
        assert counted == len(right) if facet.is_exact else counted <= len(right)


@given(query=queries, span=spans, bars=st.integers(2, 60))
@settings(max_examples=80)
def test_bars_cover_the_range_and_hold_every_event(
    log: Log, query: Query, span: tuple[int, int], bars: int
) -> None:
    histogram = log.search().histogram(query, *span, bars)

    if not histogram.bars:
        assert log.matching(query, *span) == []
        return
    assert len(histogram.bars) <= bars
    assert not histogram.is_sampled
    assert histogram.bars[0].start_us <= span[0]
    assert histogram.bars[-1].end_us >= span[1]
    for bar, following in zip(histogram.bars, histogram.bars[1:], strict=False):
        assert bar.end_us == following.start_us
    # Buckets at both ends are whole: up to an hour beyond the range.
    wide = (span[0] // HOUR_US * HOUR_US, -(-span[1] // HOUR_US) * HOUR_US)
    inner, outer = log.matching(query, *span), log.matching(query, *wide)
    if Field.IP in {term.field for term in query.terms}:
        outer = log.matching(Query(), *wide)  # more range, more days, more references
    assert len(inner) <= sum(sum(bar.events.values()) for bar in histogram.bars) <= len(outer)
    for bar in histogram.bars[1:-1]:
        there = log.matching(query, bar.start_us, bar.end_us)
        if Field.IP not in {term.field for term in query.terms}:
            assert sum(bar.events.values()) == len(there)
            assert sum(bar.decisions.values()) == sum(entry.decisions for entry in there)


def test_bars_are_stacked_by_outcome(log: Log) -> None:
    query = parse("outcome:deny,fail")

    histogram = log.search().histogram(query, *WHOLE)

    assert {outcome for bar in histogram.bars for outcome in bar.events} == {
        Outcome.DENY,
        Outcome.FAIL,
    }
    assert [bar.is_partial for bar in histogram.bars] == [
        True,
        *[False] * (len(histogram.bars) - 2),
        True,
    ]


def test_a_sampled_histogram_says_how_far_back_it_reaches(log: Log) -> None:
    query = parse("needle")

    histogram = log.search(chart=50).histogram(query, *WHOLE)

    assert histogram.is_sampled
    assert histogram.reached_us is not None
    newest = log.matching(query, histogram.reached_us)
    assert sum(sum(bar.events.values()) for bar in histogram.bars) == len(newest)
    assert 40 <= histogram.looked_at <= 50


@pytest.mark.parametrize(
    ("span_us", "width_us"),
    [
        (HOUR_US // 4, HOUR_US // 12),
        (HOUR_US, HOUR_US // 12),
        (DAY_US, HOUR_US // 2),
        (7 * DAY_US, 3 * HOUR_US),
        (30 * DAY_US, DAY_US),
        (400 * DAY_US, 7 * DAY_US),
    ],
)
def test_bars_last_as_long_as_people_count(log: Log, span_us: int, width_us: int) -> None:
    histogram = log.search().histogram(Query(), END_US - span_us, END_US)

    widths = {bar.end_us - bar.start_us for bar in histogram.bars}
    assert len(histogram.bars) <= 60
    assert all(bar.start_us % width == 0 for bar in histogram.bars for width in widths)
    assert widths == {width_us} or span_us == 400 * DAY_US
