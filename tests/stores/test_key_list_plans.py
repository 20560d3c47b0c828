"""The list of keys goes along an index at any depth: nothing is read whole, nothing is sorted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, event

from flask_jafsec.stored_keys import KeyOrder, KeyPlace, KeySelection, KeyStatus, KeyWalk
from flask_jafsec.stores.sql.store import SqlStore
from flask_jafsec.stores.tables import API_KEY
from tests.stores.made import DAY, HOUR, NOW, api_key, use

INDEXES = {
    KeyOrder.CREATED: "(sqlite_autoindex|pk)_jafsec_api_key",
    KeyOrder.EXPIRES: "ix_jafsec_api_key_expires_at",
    KeyOrder.NAME: "ix_jafsec_api_key_name",
    KeyOrder.USED: "ix_jafsec_api_key_last_used_at",
}
WHOLE = re.compile(
    r"SCAN jafsec_\w+\b(?! USING)|Seq Scan|TEMP B-TREE FOR ORDER|(?<!Incremental )Sort  "
)
EXPLAIN = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN "}


@pytest.fixture
def filled(sql_store: SqlStore, sql_url: str) -> SqlStore:
    with sql_store.writing() as tables:
        for number in range(2_000):
            used = NOW - timedelta(minutes=number) if number % 10 else None
            ends = NOW + timedelta(days=number % 300 + 1) if number % 7 else None
            tables.keys.add(api_key(name=f"key {number}", last_used_at=used, expires_at=ends))
    engine = create_engine(sql_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"ANALYZE {API_KEY.name}")
    engine.dispose()
    return sql_store


@contextmanager
def explained() -> Iterator[list[tuple[str, str]]]:
    """Collect the database and the plan of every query about keys, with its own values."""
    plans: list[tuple[str, str]] = []

    def explain(connection: Connection, *asked: Any) -> None:
        _, statement, values, *_ = asked
        if re.search("FROM jafsec_(api_key|key_use)", statement) and "SELECT" in statement:
            kind = connection.dialect.name
            cursor = connection.connection.cursor()
            cursor.execute(EXPLAIN[kind] + statement, values)
            plans.append((kind, "\n".join(str(row[-1]) for row in cursor.fetchall())))
            cursor.close()

    event.listen(Engine, "before_cursor_execute", explain)
    try:
        yield plans
    finally:
        event.remove(Engine, "before_cursor_execute", explain)


@pytest.mark.parametrize("order", list(KeyOrder))
@pytest.mark.parametrize("ascending", [True, False], ids=["ascending", "descending"])
@pytest.mark.parametrize("is_deep", [False, True], ids=["first page", "deep page"])
def test_a_page_goes_along_its_index(
    filled: SqlStore, order: KeyOrder, ascending: bool, is_deep: bool
) -> None:
    selection = KeySelection(NOW, KeyStatus.LISTED)
    beyond = None
    if is_deep:
        with filled.reading() as tables:
            last = tables.keys.walk(selection, KeyWalk(order, ascending, limit=900))[-1]
        value = {KeyOrder.EXPIRES: last.expires_at, KeyOrder.USED: last.last_used_at}.get(order)
        beyond = KeyPlace(last.name if order is KeyOrder.NAME else value, last.id)

    with explained() as plans, filled.reading() as tables:
        page = tables.keys.walk(selection, KeyWalk(order, ascending, beyond))

    assert len(page) == 50
    assert 1 <= len(plans) <= 2
    for _, plan in plans:
        assert re.search(INDEXES[order], plan)
        assert not WHOLE.search(plan), plan


def test_a_text_is_looked_for_along_the_index_too(filled: SqlStore) -> None:
    with explained() as plans, filled.reading() as tables:
        page = tables.keys.walk(KeySelection(NOW, KeyStatus.LISTED, "key 1"), KeyWalk())

    assert len(page) == 50
    for _, plan in plans:
        assert "ix_jafsec_api_key_last_used_at" in plan
        assert not WHOLE.search(plan.replace("Seq Scan on jafsec_user", "")), plan


def test_sums_of_a_page_read_the_uses_of_its_keys_only(filled: SqlStore) -> None:
    with filled.writing() as tables:
        for key in tables.keys.page(limit=1_000):
            hours = [HOUR - timedelta(hours=n) for n in range(3)]
            tables.keys.add_uses([use(key.id, hour=hour) for hour in hours])
        ids = [key.id for key in tables.keys.page(limit=50)]

    with explained() as plans, filled.reading() as tables:
        assert len(tables.keys.day_uses(ids, HOUR - DAY)) == 100

    ((_, plan),) = plans
    assert not re.search(r"SCAN jafsec_key_use|Seq Scan", plan), plan
