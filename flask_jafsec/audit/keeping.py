"""What a process does for the log beside writing: importing, sequencing, anchoring, a heartbeat.

On a thread of its own, about once a second; a request never waits for any of it.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final, Protocol

from flask_jafsec.audit.lag import oldest_waiting
from flask_jafsec.audit.rows import SignedCheckpoint, micros
from flask_jafsec.audit.spool import Spool, adopt
from flask_jafsec.audit.store import AuditStore
from flask_jafsec.errors import AuditUnavailable, StoreDamaged, StoreUnavailable
from flask_jafsec.events import Event, EventType, Outcome, Severity, system_event
from flask_jafsec.protocols import Clock

_log = logging.getLogger("flask_jafsec.audit")

#: How often the thread wakes, in seconds; a tenth more or less, so that processes spread.
EVERY_S: Final = 1.0

#: How often an event says that the log is alive, so that silence means something, in seconds.
#: Source: audit-log specification, 5.6.
HEARTBEAT_S: Final = 3_600.0

#: How long events may wait for the tree before an operator hears of it, in seconds. Source: fault
#: matrix, row 31.
LAG_S: Final = 30.0

#: How long stopping waits for the thread, in seconds.
STOP_WAIT_S: Final = 5.0

#: The same problem is recorded again after this long, in seconds.
AGAIN_S: Final = 3_600.0

#: Of our own: a program may have seeded the common one, and a test may watch who uses it.
_spread: Final = Random()  # noqa: S311 - spreads processes in time, keeps no secret


class Sequenced(Protocol):
    """What a run of the sequencer tells."""

    @property
    def checkpoint(self) -> SignedCheckpoint | None:
        """The size it signed, if it did."""

    @property
    def is_leader(self) -> bool:
        """Whether it was this process's turn; otherwise nothing was done."""

    @property
    def has_more(self) -> bool:
        """Whether events wait that this run could not take."""

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with the log; signing has stopped then."""


class Sequencer(Protocol):
    """Puts chains into the tree (sequencer.py)."""

    def run_once(self, *, force: bool = False) -> Sequenced:
        """Sequence what waits, and sign it where *force* says so or it is time.

        Raises StoreUnavailable.
        """


class Publisher(Protocol):
    """Publishes signed sizes (anchors.py)."""

    def publish(
        self, checkpoint: SignedCheckpoint | None, *, everywhere: bool = False
    ) -> tuple[str, ...]:
        """Give the newest size to every anchor, to each where it is time or *everywhere*.

        Return what is wrong with them.
        """


class Keeper:
    """A thread beside the writer's."""

    def __init__(
        self,
        store: AuditStore,
        spool: Spool,
        sequencer: Sequencer,
        publisher: Publisher,
        clock: Clock,
        *,
        folder: Path | None,
        record: Callable[[Event], None],
    ) -> None:
        self._store = store
        self._spool = spool
        self._sequencer = sequencer
        self._publisher = publisher
        self._clock = clock
        self._folder = folder
        self._record = record
        self.begin_again()

    def begin_again(self) -> None:
        """Forget the parent's thread in the child of a fork."""
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._said: dict[str, float] = {}
        self._behind_since: float | None = None
        self._led_at = self._clock.monotonic()
        self._next_heartbeat = self._clock.monotonic() + HEARTBEAT_S

    def start(self) -> None:
        """Start the thread."""
        with self._lock:
            if self._thread is None:
                self._stopping.clear()
                self._thread = threading.Thread(target=self._run, name="jafsec-keeper", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Stop the thread, then look after what came last, and anchor all of it."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stopping.set()
        thread.join(STOP_WAIT_S)
        if not thread.is_alive():
            for step in (self._import, self._sequence_to_the_end):
                self._try(step)

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_S * _spread.uniform(0.9, 1.1)):
            self.tick()

    def tick(self) -> None:
        """Do everything once; what fails is said, tried again, and stops nothing else."""
        for step in (self._look_after_reserve, self._import, self._sequence, self._beat):
            self._try(step)

    def _try(self, step: Callable[[], None]) -> None:
        try:
            step()
        except StoreDamaged as error:
            self._say(EventType.AUDIT_INTEGRITY, Severity.CRITICAL, f"database_changed: {error}")
            self._note_lag(is_behind=True)
        except StoreUnavailable as error:
            _log.info("the audit log's database does not answer: %s", error)
            self._note_lag(is_behind=True)
        except Exception as error:  # noqa: BLE001 - the thread must live; the next second tries again
            self._tell_unexpected(step.__name__, error)
            self._note_lag(is_behind=True)

    def _tell_unexpected(self, step: str, error: Exception) -> None:
        # Without what the error says: it may quote a value of a row.
        problem = f"keeping_failed: {step.strip('_')}: {type(error).__name__}"
        if self._say(EventType.AUDIT_INTEGRITY, Severity.CRITICAL, problem):
            _log.error("looking after the audit log failed", exc_info=error)

    def _import(self) -> None:
        self._spool.bring_in(self._store)
        if self._folder is None:
            return
        now = micros(self._clock.now())
        for writer_id in adopt(self._folder, self._store, now, self._skip):
            self._say(EventType.AUDIT_ABANDONED, Severity.WARNING, writer_id, "writer")

    def _look_after_reserve(self) -> None:
        reserve = self._spool.reserve
        if reserve is None:
            return
        if reserve.was_given_up:
            self._say(EventType.AUDIT_DISK_FULL, Severity.CRITICAL, "the reserve is used")
        if not self._spool.is_open:
            reserve.make()

    def _skip(self, path: Path) -> None:
        if str(path) not in self._said:
            self._said[str(path)] = self._clock.monotonic()
            _log.warning(
                "the journal %s belongs to another user and is not imported; run one process as "
                "that user, or make the file yours",
                path,
            )

    def _sequence(self, *, ends: bool = False) -> None:
        done = self._sequencer.run_once(force=ends)
        if done.is_leader:
            self._led_at = self._clock.monotonic()
            self._note_lag(is_behind=done.has_more)
        else:
            self._look_for_lag()
        for problem in done.problems:
            self._say(EventType.AUDIT_INTEGRITY, Severity.CRITICAL, problem)
        for problem in self._publisher.publish(done.checkpoint, everywhere=ends):
            self._say(EventType.ANCHOR_LAG, Severity.ERROR, problem)

    def _sequence_to_the_end(self) -> None:
        # The next minute's anchor may never come: whoever cuts the log now would go unseen.
        self._sequence(ends=True)

    def _note_lag(self, *, is_behind: bool) -> None:
        now = self._clock.monotonic()
        if not is_behind:
            self._behind_since = None
            return
        if self._behind_since is None:
            self._behind_since = now
        if now - self._behind_since > LAG_S:
            self._say(EventType.AUDIT_LAG, Severity.ERROR, "events wait to be sequenced")

    def _look_for_lag(self) -> None:
        # Usually another process leads. But whoever holds the lock may be stuck, or no process of
        # ours at all, and then nobody else would say that the log has stopped growing.
        now = self._clock.monotonic()
        if now - self._led_at <= LAG_S:
            return
        self._led_at = now  # looked for once in so long
        with self._store.reading() as view:
            oldest = oldest_waiting(view)
        if oldest is not None and oldest < micros(self._clock.now()) - LAG_S * 1_000_000:
            self._say(EventType.AUDIT_LAG, Severity.ERROR, "events wait, and another process leads")

    def _beat(self) -> None:
        now = self._clock.monotonic()
        if now >= self._next_heartbeat:
            self._next_heartbeat = now + HEARTBEAT_S
            self._record(system_event(EventType.AUDIT_HEARTBEAT, self._clock.now()))

    def _say(
        self, event_type: EventType, severity: Severity, problem: str, fact: str = "rule"
    ) -> bool:
        """Record a problem, and log it; return whether that was not done in the last hour."""
        now = self._clock.monotonic()
        if self._said.get(problem, -math.inf) + AGAIN_S > now:
            return False
        self._said[problem] = now
        _log.error("%s: %s", event_type, problem)
        event = system_event(
            event_type, self._clock.now(), severity, Outcome.FAIL, facts={fact: problem}
        )
        try:
            self._record(event)
        except AuditUnavailable as error:
            # What is wrong may be the very reason; the line above is what is left to say it.
            _log.error("%s could not be recorded: %s", event_type, error)
        return True
