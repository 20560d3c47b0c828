"""Gives every event its leaf, grows the tree, and signs how far it has grown.

Any process may try; one at a time does it. Whatever is not as this process left it is computed
anew from the stored hashes before anything is built or signed on it: a log that signs two
histories is worth nothing. Nothing is ever repaired here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from flask_jafsec.audit.checking import Macs
from flask_jafsec.audit.gathering import Gap, Gathered, Gathering, Problem
from flask_jafsec.audit.growing import Left, Turn
from flask_jafsec.audit.note_keys import NoteSigner
from flask_jafsec.audit.notes import Checkpoint
from flask_jafsec.audit.rows import SignedCheckpoint, micros
from flask_jafsec.audit.store import AuditStore
from flask_jafsec.protocols import Clock

#: Rows of one writer in one transaction. Source: audit-log specification, 5.6.
PER_WRITER: Final = 5_000

#: Events of one run, about: then the caller may look after something else.
MAX_EVENTS: Final = 50_000


@dataclass(frozen=True, slots=True)
class Sequenced:
    """What one run did."""

    count: int = 0
    """Events that got their leaves."""
    checkpoint: SignedCheckpoint | None = None
    """The newest one signed in this run."""
    problems: tuple[str, ...] = ()
    """What is wrong with the log, one line each; the same lines until it is not wrong any more."""
    gaps: tuple[Gap, ...] = ()
    """Where writers are waited for."""
    is_leader: bool = True
    """False when another process was at it, so that nothing was done."""
    has_more: bool = False


class Sequencer:
    """Sequences one log. For one thread.

    Args:
        origin: The name of the log; a head with another name is left alone.
        signers: Sign every checkpoint; the log's own key among them.
        mac_key: Gives the MAC key of a root key's id, None if that is not known (any more).
        max_rows: Rows of all writers in one transaction; None for what suits the database.
        anchored: Gives the newest checkpoint known outside the database, if there is one: asked
            whenever the tree is not as this process left it, so that a database put back is not
            signed.
    """

    def __init__(
        self,
        store: AuditStore,
        *,
        origin: str,
        signers: Sequence[NoteSigner],
        mac_key: Callable[[str], bytes | None],
        clock: Clock,
        per_writer: int = PER_WRITER,
        max_rows: int | None = None,
        anchored: Callable[[], Checkpoint | None] = lambda: None,
    ) -> None:
        self._store = store
        self._origin = origin
        self._signers = tuple(signers)
        self._clock = clock
        self._anchored = anchored
        self._max_rows = max_rows
        self._gathering = Gathering(origin, Macs(mac_key), per_writer=per_writer)
        self._left = Left()

    def run_once(self, *, force: bool = False) -> Sequenced:
        """Sequence what waits, and sign. Raises StoreUnavailable: part of it may be done.

        Args:
            force: Sign what is new even if the last checkpoint is not a second old.
        """
        count, checkpoint, problems = 0, None, list[str]()
        while True:
            done = self._transaction(force=force)
            count += done.count
            checkpoint = done.checkpoint or checkpoint
            problems += done.problems
            if not done.has_more or count >= MAX_EVENTS:
                break
        said = tuple(dict.fromkeys(problems))
        return Sequenced(count, checkpoint, said, done.gaps, done.is_leader, done.has_more)

    def _transaction(self, *, force: bool) -> Sequenced:
        left, self._left = self._left, Left(signed=self._left.signed)
        with self._store.sequencing() as growth:
            if growth is None:
                return Sequenced(is_leader=False)
            turn = Turn(growth, self._origin, left, self._anchored)
            gathered = turn.grow(self._gathering, self._max_rows)
            is_due = force and not (gathered and gathered.has_more)
            checkpoint = turn.sign(self._signers, micros(self._clock.now()), force=is_due)
        # Only now is it kept: an error above leaves nothing remembered, and all is looked at anew.
        self._left = turn.left()
        return _done(gathered, checkpoint, turn.problems)


def _done(
    gathered: Gathered | None, checkpoint: SignedCheckpoint | None, problems: Sequence[Problem]
) -> Sequenced:
    said = tuple(map(str, problems))
    if gathered is None:
        return Sequenced(checkpoint=checkpoint, problems=said)
    gaps = tuple(gathered.gaps)
    return Sequenced(len(gathered.ready), checkpoint, said, gaps, has_more=gathered.has_more)
