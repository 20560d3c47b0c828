"""What the audit log needs of a database. stores/sql/audit/ gives it on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from flask_jafsec.audit.rows import (
    DataKey,
    Entry,
    EventRow,
    ExportState,
    Head,
    Leaf,
    Node,
    Rollup,
    SealedRow,
    SignedCheckpoint,
    StoredEvent,
    StoredLeaf,
    Subject,
    Writer,
)
from flask_jafsec.protocols import Tables

T = TypeVar("T")


class AuditStore(Protocol):
    """The log's tables, each way of using them on a connection of its own."""

    def appending(self) -> AbstractContextManager[AuditBatch]:
        """Open one transaction for a batch: committed at the end, undone by any exception.

        Raises:
            StoreUnavailable: Nothing was kept.
            CommitUnknown: The connection died while committing; look before writing again.
        """

    def importing(self) -> AbstractContextManager[AuditBatch]:
        """Open the same, on another connection: journals must not stop the writer."""

    def sequencing(self) -> AbstractContextManager[AuditGrowth | None]:
        """Open one transaction of the only sequencer; None while another process is it."""

    def reading(self) -> AbstractContextManager[AuditView]:
        """Open everything for reading, all at one moment. Raises StoreUnavailable."""

    @property
    def exports(self) -> AuditExports:
        """The cursors of outward sinks."""


class AuditBatch(Protocol):
    """One transaction that appends."""

    @property
    def tables(self) -> Tables:
        """The other stores, bound to this transaction."""

    def attempt(self, change: Callable[[Tables], T]) -> T:
        """Run *change* under a savepoint: what it raises undoes itself alone."""

    def add_writer(self, writer: Writer) -> None:
        """Add the row of a new writer; one that is there already stays as it is."""

    def end_writer(self, writer_id: str, final_n: int) -> None:
        """Note the last number of a writer that stops."""

    def append(self, rows: Sequence[EventRow], sealed: Sequence[SealedRow]) -> None:
        """Add events; the fast way."""

    def append_again(self, rows: Sequence[EventRow], sealed: Sequence[SealedRow]) -> None:
        """Add those events that are not there yet, by writer and number."""

    def has(self, writer_id: str, n: int) -> bool:
        """Return whether this event is there."""

    def subjects(self, lookups: Sequence[bytes]) -> Sequence[Subject]:
        """Return the subjects with these indexes."""

    def data_keys(self, kind: str, names: Sequence[str]) -> Sequence[DataKey]:
        """Return the keys of this kind with these names that are not destroyed, oldest first."""

    def add_subjects(self, subjects: Sequence[Subject]) -> None:
        """Add subjects; those there already stay."""

    def add_data_keys(self, keys: Sequence[DataKey]) -> None:
        """Add keys; those there already stay."""


