"""Pages of the log, and what comes in behind them, on real databases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_jafsec.audit.cursors import CursorInvalid
from flask_jafsec.audit.query import Query, parse
from flask_jafsec.audit.rows import DataKey, Entry, Subject
from flask_jafsec.audit.search_results import Page
from flask_jafsec.audit.searching import MAX_US, LogSearch
from flask_jafsec.errors import InvalidValue
from flask_jafsec.stores.sql.audit.store import SqlAuditStore
from tests.audit.search_setting import (
    END_US,
    KINDS,
    SMALL,
    START_US,
    TYPE_NAMES,
    WHOLE,
    Log,
    filled,
    queries,
    small_log,
    spans,
)
from tests.stores.conftest import make_tables


@pytest.fixture(scope="module", params=KINDS)
def log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """The same log for all tests: nothing here changes it."""
    with small_log(request.param, request, tmp_path_factory) as log:
        yield log


def pages(search: LogSearch, query: Query, span: tuple[int, int], size: int) -> list[Page]:
    """Return all pages, from the newest on."""
    found = [search.page(query, *span, size=size)]
    while found[-1].older is not None:
        assert len(found) < 1_000
        found.append(search.page(query, *span, size=size, after=found[-1].older))
    return found


def listed(found: Sequence[Page]) -> list[Entry]:
    return [entry for page in found for entry in page.entries]


@given(query=queries, span=spans, size=st.integers(1, 70))
@settings(max_examples=40)
def test_paging_to_the_end_finds_everything_once_and_in_order(
    log: Log, query: Query, span: tuple[int, int], size: int
) -> None:
    search = log.search(**SMALL)

    found = pages(search, query, span, max(size, 9))

    assert listed(found) == log.matching(query, *span)


@given(query=queries, span=spans, size=st.integers(9, 50))
@settings(max_examples=20)
def test_paging_back_finds_the_same(
    log: Log, query: Query, span: tuple[int, int], size: int
) -> None:
    search = log.search(**SMALL)
    last = pages(search, query, span, size)[-1]

    back = [last]
    while back[-1].newer is not None:
        assert len(back) < 1_000
        back.append(search.page(query, *span, size=size, before=back[-1].newer))

    assert listed(back[::-1]) == log.matching(query, *span)


def test_a_limited_page_says_how_far_it_has_looked_and_goes_on(log: Log) -> None:
    search, query = log.search(text=100, first=30), parse("needle")

    first = search.page(query, *WHOLE)
    second = search.page(query, *WHOLE, after=first.older)

    assert first.is_limited
    assert 90 <= first.looked_at <= 100
    assert first.reached_us is not None
    assert listed([first]) == log.matching(query, first.reached_us)
    assert first.about == pytest.approx(len(log.entries), abs=20)
    assert second.reached_us is not None
    assert second.reached_us < first.reached_us


def test_a_page_that_one_index_answers_is_never_limited(log: Log) -> None:
    page = log.search(page=1, text=1, first=1).page(parse("type:auth.*"), *WHOLE)

    assert len(page.entries) == 50
    assert not page.is_limited


def test_who_is_unknown_matches_nothing_and_excludes_nothing(log: Log) -> None:
    search = log.search()

    assert search.page(parse("actor:stranger"), *WHOLE).entries == ()
    assert search.total(parse("actor:stranger"), *WHOLE).events == 0
    assert search.facets(parse("ip:192.0.2.99"), *WHOLE).type.values == ()
    assert search.histogram(parse("actor:stranger"), *WHOLE).bars == ()
    assert search.total(parse("-actor:stranger"), *WHOLE).events == len(log.entries)


def test_what_has_no_value_does_not_have_the_excluded_one(log: Log) -> None:
    total = log.search().total(parse("-subject:ada"), *WHOLE)

    assert total.events == sum(entry.subject != "A" * 26 for entry in log.entries)
    assert any(entry.subject is None for entry in log.entries)


def test_a_page_names_the_types(log: Log) -> None:
    assert log.search().page(Query(), *WHOLE).type_names == TYPE_NAMES


def test_a_cursor_of_another_query_or_range_is_refused(log: Log) -> None:
    search = log.search()
    page = search.page(Query(), *WHOLE)

    with pytest.raises(CursorInvalid):
        search.page(parse("outcome:deny"), *WHOLE, after=page.older)
    with pytest.raises(CursorInvalid):
        search.page(Query(), START_US + 1, END_US, after=page.older)
    with pytest.raises(CursorInvalid):
        search.page(Query(), *WHOLE, before=page.older)


@pytest.mark.parametrize(
    ("span", "more"),
    [
        ((5, 5), {}),
        ((6, 5), {}),
        ((-1, 5), {}),
        ((0, MAX_US + 1), {}),
        (WHOLE, {"size": 0}),
        (WHOLE, {"size": 201}),
        (WHOLE, {"after": "a", "before": "b"}),
    ],
)
def test_what_makes_no_page_is_refused(
    log: Log, span: tuple[int, int], more: dict[str, Any]
) -> None:
    with pytest.raises(InvalidValue):
        log.search().page(Query(), *span, **more)


def test_the_widest_range_is_searched(log: Log) -> None:
    search = log.search()

    assert search.total(Query(), 0, MAX_US).events == len(log.entries)
    assert len(search.page(Query(), 0, MAX_US).entries) == 50
    assert len(search.histogram(Query(), 0, MAX_US).bars) <= 60


def test_the_tail_goes_on_behind_a_leaf(log: Log) -> None:
    search = log.search()

    tail = search.tail(589, parse("outcome:deny"))

    newest = [entry for entry in log.entries if entry.leaf_index > 589]
    assert list(tail.entries) == [entry for entry in newest if entry.outcome == 2]
    assert tail.last_leaf == 599 == search.newest_leaf()
    assert search.tail(599).entries == ()
    assert search.tail(599).last_leaf == 599


@given(query=queries)
@settings(max_examples=60)
def test_the_tail_agrees_with_the_list(log: Log, query: Query) -> None:
    tail = log.search().tail(-1, query, from_us=START_US, to_us=END_US)

    assert set(tail.entries) == set(log.matching(query))


def test_an_empty_log_has_an_answer_for_everything(sqlite_url: str) -> None:
    make_tables(sqlite_url)
    with filled(sqlite_url, []) as log:
        search = log.search()

        assert search.page(Query(), *WHOLE) == Page(type_names=TYPE_NAMES)
        assert search.total(Query(), *WHOLE).events == 0
        assert len(search.histogram(Query(), *WHOLE).bars) > 10
        assert search.facets(Query(), *WHOLE).kind.values == ()
        assert search.newest_leaf() == -1


def test_references_and_keys_of_days_are_found(log: Log) -> None:
    store = SqlAuditStore(log.store)
    subjects = [Subject(ref, lookup, "r1", 1) for ref, lookup in (("x", b"1"), ("y", b"1"))]
    keys = [
        DataKey(f"key-{day}", "day", day, b"wrapped", "r1", 1)
        for day in ("2026-11-20", "2026-11-21", "2026-11-22")
    ]
    other = [
        DataKey("gone", "day", "2026-11-21", None, "r1", 1),
        DataKey("person", "subject", "2026-11-21", b"wrapped", "r1", 1),
    ]
    with store.appending() as batch:
        batch.add_subjects(subjects)
        batch.add_data_keys([*keys, *other])

    with store.searching() as view:
        assert view.subject_refs([b"1", b"2"]) == ["x", "y"]
        assert view.day_keys("2026-11-21", "2026-11-22") == keys[1:]
