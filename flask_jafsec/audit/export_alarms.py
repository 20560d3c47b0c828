"""What operators are told about outward sinks: each problem once, until it is over."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from flask_jafsec.events import Event, EventType, Outcome, Severity, system_event
from flask_jafsec.protocols import Clock

_log = logging.getLogger("flask_jafsec.audit")

#: How old the oldest waiting event may be, in seconds. Source: fault matrix, row 33.
LAG_S: Final = 300.0

#: How often refused events are told, in seconds: the telling is an event, and goes the same way.
DEAD_EVERY_S: Final = 300.0

Code = Literal["dead_letter", "export_lag", "export_recovered", "export_tls"]

_TYPES: Final = {
    "dead_letter": (EventType.EXPORT_DEAD_LETTER, Severity.ERROR, Outcome.FAIL),
    "export_lag": (EventType.EXPORT_LAG, Severity.ERROR, Outcome.FAIL),
    "export_recovered": (EventType.EXPORT_RECOVERED, Severity.NOTICE, Outcome.DONE),
    "export_tls": (EventType.EXPORT_TLS, Severity.CRITICAL, Outcome.FAIL),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReport:
    """Something an operator should know about one sink."""

    code: Code
    sink: str
    error: str = ""
    """What went wrong, in our words."""
    events: int = 0
    """How many wait, or how many were refused."""
    seconds: int = 0
    """How old the oldest waiting one is."""
    leaf_index: int | None = None
    """The last refused event."""

    def event(self, at: datetime) -> Event:
        """Return the report as an event of the log."""
        kind, severity, outcome = _TYPES[self.code]
        facts: dict[str, object] = {"sink": self.sink}
        if self.error:
            facts["error"] = self.error
        if self.events:
            facts["rows"] = self.events
        if self.seconds:
            facts["window_s"] = self.seconds
        if self.leaf_index is not None:
            facts["leaf_index"] = self.leaf_index
        return system_event(kind, at, severity, outcome, reason=self.code, facts=facts)


Report = Callable[[ExportReport], None]


class Alarms:
    """Decides when to tell about one sink."""

    def __init__(self, sink: str, report: Report, clock: Clock) -> None:
        self._sink = sink
        self._report = report
        self._clock = clock
        self._told = set[Code]()
        self._behind_since: float | None = None
        self._dead = 0
        self._dead_told_at: float | None = None

    def behind(self, events: int, seconds: float, error: str) -> None:
        """Take note that *events* wait, the oldest for *seconds*; *error* if the sink fails."""
        now = self._clock.monotonic()
        if self._behind_since is None:
            self._behind_since = now
        # A new sink that works through years of old events is not late, unless it takes long.
        is_late = bool(error) or now - self._behind_since >= LAG_S
        if seconds >= LAG_S and is_late:
            self._tell_once(
                ExportReport(
                    code="export_lag",
                    sink=self._sink,
                    error=error,
                    events=events,
                    seconds=int(seconds),
                )
            )

    def tls(self, error: str) -> None:
        """Take note that the sink could not prove who it is."""
        self._tell_once(ExportReport(code="export_tls", sink=self._sink, error=error))

    def caught_up(self) -> None:
        """Take note that nothing waits."""
        self._behind_since = None
        if self._told:
            self._told.clear()
            self._tell(ExportReport(code="export_recovered", sink=self._sink))

    def dead(self, leaf_index: int, error: str) -> None:
        """Take note that an event was put aside."""
        self._dead += 1
        now = self._clock.monotonic()
        if self._dead_told_at is not None and now - self._dead_told_at < DEAD_EVERY_S:
            return
        count, self._dead, self._dead_told_at = self._dead, 0, now
        self._tell(
            ExportReport(
                code="dead_letter",
                sink=self._sink,
                error=error,
                events=count,
                leaf_index=leaf_index,
            )
        )

    def _tell_once(self, report: ExportReport) -> None:
        if report.code not in self._told:
            self._told.add(report.code)
            self._tell(report)

    def _tell(self, report: ExportReport) -> None:
        try:
            self._report(report)
        except Exception:  # noqa: BLE001 - telling must not stop the exporting; said in the log
            _log.exception("the report %s about %s was lost", report.code, report.sink)
