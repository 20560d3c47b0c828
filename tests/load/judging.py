"""Compares what was confirmed with what the log holds, from the tables alone.

Trusts nothing derived: ids come from the envelopes, hashes and roots are computed anew.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, func, select

from flask_jafsec.audit.anchors import read_anchors
from flask_jafsec.audit.findings import Level
from flask_jafsec.audit.frontier import Growth, leaf_hash
from flask_jafsec.audit.journal import SUFFIX
from flask_jafsec.audit.note_keys import NoteVerifier
from flask_jafsec.audit.rows import micros
from flask_jafsec.audit.tree_checking import Anchored
from flask_jafsec.audit.verifying import Verifier
from flask_jafsec.stores import audit_tables
from flask_jafsec.stores.audit_tables import CHECKPOINT, ENTRY, LEAF
from flask_jafsec.stores.tables import API_KEY
from flask_jafsec.web.state import State
from tests.load.acks import EVENT, KEY, REFUSAL, REFUSED, Ack, read_acks
from tests.load.installation import Installation, keeper_of, opened

#: Rounds in which everything left behind must be imported and sequenced. Each takes up to 20,000
#: events; nothing real needs more than a few.
ROUNDS = 100

NO_PREVIOUS = "0" * 64


@dataclass(frozen=True, slots=True)
class Tally:
    """How much there was. None of these decides anything, but none may be nothing either."""

    acked: int
    changes_refused: int
    events: int
    writers: int
    checkpoints: int


@dataclass(frozen=True, slots=True)
class Faults:
    """What must not be; every number must be 0."""

    lost: int = 0
    """Confirmed and not in the log."""
    duplicated: int = 0
    """In the log twice."""
    refused: int = 0
    """Events that were refused although the database or a journal could have taken them."""
    gaps: int = 0
    """Writers whose numbers are not 1, 2, 3, ..."""
    broken: int = 0
    """Events that do not name the one before."""
    leafless: int = 0
    """Events that are not in the tree."""
    wrong_leaves: int = 0
    """Leaves out of order, of no event, or with another hash."""
    forked: int = 0
    """Signed sizes whose root cannot be reproduced."""
    unsigned: int = 0
    """Leaves behind the last signed size."""
    apart: int = 0
    """Keys without their event and events without their key."""
    unsearchable: int = 0
    """Leaves without search copies, and search copies without a leaf."""
    journals: int = 0
    """Journals that nobody imported."""
    findings: tuple[str, ...] = ()
    """What the log's own verifying has to say, against the anchors too."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came out of a run."""

    tally: Tally
    faults: Faults

    def __str__(self) -> str:
        """Return everything on one line."""
        return " ".join(
            f"{n}={v}" for part in (self.tally, self.faults) for n, v in asdict(part).items()
        )


@dataclass(frozen=True, slots=True)
class _Stored:
    writer_id: str
    n: int
    envelope: bytes
    members: dict[str, Any]


def judge(installation: Installation, killed: Collection[int]) -> Verdict:
    """Return the verdict on a run that is over.

    Args:
        killed: Processes that did not end by themselves: what nobody waited for may be lost there.
    """
    acks = list(read_acks(installation.ack_path))
    engine = create_engine(installation.url)
    try:
        with opened(installation) as state:
            _finish(state, engine, installation.spool_folder)
            with engine.connect() as connection:
                verdict = _judge(connection, acks, killed, installation.spool_folder)
            faults = replace(verdict.faults, findings=_verified(state, installation))
            return replace(verdict, faults=faults)
    finally:
        engine.dispose()


def _finish(state: State, engine: Engine, spool: Path) -> None:
    """Import and sequence what the dead left, as any process does in the background."""
    keeper = keeper_of(state)
    for _ in range(ROUNDS):
        keeper.tick()
        keeper._sequencer.run_once(force=True)
        if not list(spool.glob(f"*{SUFFIX}")) and _is_whole(engine):
            return


def _is_whole(engine: Engine) -> bool:
    with engine.connect() as connection:
        events = connection.scalar(select(func.count()).select_from(audit_tables.EVENT))
        leaves = connection.scalar(select(func.count()).select_from(LEAF))
        signed = connection.scalar(select(func.max(CHECKPOINT.c.size)))
    return bool(events == leaves == signed)


