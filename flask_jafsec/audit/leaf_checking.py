"""Verifies one leaf after the other: its event, chain, MAC, search copies and sealed part."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from flask_jafsec.audit.checking import (
    FIRST_PREV,
    Macs,
    RowInvalid,
    read_row,
    repeated_id,
)
from flask_jafsec.audit.findings import ODD, Findings, Level
from flask_jafsec.audit.kinds import fitted, misfits
from flask_jafsec.audit.reading import Reading
from flask_jafsec.audit.rewriting import Rewriting
from flask_jafsec.audit.rows import Entry, EventRow, SealedRow, StoredLeaf
from flask_jafsec.audit.tree import leaf_hash


@dataclass(slots=True)
class Newest:
    """The newest event of a writer that was met."""

    n: int
    digest: str | None
    """SHA-256 of its envelope; None where the event is missing or not what it was."""
    ts: int


@dataclass(slots=True)
class Seen:
    """What was counted on the way."""

    events: int = 0
    entries: int = 0
    sealed: int = 0
    readable: int = 0
    erased: int = 0
    missing: int = 0


#: Names of unknown MAC keys that are counted one by one; more were made up.
MAX_UNKNOWN: Final = 100

NOBODY = Newest(0, FIRST_PREV, 0)


class EventCheck:
    """Verifies events in the order they are given. Remembers one of each writer.

    Args:
        macs: None to leave MACs unchecked.
        from_start: Whether the first event of the log is among those given; otherwise the first
            one of each writer is taken as it is.
    """

    def __init__(
        self, origin: str, macs: Macs | None, findings: Findings, *, from_start: bool
    ) -> None:
        self._origin = origin
        self._macs = macs
        self._findings = findings
        self._from_start = from_start
        self._unknown_keys: dict[str, int] = {}
        self._rewriting = Rewriting()
        self.newest: dict[str, Newest] = {}
        self.seen = Seen()

    def take_leaf(self, stored: StoredLeaf) -> int | None:
        """Verify everything that belongs to a leaf; return the time of its event."""
        return stored.ts if self._passes(stored) else self._take_carefully(stored)

    def _passes(self, stored: StoredLeaf) -> bool:
        """Return whether there is nothing at all to say about a leaf; if so, it is taken."""
        _, writer_id, n, leaf, envelope, mac, mac_key = stored[:7]
        newest = self.newest.get(writer_id)
        if newest is None or newest.n + 1 != n or newest.digest is None or envelope is None:
            return False
        if type(mac) is not bytes or type(mac_key) is not str:
            return False
        if not self._rewriting.agrees(stored, newest.digest) or leaf_hash(envelope) != leaf:
            return False
        if self._macs is not None:
            holds = self._macs.holds(envelope, mac, mac_key)
            if holds is False:
                return False
            if holds is None:
                self._count_unchecked(mac_key)
        newest.n, newest.digest, newest.ts = n, sha256(envelope).hexdigest(), stored.ts
        seen = self.seen
        seen.events += 1
        seen.entries += 1
        if stored.data is not None:
            seen.sealed += 1
            self._count_sealed(is_readable=stored.is_readable)
        return True

    def _take_carefully(self, stored: StoredLeaf) -> int | None:
        before = self._findings.count
        if wrong := misfits(stored.leaf):
            self._findings.tampered(f"LEAF {stored.leaf_index} {ODD}: {wrong}")
            stored = stored._replace(**fitted(stored.leaf)[0]._asdict())
        ts = self._found_time(stored)
        if self._findings.count == before:
            self._rewriting.learn(stored)
        return ts

    def _found_time(self, stored: StoredLeaf) -> int | None:
        leaf, row = stored.leaf, stored.row
        place = f"LEAF {leaf.leaf_index} event {leaf.writer_id}/{leaf.n}"
        if row is None:
            self._findings.tampered(f"{place} missing")
            self._follow(place, leaf.writer_id, leaf.n, None, None)
            return None
        computed = leaf_hash(row.envelope)
        if computed != leaf.leaf_hash:
            hashes = f"stored hash {_short(leaf.leaf_hash)} computed {_short(computed)}"
            self._findings.tampered(f"{place} changed: {hashes}")
        reading = self.take_event(place, row, stored.sealed)
        if reading is None:
            return None
        if stored.data is not None:
            self._count_sealed(is_readable=stored.is_readable)
        self._compare_entry(stored, reading)
        return reading.ts

    def take_event(self, place: str, row: EventRow, sealed: SealedRow | None) -> Reading | None:
        """Verify an event, its place in its writer's chain, and its sealed part."""
        self.seen.events += 1
        self.seen.sealed += sealed is not None
        row, wrong = fitted(row)
        if wrong:
            self._findings.tampered(f"{place} {ODD}: {wrong}")
        if self._macs is not None:
            self._check_mac(place, row, self._macs)
        try:
            reading = read_row(row, self._origin)
        except RowInvalid as error:
            self._findings.tampered(f"{place} {error}")
            self._follow(place, row.writer_id, row.n, None, None)
            return None
        self._follow(place, row.writer_id, row.n, reading, sha256(row.envelope).hexdigest())
        self._check_sealed(place, reading, sealed)
        return reading

    def close(self) -> None:
        """Report what was counted only."""
        for root_id, count in sorted(self._unknown_keys.items()):
            text = f"MAC of {count} events not checked: no key {root_id}"
            self._findings.add(Level.INCOMPLETE, text)

    def _follow(
        self, place: str, writer_id: str, n: int, reading: Reading | None, digest: str | None
    ) -> None:
        newest = self.newest.get(writer_id)
        if newest is None:
            newest = NOBODY if self._from_start else Newest(n - 1, None, 0)
        expected = newest.digest
        if n != newest.n + 1:
            expected = None
            self._misplaced(place, writer_id, n, newest.n)
            n = max(n, newest.n)
        if reading is not None and expected is not None and reading.prev != expected:
            self._findings.tampered(f"{place} does not follow the event before it")
        ts = newest.ts if reading is None else reading.ts
        self.newest[writer_id] = Newest(n, digest, ts)

    def _misplaced(self, place: str, writer_id: str, n: int, newest: int) -> None:
        if n <= newest:
            self._findings.tampered(f"{place} comes after n={newest}")
        elif n == newest + 2:
            self._findings.tampered(f"WRITER {writer_id} n={newest + 1} missing")
        else:
            self._findings.tampered(f"WRITER {writer_id} n={newest + 1} to {n - 1} missing")

    def _check_mac(self, place: str, row: EventRow, macs: Macs) -> None:
        holds = macs.holds(row.envelope, row.mac, row.mac_key)
        if holds is False:
            self._findings.tampered(f"{place} MAC does not hold")
        elif holds is None:
            self._count_unchecked(row.mac_key)

    def _count_unchecked(self, mac_key: str) -> None:
        if mac_key in self._unknown_keys or len(self._unknown_keys) < MAX_UNKNOWN:
            self._unknown_keys[mac_key] = self._unknown_keys.get(mac_key, 0) + 1

    def _check_sealed(self, place: str, reading: Reading, sealed: SealedRow | None) -> None:
        named = reading.sealed_hash
        if sealed is None:
            if named is not None:
                self.seen.missing += 1
                self._findings.tampered(f"{place} personal part missing without receipt")
        elif sealed.key_ref != reading.sealed_key or sha256(sealed.data).hexdigest() != named:
            self._findings.tampered(f"{place} personal part changed")

    def _count_sealed(self, *, is_readable: bool) -> None:
        if is_readable:
            self.seen.readable += 1
        else:
            self.seen.erased += 1

    def _compare_entry(self, stored: StoredLeaf, reading: Reading) -> None:
        entry, leaf_index = stored.entry, stored.leaf.leaf_index
        if entry is None:
            self._findings.tampered(f"LEAF {leaf_index} search copy missing")
            return
        self.seen.entries += 1
        expected = reading.entry(leaf_index, entry.type_id)
        if entry == expected and stored.type_name == reading.type_name:
            return
        if entry.event_id == repeated_id(expected.event_id, leaf_index):
            text = f"LEAF {leaf_index} has the id of an older event: {expected.event_id}"
            self._findings.tampered(text)
            expected = expected._replace(event_id=entry.event_id)
        wrong = _differing(entry, expected)
        if stored.type_name != reading.type_name:
            wrong.append("type")
        if wrong:
            self._findings.tampered(f"LEAF {leaf_index} search copy changed: {', '.join(wrong)}")


def _differing(entry: Entry, expected: Entry) -> list[str]:
    pairs = zip(Entry._fields, entry, expected, strict=True)
    return [name for name, stored, due in pairs if stored != due]


def _short(digest: bytes) -> str:
    return f"{digest.hex()[:4]}\u2026"
