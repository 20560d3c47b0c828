"""Trees small enough to be computed by definition, and a log that signs and exports itself."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from hashlib import sha256

from flask_jafsec.audit.notes import Checkpoint, NoteSigner, checkpoint_text, signed_note
from flask_jafsec.audit.proofs import (
    ConsistencyProof,
    TlogProof,
    format_consistency,
    format_proof,
)
from flask_jafsec.audit.tree import (
    Growth,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_at,
)

ORIGIN = "example.com/shop/audit/1"
SIGNER = NoteSigner(ORIGIN, bytes(range(32)))
OTHER = NoteSigner("example.com/other/audit/1", bytes(range(1, 33)))


class Stored:
    """Hashes as the log's tables keep them: leaves, and nodes of height 8, 16, 24 only."""

    def __init__(self, hashes: Sequence[bytes]) -> None:
        growth = Growth()
        self.roots = [growth.frontier().root()]
        for one in hashes:
            growth.add(one)
            if len(hashes) < 2000:
                self.roots.append(growth.frontier().root())
        self.frontier = growth.frontier()
        self.hashes = list(hashes)
        self.levels: dict[int, list[bytes]] = {}
        for height, index, node in growth.nodes:
            level = self.levels.setdefault(height, [])
            assert height % 8 == 0
            assert index == len(level)
            level.append(node)
        self.reads: list[tuple[int, int]] = []

    def leaves(self, first: int, count: int) -> Sequence[bytes]:
        self.reads.append((0, count))
        return self.hashes[first : first + count]

    def nodes(self, height: int, first: int, count: int) -> Sequence[bytes]:
        self.reads.append((height, count))
        return self.levels.get(height, [])[first : first + count]


def numbered(count: int) -> list[bytes]:
    """Return *count* different leaf hashes."""
    return [leaf_hash(str(number).encode()) for number in range(count)]


class ExportedLog:
    """A log of three writers whose events follow each other in turn."""

    def __init__(self, count: int, signer: NoteSigner = SIGNER) -> None:
        self.signer = signer
        self.envelopes: list[bytes] = []
        newest: dict[str, bytes] = {}
        for leaf in range(count):
            writer, n = f"{'abc'[leaf % 3] * 16}", leaf // 3 + 1
            previous = newest.get(writer)
            prev = sha256(previous).hexdigest() if previous else "0" * 64
            newest[writer] = envelope(writer, n, prev, self.signer.name)
            self.envelopes.append(newest[writer])

    def stored(self) -> Stored:
        return Stored([leaf_hash(one) for one in self.envelopes])

    def note(self, size: int) -> str:
        root = root_at(size, self.stored())
        return signed_note(checkpoint_text(Checkpoint(self.signer.name, size, root)), [self.signer])

    def proof(self, index: int, size: int) -> str:
        hashes = tuple(inclusion_proof(index, size, self.stored()))
        return format_proof(TlogProof(index, hashes, self.note(size), self.envelopes[index]))

    def consistency(self, old: int, new: int) -> str:
        hashes = tuple(consistency_proof(old, new, self.stored()))
        return format_consistency(ConsistencyProof(hashes, self.note(old), self.note(new)))

    def lines(self, first: int = 0, end: int | None = None, signed: int | None = None) -> list[str]:
        """Return the lines of the exported file; the first one is the header."""
        end = len(self.envelopes) if end is None else end
        note = self.note(len(self.envelopes) if signed is None else signed)
        header: dict[str, object] = {"format": "flask-jafsec/log@v1", "origin": self.signer.name}
        header |= {"first": first, "size": end, "checkpoint": note}
        return [json.dumps(header), *(self.line(leaf) for leaf in range(first, end))]

    def line(self, leaf: int) -> str:
        event = json.loads(self.envelopes[leaf])
        encoded = base64.b64encode(self.envelopes[leaf]).decode()
        values = {"leaf": leaf, "w": event["w"], "n": event["n"], "e": encoded}
        return json.dumps(values | {"h": leaf_hash(self.envelopes[leaf]).hex()})


def envelope(writer: str, n: int, prev: str, log: str = ORIGIN, **more: object) -> bytes:
    """Return the canonical bytes of an event."""
    event = {"id": f"{writer}/{n}", "log": log, "n": n, "prev": prev, "type": "auth.token.rejected"}
    event |= {"ts": "2026-11-22T17:40:00.123456Z", "w": writer} | more
    return json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
