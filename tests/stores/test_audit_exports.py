"""The cursors of outward sinks on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from flask_jafsec.audit.rows import ExportState
from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.stores.sql.audit.exports import SqlAuditExports
from flask_jafsec.stores.sql.audit.store import SqlAuditStore
from flask_jafsec.stores.sql.store import SqlStore
from tests.audit.chains import LogMaker

NOW = 1_800_000_000_000_000
LEASE = 30_000_000
SINK = "https://siem.example/in"


@pytest.fixture
def exports(sql_store: SqlStore) -> SqlAuditExports:
    return SqlAuditExports(sql_store)


def test_a_new_sink_begins_with_the_first_event(exports: SqlAuditExports) -> None:
    taken = exports.take(SINK, "one", NOW, LEASE)

    assert taken == ExportState(SINK, owner="one", lease_until=NOW + LEASE)


def test_nobody_else_gets_a_sink_while_its_lease_runs(exports: SqlAuditExports) -> None:
    exports.take(SINK, "one", NOW, LEASE)

    assert exports.take(SINK, "two", NOW + LEASE - 1, LEASE) is None
    assert exports.take("log:", "two", NOW, LEASE) is not None


def test_whoever_holds_a_sink_may_take_it_again(exports: SqlAuditExports) -> None:
    exports.take(SINK, "one", NOW, LEASE)

    again = exports.take(SINK, "one", NOW + 5, LEASE)

    assert again is not None
    assert again.lease_until == NOW + 5 + LEASE


def test_a_lease_that_ended_is_free(exports: SqlAuditExports) -> None:
    exports.take(SINK, "one", NOW, LEASE)

    taken = exports.take(SINK, "two", NOW + LEASE, LEASE)

    assert taken is not None
    assert taken.owner == "two"


def test_what_is_put_is_there_for_the_next_one(exports: SqlAuditExports) -> None:
    taken = exports.take(SINK, "one", NOW, LEASE)
    assert taken is not None
    state = replace(taken, next_leaf=7, ok_at=NOW + 1, error="500", failures=3)

    assert exports.put(state) is True

    assert exports.states() == [state]
    assert exports.take(SINK, "one", NOW, LEASE) == state


def test_a_process_whose_lease_went_to_another_moves_no_cursor(exports: SqlAuditExports) -> None:
    late = exports.take(SINK, "one", NOW, LEASE)
    assert late is not None
    new = exports.take(SINK, "two", NOW + LEASE, LEASE)

    assert exports.put(replace(late, next_leaf=99)) is False

    assert exports.states() == [new]


def test_a_lease_that_ended_and_went_to_nobody_still_holds(exports: SqlAuditExports) -> None:
    late = exports.take(SINK, "one", NOW, LEASE)
    assert late is not None

    assert exports.put(replace(late, next_leaf=99, lease_until=NOW + 2 * LEASE)) is True


def test_a_lease_is_given_back_by_its_owner_only(exports: SqlAuditExports) -> None:
    exports.take(SINK, "one", NOW, LEASE)

    exports.release(SINK, "two")
    assert exports.take(SINK, "two", NOW, LEASE) is None

    exports.release(SINK, "one")
    assert exports.take(SINK, "two", NOW, LEASE) is not None


def test_of_many_who_ask_at_once_one_gets_it(
    exports: SqlAuditExports, threads: ThreadPoolExecutor
) -> None:
    # As many as there are connections: they meet inside the database.
    together = Barrier(4)

    def take(owner: str) -> ExportState | None:
        together.wait(20)
        return exports.take(SINK, owner, NOW, LEASE)

    taken = list(threads.map(take, ["a", "b", "c", "d"]))

    assert len([state for state in taken if state is not None]) == 1


def test_a_name_no_database_can_keep_is_nobodys(exports: SqlAuditExports) -> None:
    assert exports.take("nul\0", "one", NOW, LEASE) is None


def test_events_come_in_the_order_of_their_leaves(sql_store: SqlStore) -> None:
    log = LogMaker(SqlAuditStore(sql_store))
    log.grow(20)
    log.append(5)
    exports = log.store.exports

    found = exports.events(3, 10)

    assert exports.size() == 20
    assert [stored.leaf_index for stored in found] == list(range(3, 13))
    assert all(stored.sealed is None for stored in found)
    rows = {(stored.row.writer_id, stored.row.n) for stored in exports.events(0, 100)}
    assert len(rows) == 20
    assert found[0].row.envelope.startswith(b'{"act":')


def test_an_empty_log_has_no_events(exports: SqlAuditExports) -> None:
    assert exports.size() == 0
    assert exports.events(0, 10) == []
    assert exports.states() == []
    assert exports.dead(SINK, 10) == []


def test_refused_events_are_kept_once_and_newest_first(exports: SqlAuditExports) -> None:
    exports.add_dead(SINK, 3, "400")
    exports.add_dead(SINK, 9, "413")
    exports.add_dead(SINK, 3, "again")
    exports.add_dead("log:", 4, "other")

    assert exports.dead(SINK, 10) == [(9, "413"), (3, "400")]
    assert exports.dead(SINK, 1) == [(9, "413")]


def test_a_database_that_is_gone_is_said(tmp_path: object) -> None:
    exports = SqlAuditExports(SqlStore("sqlite:////nowhere/at/all.sqlite"))

    with pytest.raises(StoreUnavailable):
        exports.take(SINK, "one", NOW, LEASE)
