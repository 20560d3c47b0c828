"""Exporters on their threads: they start, stop, begin again in a child, and keep nobody waiting."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing

import pytest

from flask_jafsec.audit.exporters import Exporters, export_lags
from flask_jafsec.audit.exporting import Exporter
from flask_jafsec.audit.rows import micros
from flask_jafsec.audit.sinks.file import LineFile
from flask_jafsec.audit.sinks.http_collector import Address, HttpCollector
from flask_jafsec.audit.sinks.log_stream import LogStream
from flask_jafsec.audit.sinks.places import FilePlace, LogPlace, Place, SyslogPlace, target_of
from flask_jafsec.audit.sinks.rendering import ExportRecord
from flask_jafsec.audit.sinks.syslog import SyslogTcp, SyslogUdp
from flask_jafsec.audit.sinks.target import Target
from flask_jafsec.clock import SystemClock
from flask_jafsec.stores.sql.audit.store import SqlAuditStore
from flask_jafsec.stores.sql.store import SqlStore
from tests.audit.chains import LogMaker, TestClock
from tests.audit.exporting.setting import FAILED, Setting, ToldTarget

PATIENCE_S = 20.0


class Signals(ToldTarget):
    """Tells when something came."""

    def __init__(self, name: str = "told:") -> None:
        super().__init__()
        self.name = name
        self.came = threading.Event()

    def send(self, records: Sequence[ExportRecord]) -> None:
        super().send(records)
        self.came.set()


class Stuck(Signals):
    """Never comes back until the test is over."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.over = threading.Event()

    def send(self, records: Sequence[ExportRecord]) -> None:
        self.came.set()
        self.over.wait(PATIENCE_S)


def exporter(log: LogMaker, target: Target) -> Exporter:
    return Exporter(log.store.exports, target, SystemClock(), report=lambda report: None)


@pytest.fixture
def store(sqlite_url: str) -> Iterator[SqlStore]:
    with closing(SqlStore(sqlite_url)) as made:
        yield made


@pytest.fixture
def log(store: SqlStore) -> LogMaker:
    return LogMaker(SqlAuditStore(store))


def test_threads_export_what_is_there_and_stop(log: LogMaker) -> None:
    log.grow(20)
    target = Signals()
    exporters = Exporters([exporter(log, target)])

    exporters.start()
    exporters.start()
    assert target.came.wait(PATIENCE_S)
    exporters.stop()

    assert target.taken == list(range(20))
    # The lease was given back: another process need not wait.
    assert log.store.exports.states()[0].owner == ""


def test_they_start_again(log: LogMaker) -> None:
    target = Signals()
    exporters = Exporters([exporter(log, target)])
    exporters.start()
    exporters.stop()
    log.grow(3)

    exporters.start()
    assert target.came.wait(PATIENCE_S)
    exporters.stop()

    assert target.taken == [0, 1, 2]


def test_a_stuck_target_keeps_no_other_waiting(log: LogMaker) -> None:
    log.grow(3)
    stuck, well = Stuck("stuck:"), Signals("well:")
    exporters = Exporters([exporter(log, stuck), exporter(log, well)])

    exporters.start()
    assert stuck.came.wait(PATIENCE_S)
    assert well.came.wait(PATIENCE_S)
    log.append(1)
    stuck.over.set()
    exporters.stop()

    assert well.taken == [0, 1, 2]


def test_a_thread_outlives_what_nobody_expected(log: LogMaker) -> None:
    class Broken(Exporter):
        seen = threading.Event()

        def run_once(self) -> None:  # type: ignore[override] # raises before it returns
            self.seen.set()
            raise RuntimeError("bug")

    broken = Broken(log.store.exports, ToldTarget(), SystemClock(), report=lambda report: None)
    exporters = Exporters([broken])

    exporters.start()
    assert broken.seen.wait(PATIENCE_S)
    exporters.stop()


def test_a_child_has_threads_and_a_lease_of_its_own(log: LogMaker, store: SqlStore) -> None:
    log.grow(4)
    target = Signals()
    exporters = Exporters([exporter(log, target)])
    exporters.start()
    assert target.came.wait(PATIENCE_S)
    exporters.stop()
    store.close()
    child = os.fork()
    if child == 0:
        target.came.clear()
        log.grow(2)
        exporters.start()
        came = target.came.wait(PATIENCE_S)
        exporters.stop()
        os._exit(0 if came and target.taken == list(range(6)) else 1)

    _, ended = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(ended) == 0


def test_lag_is_counted_in_events_and_seconds(log: LogMaker) -> None:
    log.grow(10)
    well = Setting(log.store.exports, log.clock)
    well.run_to_the_end()
    failing = Setting(log.store.exports, log.clock, Signals("failing:"))
    failing.target.error = FAILED
    failing.run()
    now = micros(log.clock.now())

    lags = {lag.sink: lag for lag in export_lags(log.store.exports, now)}

    assert (lags["told:"].events, lags["told:"].seconds) == (0, 0.0)
    assert (lags["failing:"].events, lags["failing:"].error) == (10, "down")
    assert lags["failing:"].seconds > 60
    assert lags["failing:"].failures == 1


@pytest.mark.parametrize(
    ("place", "kind", "name"),
    [
        (LogPlace(), LogStream, "log:"),
        (FilePlace("/x/y"), LineFile, "file:/x/y"),
        (SyslogPlace("udp", "h", 514), SyslogUdp, "syslog+udp://h:514"),
        (SyslogPlace("tcp", "h", 601), SyslogTcp, "syslog+tcp://h:601"),
        (Address(host="h", port=443, path="/in"), HttpCollector, "https://h/in"),
    ],
)
def test_each_place_has_its_target(place: Place, kind: type[Target], name: str) -> None:
    target = target_of(place, TestClock(), own_host="web1")

    assert type(target) is kind
    assert target.name == name
