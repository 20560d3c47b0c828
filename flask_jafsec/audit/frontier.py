"""The growing edge of the log's Merkle tree. Proofs and their verification are in ``tree``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from flask_jafsec.errors import InvalidValue

HASH_BYTES: Final = 32

#: The root of a tree without leaves. Source: RFC 9162 section 2.1.1.
EMPTY_ROOT: Final = sha256(b"").digest()

#: Only nodes whose height is a multiple of this are stored: 1/255 of the leaves in rows, and a
#: proof still folds at most 256 hashes of one block. Source: the log's specification, 5.7.
STORED_STEP: Final = 8

#: Sizes stay inside a signed 64-bit column; a frontier then has at most 63 hashes.
MAX_SIZE: Final = 2**63 - 1


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf that holds *data*."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of the node over two hashes."""
    return sha256(b"\x01" + left + right).digest()


def joined(hashes: Sequence[bytes]) -> bytes:
    """Return the root over the roots of perfect subtrees, largest first."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


@dataclass(frozen=True, slots=True)
class Frontier:
    """The roots of the perfect subtrees of a tree, largest first: enough to go on growing it."""

    size: int
    hashes: tuple[bytes, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_SIZE:
            raise InvalidValue("size", f"must be 0 to {MAX_SIZE}")
        if len(self.hashes) != self.size.bit_count():
            raise InvalidValue("hashes", f"a tree of {self.size} has {self.size.bit_count()}")
        if any(len(one) != HASH_BYTES for one in self.hashes):
            raise InvalidValue("hashes", f"each must have {HASH_BYTES} bytes")

    def root(self) -> bytes:
        """Return the root of the tree."""
        return joined(self.hashes)

    def to_bytes(self) -> bytes:
        """Return the hashes one after the other; the size is kept apart."""
        return b"".join(self.hashes)

    @classmethod
    def from_bytes(cls, size: int, raw: bytes) -> Frontier:
        """Return the frontier of a tree of *size*.

        Raises:
            InvalidValue: *raw* has another length than this size needs.
        """
        starts = range(0, len(raw), HASH_BYTES)
        return cls(size, tuple(raw[start : start + HASH_BYTES] for start in starts))


EMPTY_FRONTIER: Final = Frontier(0, ())


class Growth:
    """A tree that grows by one leaf hash after the other, with O(1) hashes a leaf on average.

    ``nodes`` collects (height, index, hash) of every completed node whose height is a multiple
    of 8, in the order of completion.
    """

    __slots__ = ("_edge", "_size", "nodes")

    def __init__(self, frontier: Frontier = EMPTY_FRONTIER) -> None:
        self._edge = list(frontier.hashes)
        self._size = frontier.size
        self.nodes: list[tuple[int, int, bytes]] = []

    def add(self, leaf_hash: bytes) -> None:
        """Append a leaf. Its length is not looked at here: this is the sequencer's inner loop."""
        index = self._size
        edge = self._edge
        self._size = index + 1
        if index & 0xFF == 0xFF:
            self._complete_block(index, leaf_hash)
            return
        while index & 1:
            leaf_hash = sha256(b"\x01" + edge.pop() + leaf_hash).digest()
            index >>= 1
        edge.append(leaf_hash)

    def _complete_block(self, index: int, upper: bytes) -> None:
        height = 0
        while index & 1:
            upper = node_hash(self._edge.pop(), upper)
            index >>= 1
            height += 1
            if height % STORED_STEP == 0:
                self.nodes.append((height, index, upper))
        self._edge.append(upper)

    def frontier(self) -> Frontier:
        """Return the edge as it is now."""
        return Frontier(self._size, tuple(self._edge))
