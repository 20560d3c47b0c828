"""What the overview tells, on real databases: exact sums, and rankings that say what they saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import pytest

from flask_jafsec.audit.query import Field, Query, Term, parse
from flask_jafsec.audit.rows import OUTCOME_NUMBER
from flask_jafsec.audit.trends import LOOKED_AT, Span, Trend, trends
from flask_jafsec.events import Outcome
from flask_jafsec.stores.sql.store import SqlStore
from tests.audit.search_setting import (
    DAY_US,
    END_US,
    HOUR_US,
    KINDS,
    TYPE_NAMES,
    Log,
    database,
    small_log,
)

#: Twenty minutes into an hour: the last bar is not over.
NOW_US = END_US - HOUR_US + 20 * 60_000_000


@pytest.fixture(scope="module", params=KINDS)
def log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    with small_log(request.param, request, tmp_path_factory) as made:
        yield made


def sums(log: Log, query: Query, span: Span) -> tuple[int, int]:
    """Return decisions in the span and in the one before, by definition."""
    start, middle, end = span.borders_us(NOW_US)
    found = [
        sum(e.decisions for e in log.matching(query, *r)) for r in ((middle, end), (start, middle))
    ]
    return found[0], found[1]


@pytest.mark.parametrize("span", Span)
def test_every_sum_is_exact_now_and_before(log: Log, span: Span) -> None:
    found = trends(log.search(), span, NOW_US)

    for trend, query in (
        (found.allowed, "outcome:allow"),
        (found.denied, "outcome:deny"),
        (found.sign_ins_failed, "type:auth.sign_in.failed"),
        (found.changes, "type:key.*"),
    ):
        assert (trend.now, trend.before) == sums(log, parse(query), span)
        assert sum(trend.points) == trend.now


@pytest.mark.parametrize("span", Span)
def test_points_and_bars_cover_the_span(log: Log, span: Span) -> None:
    found = trends(log.search(), span, NOW_US)

    assert found.to_us - found.from_us == span.length_s * 1_000_000
    assert found.from_us <= NOW_US - span.length_s * 1_000_000 + span.bar_s * 1_000_000
    assert found.to_us >= NOW_US
    assert len(found.bars) == len(found.allowed.points) == span.length_s // span.bar_s


def test_reasons_are_the_types_of_what_was_denied_most_first(log: Log) -> None:
    found = trends(log.search(), Span.WEEK, NOW_US)

    _, middle, end = Span.WEEK.borders_us(NOW_US)
    denied = [
        entry
        for entry in log.entries
        if middle <= entry.ts < end and entry.outcome == OUTCOME_NUMBER[Outcome.DENY]
    ]
    counted = Counter(TYPE_NAMES[entry.type_id] for entry in denied)
    assert (
        list(found.reasons.values)
        == sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))[:5]
    )
    assert found.reasons.looked_at is None


def test_a_ranking_of_a_part_says_how_large_the_part_is(log: Log) -> None:
    few = trends(log.search(), Span.DAY, NOW_US).actors
    denied = log.matching(
        Query.of([Term(Field.OUTCOME, ("deny",))]), *Span.DAY.borders_us(NOW_US)[1:]
    )
    assert len(denied) < LOOKED_AT
    assert few.looked_at is None
    assert sum(count for _, count in few.values) <= len(denied)


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_log_is_zeros_as_well(
    kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # Of a type that never happened, the search does not even know the number.
    with database(kind, request, tmp_path_factory) as url, closing(SqlStore(url)) as store:
        found = trends(Log(store, []).search(), Span.WEEK, NOW_US)

    assert found.allowed == found.changes == Trend(0, 0, (0,) * 28)
    assert found.reasons.values == found.actors.values == ()


def test_nothing_happened_is_zeros(log: Log) -> None:
    found = trends(log.search(), Span.DAY, END_US + 40 * DAY_US)

    assert found.allowed == Trend(0, 0, (0,) * 24)
    assert found.reasons.values == found.actors.values == ()
