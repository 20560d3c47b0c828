"""How both databases go about the questions: along an index, whatever is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from flask_jafsec.audit.cursors import Cursor, scope_of
from flask_jafsec.audit.query import Query, parse
from tests.audit.search_setting import (
    CURSORS,
    HOUR_US,
    KINDS,
    START_US,
    WHOLE,
    Log,
    large_log,
)


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def large(
    kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Log]:
    with large_log(kind, request, tmp_path_factory) as log:
        yield log


#: Queries that one index answers, and its column.
SINGLE = {
    "": "ts",
    "type:authz.denied": "type_id",
    "type:auth.*": "type_id",
    "outcome:deny": "outcome",
    "-outcome:allow": "outcome",
    "severity:critical": "severity",
    "severity:>=warning": "severity",
    "actor:ada": "actor",
    "actor:bob": "actor",
    "actor:system": "actor",
    "subject:ada": "subject",
    "subject:bob": "subject",
    "ip:192.0.2.1": "ip",
    "request:request77": "request",
    "request:request77,request78": "request",
    "key:key1": "key",
    "key:key1,key2": "key",
}

#: Those of one stored value: nothing is merged.
ONE_VALUE = {
    *("", "type:authz.denied", "outcome:deny", "severity:critical", "actor:ada", "actor:system"),
    *("subject:ada", "request:request77", "key:key1"),
}

#: Queries that look at rows one by one, up to a bound.
BOUNDED = (
    "kind:person",
    "-type:request.allowed",
    "-subject:ada",
    "actor:ada outcome:deny",
    "request:request77 severity:info",
    "key:key1 needle",
    "needle",
)

#: How each database says that it reads a whole table.
WHOLE_TABLE = {
    "sqlite": re.compile(r"SCAN (jafsec_audit_entry|part)(?! USING)"),
    "postgres": re.compile(r"Seq Scan on jafsec_audit_entry"),
}
#: And that it sorts everything before it gives the first row.
WHOLE_SORT = {
    "sqlite": re.compile(r"TEMP B-TREE FOR ORDER BY"),
    "postgres": re.compile(r"(?<!Incremental )\bSort  "),
}
EXPLAIN = {"sqlite": "EXPLAIN QUERY PLAN ", "postgres": "EXPLAIN "}


@contextmanager
def explained(kind: str) -> Iterator[list[str]]:
    """Collect the plan of every statement about entries, made with its own values."""
    plans: list[str] = []

    def explain(connection: Connection, *asked: Any) -> None:
        _, statement, values, *_ = asked
        if "FROM jafsec_audit_entry" in statement:
            cursor = connection.connection.cursor()
            cursor.execute(EXPLAIN[kind] + statement, values)
            plans.append("\n".join(str(row[-1]) for row in cursor.fetchall()))
            cursor.close()

    event.listen(Engine, "before_cursor_execute", explain)
    try:
        yield plans
    finally:
        event.remove(Engine, "before_cursor_execute", explain)


def cursor_in_the_middle(log: Log, query: Query) -> str:
    found = log.matching(query)
    there = found[len(found) // 2]
    place = Cursor(there.ts, there.leaf_index, to_older=True)
    return CURSORS.sign(place, scope_of(query, *WHOLE))


@pytest.mark.parametrize("text", SINGLE)
@pytest.mark.parametrize("is_deep", [False, True], ids=["first page", "deep page"])
def test_one_filter_walks_its_own_index(kind: str, large: Log, text: str, is_deep: bool) -> None:
    query = parse(text)
    after = cursor_in_the_middle(large, query) if is_deep else None

    with explained(kind) as plans:
        page = large.search().page(query, *WHOLE, after=after)

    assert page.entries or is_deep
    assert len(plans) == 1
    assert f"ix_jafsec_audit_entry_{SINGLE[text]}" in plans[0]
    assert not WHOLE_TABLE[kind].search(plans[0]), plans[0]
    if text in ONE_VALUE:
        assert not WHOLE_SORT[kind].search(plans[0]), plans[0]


@pytest.mark.parametrize("text", BOUNDED)
def test_no_page_reads_the_whole_table(kind: str, large: Log, text: str) -> None:
    with explained(kind) as plans:
        large.search().page(parse(text), *WHOLE)

    assert plans
    for plan in plans:
        assert not WHOLE_TABLE[kind].search(plan), plan


@pytest.mark.parametrize("text", ["outcome:deny", "key:key1", "actor:ada outcome:deny"])
def test_a_deep_page_reads_no_more_than_the_first(kind: str, large: Log, text: str) -> None:
    query = parse(text)
    search = large.search()

    with explained(kind) as first:
        search.page(query, *WHOLE)
    with explained(kind) as deep:
        search.page(query, *WHOLE, after=cursor_in_the_middle(large, query))

    assert len(deep) == len(first)


@pytest.mark.parametrize("text", ["", "outcome:deny", "type:auth.* severity:>=warning"])
def test_charts_over_whole_buckets_read_no_entries(kind: str, large: Log, text: str) -> None:
    hour = START_US // HOUR_US * HOUR_US

    with explained(kind) as plans:
        large.search().histogram(parse(text), hour, hour + 60 * HOUR_US)

    assert plans == []


def test_the_narrower_filter_leads(kind: str, large: Log) -> None:
    with explained(kind) as plans:
        page = large.search().page(parse("outcome:allow request:request77"), *WHOLE)

    assert len(page.entries) <= 2
    assert not page.is_limited
    assert "ix_jafsec_audit_entry_request" in plans[-1]
    assert "ix_jafsec_audit_entry_outcome" not in plans[-1]
