"""Makes events durable: in the database, or in the journal while it does not answer.

Runs on one thread of a process (trail.py). Nothing here is lost without a word: every item ends
with its result, or with the error that its request is refused with.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from flask_jafsec.audit.chain import Chain, Links
from flask_jafsec.audit.item import Item as Item
from flask_jafsec.audit.journal import JournalFailed, JournalFull
from flask_jafsec.audit.references import Referrer
from flask_jafsec.audit.rows import micros
from flask_jafsec.audit.spool import Spool
from flask_jafsec.audit.store import AuditBatch, AuditStore
from flask_jafsec.errors import AuditUnavailable, CommitUnknown, StoreUnavailable
from flask_jafsec.events import Event
from flask_jafsec.protocols import Clock

_log = logging.getLogger("flask_jafsec.audit")

#: How long changes fail at once after the database did not answer, in seconds: its time limits
#: would otherwise be waited for by every one of them in turn. Source: fault matrix, rule R4.
BREAKER_S: Final = 1.0

#: As long as the database took to fail, up to this, in seconds: where each attempt waits for a
#: lock, one second between two would leave hardly anything failing at once.
MAX_BREAKER_S: Final = 5.0


class AuditWriter:
    """Keeps batches of items."""

    def __init__(
        self, store: AuditStore, chain: Chain, referrer: Referrer, spool: Spool, clock: Clock
    ) -> None:
        self._store = store
        self._chain = chain
        self._referrer = referrer
        self._clock = clock
        self._introduced = False
        self._down_until = 0.0
        self._asked_at = 0.0
        self.spool = spool

    def begin_again(self) -> None:
        """Become another writer, as the child of a fork must."""
        self._chain.begin_again()
        self._introduced = False
        self.spool.begin_again()

    @property
    def writer_id(self) -> str:
        """Whose chain is written now."""
        return self._chain.writer_id

    @property
    def count(self) -> int:
        """How many events the chain has."""
        return self._chain.n

    def write(self, items: Sequence[Item]) -> list[Event]:
        """Keep *items*; return the events that happened, kept or not.

        What could not be kept anywhere is among them, since a log line is better than nothing; a
        change that was not carried out is not.
        """
        self._asked_at = self._clock.monotonic()
        plain = [item for item in items if item.change is None]
        changes = [item for item in items if item.change is not None and item.claim()]
        if plain:
            self._keep_plain(plain)
        if changes:
            self._carry_out(changes)
        done = {id(item) for item in changes if item.error is None}
        return [item.event for item in items if item.change is None or id(item) in done]

    # -- events without a change --

    def _keep_plain(self, items: Sequence[Item]) -> None:
        events = [item.event for item in items]
        try:
            if not self.spool.is_open and self._append(events):
                _finish(items)
                return
            self._spool(events)
        except JournalFailed as error:
            _log.error("an event is neither in the database nor in a journal: %s", error)
            _finish(items, AuditUnavailable(str(error)))
        else:
            _finish(items)

    def _append(self, events: Sequence[Event]) -> bool:
        """Return whether *events* are kept; raises JournalFailed."""
        if self.is_down:
            return False
        links: Links | None = None
        try:
            with self._store.appending() as batch:
                links = self._link(events, batch)
                batch.append(links.rows, links.sealed)
        except CommitUnknown:
            if links is None:
                return False
            self._append_again(links)
            return True
        except StoreUnavailable as error:
            self._note_down(error)
            return False
        self._advance(links)
        return True

    def _append_again(self, links: Links) -> None:
        # The same numbers again: what is there already stays, so nothing can be there twice.
        try:
            with self._store.appending() as batch:
                self._introduce(batch)
                self._add_unsaved(batch)
                batch.append_again(links.rows, links.sealed)
        except StoreUnavailable as error:
            self._note_down(error)
            try:
                self._spool_links(links)
            except JournalFailed:
                # They may be in the database: no other event may ever get their numbers.
                self._end_chain()
                raise
        else:
            self._advance(links)

    def _spool(self, events: Sequence[Event]) -> None:
        try:
            self._spool_links(self._chain.link(events, None))
        except JournalFull:
            raise
        except JournalFailed:
            # A file that failed once is never written again, and no second one has its name.
            self._end_chain()
            self._spool_links(self._chain.link(events, None))

    def _spool_links(self, links: Links) -> None:
        subjects, keys = self._referrer.unsaved()
        writer = self._chain.writer(micros(self._clock.now()))
        self.spool.keep(writer, links.rows, links.sealed, subjects, keys)
        self._referrer.saved(subjects, keys)
        self._chain.advance(links)

    # -- changes, each in one transaction with its event --

    def _carry_out(self, items: Sequence[Item]) -> None:
        if self.is_down:
            _finish(items, StoreUnavailable("the database does not answer; nothing was changed"))
            return
        doubtful: Links | None = None
        error: StoreUnavailable
        for _ in range(2):
            try:
                links = self._carry_out_once(items)
            except _Unknown as unknown:
                error, doubtful = unknown.cause, unknown.links
            except StoreUnavailable as failed:
                error = failed
            else:
                self._kept(items, links)
                return
            if doubtful is None:
                break
            kept = self._was_kept(doubtful)
            if kept is not False:
                self._settle(items, doubtful, error, kept=bool(kept))
                return
        if doubtful is not None:
            self._end_chain()  # what has just been found missing may still be on its way
        self._note_down(error)
        _finish(items, error)

    def _kept(self, items: Sequence[Item], links: Links) -> None:
        self._advance(links)
        for item in items:
            item.finish(item.error)

    def _settle(
        self, items: Sequence[Item], links: Links, error: StoreUnavailable, *, kept: bool
    ) -> None:
        if kept:
            self._kept(items, links)
            return
        # Nobody knows whether the chain goes on here, so it does not: this writer ends, and the
        # next event is the first of another. Both ways the old chain is whole.
        self._end_chain()
        self._note_down(error)
        _finish(items, error)

    def _carry_out_once(self, items: Sequence[Item]) -> Links:
        links: Links | None = None
        try:
            with self._store.appending() as batch:
                for item in items:
                    _attempt(item, batch)
                links = self._link([item.event for item in items if item.error is None], batch)
                if links.rows:
                    batch.append(links.rows, links.sealed)
        except CommitUnknown as error:
            if links is None:
                raise
            raise _Unknown(links, error) from error
        return links

    def _was_kept(self, links: Links) -> bool | None:
        try:
            with self._store.importing() as batch:
                return batch.has(self._chain.writer_id, links.n)
        except StoreUnavailable:
            return None

    # -- both --

    def _link(self, events: Sequence[Event], batch: AuditBatch) -> Links:
        self._introduce(batch)
        links = self._chain.link(events, batch)
        self._add_unsaved(batch)
        return links

    def _add_unsaved(self, batch: AuditBatch) -> None:
        subjects, keys = self._referrer.unsaved()
        if subjects:
            batch.add_subjects(subjects)
        if keys:
            batch.add_data_keys(keys)

    def _introduce(self, batch: AuditBatch) -> None:
        if not self._introduced:
            batch.add_writer(self._chain.writer(micros(self._clock.now())))

    def _advance(self, links: Links) -> None:
        self._chain.advance(links)
        self._introduced = True
        self._referrer.saved(*self._referrer.unsaved())

    def _end_chain(self) -> None:
        self._chain.begin_again()
        self._introduced = False
        self.spool.abandon()

    def end(self) -> None:
        """Note that the chain has come to its end; an event after that begins another.

        Nothing is noted while events are in a journal: whoever imports it cannot know either.
        """
        if not self._introduced or self.spool.is_open:
            return
        try:
            with self._store.appending() as batch:
                batch.end_writer(self._chain.writer_id, self._chain.n)
        except StoreUnavailable as error:
            _log.info("the end of an audit chain is not noted: %s", error)
        self._end_chain()

    @property
    def is_down(self) -> bool:
        """Whether the database did not answer a moment ago, and is left alone."""
        return self._clock.monotonic() < self._down_until

    def _note_down(self, error: StoreUnavailable) -> None:
        now = self._clock.monotonic()
        self._down_until = now + min(max(now - self._asked_at, BREAKER_S), MAX_BREAKER_S)
        _log.warning("the audit log's database does not answer: %s", error)


class _Unknown(Exception):
    def __init__(self, links: Links, cause: CommitUnknown) -> None:
        super().__init__(str(cause))
        self.links = links
        self.cause = cause


def _attempt(item: Item, batch: AuditBatch) -> None:
    item.error = None
    change = item.change
    if change is None:
        return
    try:
        item.result = batch.attempt(change)
    except BaseException as error:  # noqa: BLE001 - it belongs to whoever asked for the change
        # Also the database's: if it is gone, the next statement says so; if it only refused this
        # change, such as for a lock that somebody holds, the others of the batch go on.
        item.error = error


def _finish(items: Sequence[Item], error: BaseException | None = None) -> None:
    for item in items:
        item.finish(error)