def _verified(state: State, installation: Installation) -> tuple[str, ...]:
    """Return what the log's own verifying found that is worse than a note."""
    log = state.audit_log
    assert log is not None
    keys = [NoteVerifier.from_vkey(signer.verifier_key) for signer in log.signers]
    verifier = Verifier(log.store, origin=log.origin, verifiers=keys, mac_key=log.mac_key)
    path = installation.anchor_path
    kept = read_anchors(path, keys) if path.exists() and path.stat().st_size else []
    anchors = [Anchored(f"file {one.size}", one) for one in kept]
    result = verifier.run(now=micros(datetime.now(UTC)), anchors=anchors)
    bad = [str(one.text) for one in result.findings if one.level is not Level.NOTE]
    return tuple(bad) or (("exit code",) if result.exit_code else ())


def _judge(
    connection: Connection, acks: list[Ack], killed: Collection[int], spool: Path
) -> Verdict:
    events = list(_events(connection))
    ids = Counter(event.members["id"] for event in events)
    minted = Counter(e.members["key"] for e in events if e.members["type"] == "key.minted")
    keys = set(connection.scalars(select(API_KEY.c.id)))
    promised = [a for a in acks if a.kind in (EVENT, KEY)]
    promised += [a for a in acks if a.kind == REFUSAL and a.pid not in killed]
    kept = {KEY: minted, EVENT: ids, REFUSAL: ids}
    gaps, broken = _chain_faults(events)
    leafless, wrong, forked, unsigned = _tree_faults(connection, events)
    leaves = set(connection.scalars(select(LEAF.c.leaf_index)))
    entries = set(connection.scalars(select(ENTRY.c.leaf_index)))
    faults = Faults(
        lost=sum(kept[ack.kind][ack.name] == 0 for ack in promised),
        duplicated=sum(count - 1 for counts in (ids, minted) for count in counts.values()),
        refused=sum(ack.kind in (REFUSED[EVENT], REFUSED[REFUSAL]) for ack in acks),
        gaps=gaps,
        broken=broken,
        leafless=leafless,
        wrong_leaves=wrong,
        forked=forked,
        unsigned=unsigned,
        apart=len(keys ^ set(minted)),
        unsearchable=len(leaves ^ entries),
        journals=len(list(spool.glob(f"*{SUFFIX}"))),
    )
    tally = Tally(
        acked=len(promised),
        changes_refused=sum(ack.kind == REFUSED[KEY] for ack in acks),
        events=len(events),
        writers=len({event.writer_id for event in events}),
        checkpoints=len(connection.execute(select(CHECKPOINT.c.size)).all()),
    )
    return Verdict(tally, faults)


def _events(connection: Connection) -> Iterator[_Stored]:
    columns = (
        audit_tables.EVENT.c.writer_id,
        audit_tables.EVENT.c.n,
        audit_tables.EVENT.c.envelope,
    )
    for writer_id, n, envelope in connection.execute(select(*columns).order_by(*columns[:2])):
        yield _Stored(writer_id, n, bytes(envelope), json.loads(envelope))


def _chain_faults(events: list[_Stored]) -> tuple[int, int]:
    gaps, broken = set[str](), 0
    writer_id, n, previous = "", 0, NO_PREVIOUS
    for event in events:
        if event.writer_id != writer_id:
            writer_id, n, previous = event.writer_id, 0, NO_PREVIOUS
        n += 1
        if event.n != n or event.members["n"] != n or event.members["w"] != writer_id:
            gaps.add(writer_id)
        broken += event.members["prev"] != previous
        previous = sha256(event.envelope).hexdigest()
    return len(gaps), broken


def _tree_faults(connection: Connection, events: list[_Stored]) -> tuple[int, int, int, int]:
    hashes = {(event.writer_id, event.n): leaf_hash(event.envelope) for event in events}
    signed = connection.execute(select(CHECKPOINT.c.size, CHECKPOINT.c.root))
    sizes = {size: bytes(root) for size, root in signed}
    growth, wrong, forked, position = Growth(), 0, 0, 0
    columns = (LEAF.c.leaf_index, LEAF.c.writer_id, LEAF.c.n, LEAF.c.leaf_hash)
    for index, writer_id, n, stored in connection.execute(select(*columns).order_by(columns[0])):
        computed = hashes.pop((writer_id, n), b"")
        wrong += index != position or computed != bytes(stored)
        growth.add(bytes(stored))
        position += 1
        if position in sizes:
            forked += growth.frontier().root() != sizes.pop(position)
    last = connection.scalar(select(CHECKPOINT.c.size).order_by(CHECKPOINT.c.size.desc()).limit(1))
    # A size beyond all leaves, or of an empty tree that is not empty, cannot be reproduced either.
    return len(hashes), wrong, forked + len(sizes), position - (last or 0)
