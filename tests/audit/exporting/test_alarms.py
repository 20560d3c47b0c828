"""What operators are told: each problem once."""

from __future__ import annotations

from collections.abc import Sequence

from flask_jafsec.audit.exporting import Exporter
from flask_jafsec.audit.sinks.rendering import ExportRecord
from flask_jafsec.audit.sinks.target import TlsInvalid
from flask_jafsec.events import EventType
from tests.audit.chains import LogMaker
from tests.audit.exporting.setting import FAILED, Setting, ToldTarget


def test_five_minutes_behind_is_told_once_and_so_is_the_recovery(
    log: LogMaker, setting: Setting
) -> None:
    log.grow(10)
    log.clock.at = log.at
    setting.target.error = FAILED
    while log.clock.now().timestamp() < log.at.timestamp() + 200:
        setting.run()
    early = list(setting.codes)
    while log.clock.now().timestamp() < log.at.timestamp() + 2_000:
        setting.run()
    setting.target.error = None
    setting.run_to_the_end()

    assert early == []
    assert setting.codes == ["export_lag", "export_recovered"]
    assert setting.reports[0].events == 10
    assert 300 <= setting.reports[0].seconds <= 700
    assert setting.reports[0].error == "down"


def test_a_new_sink_that_works_through_old_events_is_not_late(
    log: LogMaker, setting: Setting
) -> None:
    log.grow(1_200)
    log.clock.go_on(10**6)

    setting.run_to_the_end()

    assert setting.codes == []


def test_a_slow_sink_is_late_even_if_it_never_fails(log: LogMaker) -> None:
    class Slow(ToldTarget):
        def send(self, records: Sequence[ExportRecord]) -> None:
            super().send(records)
            log.clock.go_on(14)

    setting = Setting(log.store.exports, log.clock, Slow())
    log.grow(600)
    setting.exporter._pace._size = 1
    for _ in range(40):
        setting.exporter._pace._size = 1
        setting.run()

    assert setting.codes == ["export_lag"]


def test_an_invalid_certificate_is_told_once(log: LogMaker, setting: Setting) -> None:
    log.grow(1)
    log.clock.at = log.at
    setting.target.error = TlsInvalid("the certificate is not valid: expired")
    setting.run(5)
    setting.target.error = None
    setting.run_to_the_end()

    assert setting.codes == ["export_tls", "export_recovered"]
    assert setting.reports[0].error == "the certificate is not valid: expired"


def test_a_report_that_fails_stops_nothing(log: LogMaker) -> None:
    def broken(_report: object) -> None:
        raise RuntimeError

    target = ToldTarget()
    target.error = TlsInvalid("no")
    exporter = Exporter(log.store.exports, target, log.clock, report=broken)
    log.grow(1)

    assert exporter.run_once().error == "no"


def test_a_report_is_an_event_of_the_log(log: LogMaker, setting: Setting) -> None:
    log.grow(1)
    setting.target.error = TlsInvalid("no")
    setting.run()

    told = setting.reports[0].event(log.clock.now())

    assert told.type is EventType.EXPORT_TLS
    assert told.actor == "system"
    assert told.facts == {"sink": "told:", "error": "no"}