class AuditGrowth(Protocol):
    """One transaction of the sequencer."""

    @property
    def max_rows(self) -> int:
        """How many events one transaction should take at most."""

    def head(self) -> Head | None:
        """Return the head, locked; None in a new database."""

    def put_head(self, head: Head) -> None:
        """Write the head, new or changed."""

    def writers_waiting(self) -> Sequence[Writer]:
        """Return writers with events beyond what is sequenced."""

    def newest_leaves(self, writer_ids: Sequence[str]) -> Mapping[str, int]:
        """Return the highest number that has a leaf, of those writers that have one."""

    def has_leaves_from(self, first: int) -> bool:
        """Return whether there is any leaf at *first* or beyond."""

    def rows_after(self, writer_id: str, n: int, limit: int) -> Sequence[EventRow]:
        """Return the writer's events with numbers above *n*, in order."""

    def put_sequenced(self, writers: Sequence[tuple[str, int, bytes]]) -> None:
        """Note how far writers are sequenced: id, number, SHA-256 of that envelope."""

    def add_leaves(self, leaves: Sequence[Leaf]) -> None:
        """Add leaves of the tree."""

    def add_nodes(self, nodes: Sequence[Node]) -> None:
        """Add completed nodes."""

    def add_entries(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Add search copies; return those whose event id an older leaf has already.

        They are kept under ``repeated_id``: a repeated id must neither stop the log nor be lost.
        """

    def add_rollups(self, rollups: Sequence[Rollup]) -> None:
        """Add to the buckets' amounts."""

    def type_ids(self, names: Sequence[str]) -> Mapping[str, int]:
        """Return the number of each type's name, new ones numbered now."""

    def last_checkpoint(self) -> SignedCheckpoint | None:
        """Return the newest checkpoint."""

    def add_checkpoint(self, checkpoint: SignedCheckpoint) -> None:
        """Keep a checkpoint."""

    def leaf_hashes(self, first: int, count: int) -> Sequence[bytes]:
        """Return leaf hashes in order of the tree."""

    def nodes(self, height: int, first: int, count: int) -> Sequence[bytes]:
        """Return stored node hashes of one height, in order."""


class AuditView(Protocol):
    """Everything of the log at one moment, for verifying, proving, tailing and explaining."""

    def head(self) -> Head | None:
        """Return the head; None in a new database."""

    def leaves(self, first: int, count: int) -> Sequence[StoredLeaf]:
        """Return up to *count* leaves from *first* on with whatever belongs to each."""

    def leaf_hashes(self, first: int, count: int) -> Sequence[bytes]:
        """Return leaf hashes in order of the tree."""

    def nodes(self, height: int, first: int, count: int) -> Sequence[bytes]:
        """Return stored node hashes of one height, in order."""

    def checkpoints(self, after_size: int, limit: int) -> Sequence[SignedCheckpoint]:
        """Return checkpoints of sizes above *after_size*, smallest first."""

    def last_checkpoint(self) -> SignedCheckpoint | None:
        """Return the newest checkpoint."""

    def newest_checkpoints(self, limit: int) -> Sequence[SignedCheckpoint]:
        """Return the newest checkpoints, newest first."""

    def writers(self) -> Iterator[Writer]:
        """Return every writer."""

    def waiting(self, writer_id: str, after_n: int, limit: int) -> Sequence[StoredEvent]:
        """Return events of a writer that are not sequenced yet, in order."""

    def find(self, event_id: str) -> StoredEvent | None:
        """Return one event by its id, sequenced or still waiting."""

    def events_at(self, leaves: Sequence[int]) -> Sequence[StoredEvent]:
        """Return the events of these leaves, in any order; without those that are gone."""

    def data_key(self, ref: str) -> DataKey | None:
        """Return a wrapped key; ``wrapped`` is None once it is destroyed."""

    def data_keys(self, refs: Sequence[str]) -> Sequence[DataKey]:
        """Return the wrapped keys of these references, in any order."""

    def counts(self) -> Mapping[str, int]:
        """Return rows in the tables that verifying compares: event, sealed, leaf, entry, ..."""

    def node_rows(self, height: int, first: int, count: int) -> Sequence[Node]:
        """Return stored nodes of one height with their positions, in order."""

    def rollups(self, first: int, end: int) -> Sequence[Rollup]:
        """Return the rollups of buckets from *first* on and before *end*, in seconds."""

    def next_rollup(self, after: int) -> int | None:
        """Return the first bucket, stored or due, that starts at *after* or later, in seconds."""

    def rollups_due(self, step: int, first: int, end: int) -> Sequence[Rollup]:
        """Return what the rollups of *step* must be between two times in seconds, from entries."""

    def strays(self, limit: int) -> Sequence[tuple[str, str]]:
        """Return the tables and keys of rows that belong to no leaf and no waiting event."""


class AuditExports(Protocol):
    """The cursors of outward sinks. Each call is a short transaction of its own.

    A transaction around a conversation with a collector would hold locks for as long as the
    collector likes; a lease does not.
    """

    def take(self, sink: str, owner: str, now: int, lease_us: int) -> ExportState | None:
        """Return the sink's state, leased to *owner*; None while another's lease runs."""

    def put(self, state: ExportState) -> bool:
        """Write the state down; return whether its owner still held the lease."""

    def release(self, sink: str, owner: str) -> None:
        """End the lease, so that another process need not wait."""

    def states(self) -> Sequence[ExportState]:
        """Return every sink's state."""

    def events(self, first: int, limit: int) -> Sequence[StoredEvent]:
        """Return sequenced events from leaf *first* on, without their sealed parts."""

    def size(self) -> int:
        """Return the number of sequenced events."""

    def add_dead(self, sink: str, leaf_index: int, error: str) -> None:
        """Keep one event that the sink will not take, so that the others go on."""

    def dead(self, sink: str, limit: int) -> Sequence[tuple[int, str]]:
        """Return the leaf indexes and errors of those, newest first."""
