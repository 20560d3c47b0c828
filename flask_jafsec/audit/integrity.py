"""The log's integrity as a page shows it: how it stands, and a part of it verified now."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final

from flask_jafsec.audit.findings import Verification
from flask_jafsec.audit.kinds import fitted
from flask_jafsec.audit.rows import SignedCheckpoint, micros
from flask_jafsec.audit.standing import Standing, verified_facts
from flask_jafsec.audit.store import AuditStore
from flask_jafsec.audit.tree_checking import Anchored
from flask_jafsec.audit.verifying import Verifier
from flask_jafsec.errors import Busy, InvalidValue, StoreUnavailable
from flask_jafsec.events import Event, EventType
from flask_jafsec.ids import new_id
from flask_jafsec.protocols import Clock, Recorder

#: Leaves that are verified while somebody waits for the page: two seconds on two slow cores,
#: seven when these are busy (benchmarks/README.md, console_audit). More is for the command.
MAX_LEAVES: Final = 50_000

#: How long a process goes by what it knows about alarms, in seconds. Source: issue 4.
KEPT_S: Final = 30.0

#: When to try again while somebody else's verification runs, in seconds.
RETRY_S: Final = 5

#: Checkpoints that are listed.
LISTED: Final = 20


class Integrity:
    """Knows how the log stands, and verifies the newest part of it.

    Args:
        read: Reads how the log stands.
        verifier: Makes what verifies the log.
        anchors: Reads the checkpoints that anchors keep. May raise AnchorFailed, NoteInvalid.
    """

    def __init__(
        self,
        store: AuditStore,
        recorder: Recorder,
        clock: Clock,
        *,
        read: Callable[[], Standing],
        verifier: Callable[[], Verifier],
        anchors: Callable[[], Sequence[Anchored]],
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._clock = clock
        self._read = read
        self._verifier = verifier
        self._anchors = anchors
        self.begin_again()

    def begin_again(self) -> None:
        """Take a lock of one's own in the child of a fork."""
        self._running = threading.Lock()
        self._known: tuple[float, Standing] | None = None

    def standing(self) -> Standing:
        """Return how the log stood at most 30 seconds ago. Raises StoreUnavailable."""
        known = self._known
        now = self._clock.monotonic()
        if known is not None and now - known[0] < KEPT_S:
            return known[1]
        found = self._read()
        self._known = (now, found)
        return found

    def last_known(self) -> Standing | None:
        """Return the same; what was known before, if anything, where the database is down."""
        try:
            return self.standing()
        except StoreUnavailable:
            return self._known[1] if self._known else None

    def size(self) -> int:
        """Return the number of leaves. Raises StoreUnavailable."""
        with self._store.reading() as view:
            head = view.head()
        return fitted(head)[0].size if head else 0

    def checkpoints(self) -> Sequence[SignedCheckpoint]:
        """Return the newest checkpoints, newest first. Raises StoreUnavailable."""
        with self._store.reading() as view:
            return view.newest_checkpoints(LISTED)

    def verify(self, newest: int, *, by: str) -> Verification:
        """Verify the newest leaves, record that, and return the result.

        Args:
            newest: How many leaves, 1 to 50,000. As many as there are is the whole log.
            by: Who asks.

        Raises:
            InvalidValue: It is another number.
            Busy: A verification runs already in this process.
            AnchorFailed, NoteInvalid: What the anchors keep cannot be compared.
            StoreUnavailable: The log cannot be read, or cannot take the record.
        """
        if not 1 <= newest <= MAX_LEAVES:
            raise InvalidValue("newest", f"is not 1 to {MAX_LEAVES:,}")
        if not self._running.acquire(blocking=False):
            raise Busy(RETRY_S)
        try:
            found = self._verified(newest)
        finally:
            self._running.release()
        self._recorder.record(
            Event(
                id=new_id(),
                type=EventType.AUDIT_VERIFIED,
                at=self._clock.now(),
                actor=by,
                facts=verified_facts(found),
            )
        )
        self._known = None
        return found

    def _verified(self, newest: int) -> Verification:
        return self._verifier().run(
            now=micros(self._clock.now()),
            first_leaf=max(0, self.size() - newest),
            anchors=self._anchors(),
        )
