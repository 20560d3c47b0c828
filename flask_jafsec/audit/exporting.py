"""Takes the log outside, one sink at a time, by a cursor that moves only after confirmation.

The log itself is the queue: however long a collector is down, nothing waits in memory. Runs on
threads of its own (exporters.py); no request ever waits for anything here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from flask_jafsec.audit.export_alarms import Alarms, Report
from flask_jafsec.audit.export_pace import (
    FIRST_WAIT_S,
    MAX_RETRY_AFTER_S,
    MAX_WAIT_S,
    Pace,
    fitting,
    jitter,
    longest_wait,
)
from flask_jafsec.audit.plain import clean_text
from flask_jafsec.audit.rows import ExportState, micros
from flask_jafsec.audit.sinks.rendering import ExportRecord, missing, record_of
from flask_jafsec.audit.sinks.target import RecordRefused, Target, TargetFailed, TlsInvalid
from flask_jafsec.audit.store import AuditExports
from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.ids import new_id
from flask_jafsec.protocols import Clock

_log = logging.getLogger("flask_jafsec.audit")

#: How long a process holds a sink without renewing it, in microseconds.
LEASE_US: Final = 30_000_000

#: Below this much lease it is renewed before anything is sent: longer than one batch takes.
RENEW_US: Final = LEASE_US // 2

#: The longest sleep of a process that wants to keep its lease, in seconds: it wakes at least once
#: between the moment the lease may be renewed and its end.
KEEP_S: Final = 10.0

#: Between two looks for new events, in seconds.
IDLE_S: Final = 1.0

#: Between two looks of the other processes, whether the sink is free.
STANDBY_S: Final = 15.0

#: How often one event is tried that the sink refuses. Source: fault matrix, row 35.
MAX_TRIES: Final = 5

#: So many refused events in a row say something about the sink, not about the events. From then on
#: the longest waits apply, so that a wrong address cannot put the whole log aside.
MAX_DEAD_IN_A_ROW: Final = 10

#: Characters of an error that are kept.
MAX_ERROR_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class Round:
    """What one run did, and how long nothing more is to be done."""

    wait_s: float
    sent: int = 0
    dead: int = 0
    error: str = ""
    """What went wrong; empty when nothing did."""
    is_leader: bool = True
    """False while another process exports to this sink."""
    lag_events: int = 0
    lag_s: float = 0.0
    """The age of the oldest event that waits; of the last one sent where that one is not read."""


class Exporter:
    """Takes events to one target. Not for two threads at once.

    Args:
        report: Is told what operators should know.
        owner_id: Makes the name this process leases the sink under; another one in every process.
        wait_within: Picks a wait between zero and the given seconds.
    """

    def __init__(
        self,
        exports: AuditExports,
        target: Target,
        clock: Clock,
        *,
        report: Report,
        owner_id: Callable[[], str] = new_id,
        wait_within: Callable[[float], float] = jitter,
    ) -> None:
        self._exports = exports
        self._target = target
        self._clock = clock
        self._report = report
        self._owner_id = owner_id
        self._wait_within = wait_within
        self.begin_again()

    @property
    def name(self) -> str:
        """The sink's name."""
        return self._target.name

    def begin_again(self) -> None:
        """Be another process: in the child of a fork, the lease is the parent's."""
        self._owner = self._owner_id()
        self._held: ExportState | None = None
        self._not_before = 0.0
        self._store_failures = 0
        self._start_over()

    def _start_over(self) -> None:
        """Forget what was learnt about the target: another process is at it."""
        self._pace = Pace()
        self._alarms = Alarms(self.name, self._report, self._clock)
        self._tried = (-1, 0)
        self._dead_in_a_row = 0
        self._oldest: ExportRecord | None = None

    def run_once(self) -> Round:
        """Send one batch, if there is one and the sink is ours. Never raises for a failure."""
        try:
            done = self._run()
        except StoreUnavailable as error:
            # Whether the cursor moved is read again; if it did not, the batch goes a second time.
            self._held = None
            self._store_failures += 1
            wait_s = self._wait_within(longest_wait(self._store_failures))
            return Round(wait_s, error=f"the database: {error}")
        self._store_failures = 0
        return done

    def release(self) -> None:
        """Let another process take over at once, if that can be said now."""
        held, self._held = self._held, None
        if held is None:
            return
        try:
            self._exports.release(self.name, self._owner)
        except StoreUnavailable:
            _log.info("the lease of %s was not given back; it ends by itself", self.name)

    # -- one round --

    def _run(self) -> Round:
        state = self._leased()
        if state is None:
            return Round(STANDBY_S, is_leader=False)
        # First the size, then the events: what is missing below it is missing, not just coming.
        size = self._exports.size()
        rest_s = self._not_before - self._clock.monotonic()
        if rest_s > 0:
            # Woken only to keep the lease; another process would not know how long to wait.
            return self._lagging(Round(min(rest_s, KEEP_S), error=state.error), state, size)
        records = self._next_records(state.next_leaf, size)
        if not records:
            self._alarms.caught_up()
            return Round(IDLE_S)
        return self._send(state, records, size)

    def _leased(self) -> ExportState | None:
        """Return the state while the sink is ours; raises StoreUnavailable."""
        now = self._now()
        if self._held is not None and self._held.lease_until - now >= RENEW_US:
            return self._held
        state = self._exports.take(self.name, self._owner, now, LEASE_US)
        if state is None:
            self._start_over()
        self._held = state
        return state

    def _next_records(self, first: int, size: int) -> Sequence[ExportRecord]:
        """Return the next batch; a leaf whose event is gone has a record that says so."""
        end = min(size, first + self._pace.limit(first))
        if first >= end:
            self._oldest = None
            return ()
        found = {stored.leaf_index: stored for stored in self._exports.events(first, end - first)}
        leaves = ((leaf, found.get(leaf)) for leaf in range(first, end))
        records = [record_of(stored) if stored else missing(leaf) for leaf, stored in leaves]
        self._oldest = records[0]
        return fitting(records)

    def _send(self, state: ExportState, records: Sequence[ExportRecord], size: int) -> Round:
        try:
            self._target.send(records)
        except RecordRefused as error:
            done = self._refused(state, records, error)
        except TlsInvalid as error:
            self._alarms.tls(_words(error))
            done = self._failed(state, len(records), error)
        except TargetFailed as error:
            done = self._failed(state, len(records), error)
        except Exception as error:  # noqa: BLE001 - a target of somebody else's must not end the thread
            _log.exception("the sink %s raised what it must not", self.name)
            done = self._failed(state, len(records), TargetFailed(type(error).__name__))
        else:
            done = self._confirmed(state, records)
        return self._lagging(done, self._held or state, size)

    def _confirmed(self, state: ExportState, records: Sequence[ExportRecord]) -> Round:
        self._pace.accepted()
        self._dead_in_a_row = 0
        self._oldest = records[-1]
        last, now = records[-1].leaf_index, self._now()
        kept = self._put(replace(state, next_leaf=last + 1, ok_at=now, error="", failures=0))
        return Round(0.0, sent=len(records), is_leader=kept)

    def _failed(self, state: ExportState, count: int, error: TargetFailed) -> Round:
        self._pace.failed(count)
        failures = state.failures + 1
        wait_s = self._wait_within(longest_wait(failures))
        if error.retry_after_s is not None:
            wait_s = max(wait_s, min(error.retry_after_s, MAX_RETRY_AFTER_S))
        return self._waiting(state, failures, wait_s, _words(error))

    def _refused(
        self, state: ExportState, records: Sequence[ExportRecord], error: RecordRefused
    ) -> Round:
        cursor, count = state.next_leaf, len(records)
        self._pace.refused(cursor, count, error.index)
        if count > 1 and error.index != 0:
            # Which one it is becomes clear when it stands alone: at most nine more batches.
            return Round(0.0, error=_words(error))
        leaf, tries = self._tried
        tries = tries + 1 if leaf == cursor else 1
        self._tried = (cursor, tries)
        if tries >= MAX_TRIES:
            return self._put_aside(state, error)
        is_the_sink = self._dead_in_a_row >= MAX_DEAD_IN_A_ROW
        wait_s = MAX_WAIT_S if is_the_sink else self._wait_within(FIRST_WAIT_S)
        return self._waiting(state, state.failures + 1, wait_s, _words(error))

    def _put_aside(self, state: ExportState, error: RecordRefused) -> Round:
        self._exports.add_dead(self.name, state.next_leaf, _words(error))
        kept = self._put(replace(state, next_leaf=state.next_leaf + 1, error="", failures=0))
        self._dead_in_a_row += 1
        self._alarms.dead(state.next_leaf, _words(error))
        return Round(0.0, dead=1, error=_words(error), is_leader=kept)

    def _waiting(self, state: ExportState, failures: int, wait_s: float, error: str) -> Round:
        self._not_before = self._clock.monotonic() + wait_s
        kept = self._put(replace(state, error=error, failures=failures))
        return Round(min(wait_s, KEEP_S), error=error, is_leader=kept)

    def _put(self, state: ExportState) -> bool:
        """Write the state down and renew the lease; return whether it is still ours."""
        renewed = replace(state, lease_until=self._now() + LEASE_US)
        kept = self._exports.put(renewed)
        self._held = renewed if kept else None
        return kept

    def _lagging(self, done: Round, state: ExportState, size: int) -> Round:
        """Return the round with the figures of how far behind we are, told where it is too far."""
        events = max(0, size - state.next_leaf)
        if not events:
            self._alarms.caught_up()
            return done
        at = self._oldest.ts if self._oldest else None
        seconds = 0.0 if at is None else max(0.0, (self._now() - at) / 1_000_000)
        if done.is_leader:
            self._alarms.behind(events, seconds, done.error)
        return replace(done, lag_events=events, lag_s=seconds)

    def _now(self) -> int:
        return micros(self._clock.now())


def _words(error: Exception) -> str:
    return clean_text(str(error), MAX_ERROR_CHARS).replace("\0", "")
