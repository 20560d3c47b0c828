"""Proofs over the log's Merkle tree and their verification; it grows in ``frontier``.

Nothing is stored here. The tree is that of RFC 9162 section 2.1 over SHA-256.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from flask_jafsec.audit.frontier import (
    EMPTY_FRONTIER,
    EMPTY_ROOT,
    HASH_BYTES,
    MAX_SIZE,
    STORED_STEP,
    Frontier,
    Growth,
    joined,
    leaf_hash,
    node_hash,
)
from flask_jafsec.errors import InvalidValue, JafsecError

__all__ = [
    "BLOCK",
    "EMPTY_FRONTIER",
    "EMPTY_ROOT",
    "HASH_BYTES",
    "MAX_SIZE",
    "STORED_STEP",
    "Frontier",
    "Growth",
    "MissingLeaves",
    "Nodes",
    "ProofInvalid",
    "consistency_proof",
    "frontier_at",
    "inclusion_proof",
    "leaf_hash",
    "node_hash",
    "root_at",
    "verify_consistency",
    "verify_inclusion",
]

#: Entries of one stored level under one entry of the next.
BLOCK: Final = 1 << STORED_STEP


class ProofInvalid(JafsecError):
    """A proof does not show what it claims. The message says what was found."""

    code = "proof_invalid"


class MissingLeaves(JafsecError):
    """Hashes that a proof needs are not stored (any more): leaves when ``height`` is 0."""

    code = "leaves_missing"

    def __init__(self, first: int, count: int, height: int = 0) -> None:
        self.first = first
        self.count = count
        self.height = height
        what = "leaves" if height == 0 else f"nodes of height {height}"
        super().__init__(f"{what} {first} to {first + count - 1} are not all stored")


class Nodes(Protocol):
    """Where the hashes of a log are read. Both give exactly *count*, or raise MissingLeaves."""

    def leaves(self, first: int, count: int) -> Sequence[bytes]:
        """Return the hashes of *count* leaves from *first* on."""
        ...

    def nodes(self, height: int, first: int, count: int) -> Sequence[bytes]:
        """Return *count* nodes from index *first* on; *height* is 8, 16, 24, ..."""
        ...


def frontier_at(size: int, source: Nodes) -> Frontier:
    """Return the frontier that the tree had at *size*, from stored hashes alone."""
    reader = _Reader(source, size)
    return Frontier(size, tuple(reader.perfect(*node) for node in _perfect_nodes(0, size)))


def root_at(size: int, source: Nodes) -> bytes:
    """Return the root that the tree had at *size*, from stored hashes alone."""
    return frontier_at(size, source).root()


def inclusion_proof(leaf_index: int, size: int, source: Nodes) -> list[bytes]:
    """Return the hashes that lead from a leaf to the root of the tree of *size*, lowest first.

    Reads at most two blocks of 256 a stored level: the leaf's own and the last.

    Source: RFC 9162 section 2.1.3.1.
    """
    if not 0 <= leaf_index < size:
        raise InvalidValue("leaf_index", f"the tree has {size} leaves")
    reader = _Reader(source, size)
    first, end, path = 0, size, []
    while end - first > 1:
        middle = first + _left_part(end - first)
        if leaf_index < middle:
            path.append(reader.span(middle, end))
            end = middle
        else:
            path.append(reader.span(first, middle))
            first = middle
    return path[::-1]


def consistency_proof(old_size: int, new_size: int, source: Nodes) -> list[bytes]:
    """Return the hashes that show the tree of *old_size* to be the beginning of the newer one.

    Empty when the sizes are equal or the old tree was empty: there is nothing to show. Reads at
    most two blocks of 256 a stored level: where the old tree ended and where the new one ends.

    Source: RFC 9162 section 2.1.4.1.
    """
    if not 0 <= old_size <= new_size:
        raise InvalidValue("old_size", f"must be 0 to {new_size}")
    if old_size == 0:
        return []
    reader = _Reader(source, new_size)
    first, end, path = 0, new_size, []
    while old_size < end:
        middle = first + _left_part(end - first)
        if old_size <= middle:
            path.append(reader.span(middle, end))
            end = middle
        else:
            path.append(reader.span(first, middle))
            first = middle
    if first:  # otherwise the old tree is this very subtree, and the verifier has its root
        path.append(reader.span(first, end))
    return path[::-1]


def verify_inclusion(
    leaf_hash: bytes, leaf_index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Return if the tree of *size* and *root* has *leaf_hash* at *leaf_index*.

    Raises:
        ProofInvalid: It is not shown: another leaf, place, size or root, or a wrong length.

    Source: RFC 9162 section 2.1.3.2.
    """
    if not 0 <= leaf_index < size:
        raise ProofInvalid(f"leaf {leaf_index} is not in a tree of {size}")
    _check_lengths(leaf_hash, root, *proof)
    here, last, reached = leaf_index, size - 1, leaf_hash
    for sibling in proof:
        if last == 0:
            raise ProofInvalid("the proof is too long")
        if here & 1 or here == last:
            reached = node_hash(sibling, reached)
            here, last = _climbed(here, last)
        else:
            reached = node_hash(reached, sibling)
        here, last = here >> 1, last >> 1
    if last:
        raise ProofInvalid("the proof is too short")
    if reached != root:
        raise ProofInvalid("the proof leads to another root")


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Return if the tree of *old_size* and *old_root* is the beginning of the newer one.

    Raises:
        ProofInvalid: It is not shown: something was changed, removed or cut, or a wrong length.

    Source: RFC 9162 section 2.1.4.2.
    """
    if not 0 <= old_size <= new_size:
        raise ProofInvalid(f"a tree of {old_size} is not older than one of {new_size}")
    _check_lengths(old_root, new_root, *proof)
    if old_size in (0, new_size):
        if proof:
            raise ProofInvalid("the proof is too long")
        if old_root != (new_root if old_size == new_size else EMPTY_ROOT):
            raise ProofInvalid(f"the root at {old_size} is another one")
        return
    _verify_growth(old_size, old_root, new_size, new_root, proof)


def _verify_growth(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    path = [old_root, *proof] if old_size.bit_count() == 1 else list(proof)
    if not proof:
        raise ProofInvalid("the proof is too short")
    here, last = old_size - 1, new_size - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofInvalid("the proof is too long")
        if here & 1 or here == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            here, last = _climbed(here, last)
        else:
            new = node_hash(new, sibling)
        here, last = here >> 1, last >> 1
    if last:
        raise ProofInvalid("the proof is too short")
    if old != old_root or new != new_root:
        raise ProofInvalid("the proof leads to other roots")


def _climbed(here: int, last: int) -> tuple[int, int]:
    # Levels where this node has no sibling: it is passed up unchanged.
    while here and not here & 1:
        here, last = here >> 1, last >> 1
    return here, last


def _check_lengths(*hashes: bytes) -> None:
    # Without this, bytes could be moved from one hash to the next one: their concatenation,
    # which is what gets hashed, would stay the same.
    if any(len(one) != HASH_BYTES for one in hashes):
        raise ProofInvalid(f"every hash must have {HASH_BYTES} bytes")


def _left_part(count: int) -> int:
    return 1 << ((count - 1).bit_length() - 1)


def _perfect_nodes(first: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield (height, index) of the perfect subtrees that make up one subtree, left to right."""
    for height in range((end - first).bit_length() - 1, -1, -1):
        if (end - first) >> height & 1:
            yield height, first >> height
            first += 1 << height


class _Reader:
    """Hashes of the tree of one size; every stored block is read at most once."""

    def __init__(self, source: Nodes, size: int) -> None:
        self._source = source
        self._size = size
        self._blocks: dict[tuple[int, int], Sequence[bytes]] = {}

    def span(self, first: int, end: int) -> bytes:
        """Return the hash over the leaves of one subtree, which may be imperfect."""
        return joined([self.perfect(*node) for node in _perfect_nodes(first, end)])

    def perfect(self, height: int, index: int) -> bytes:
        """Return a node all of whose leaves exist, folded from the stored level below it."""
        level = height - height % STORED_STEP
        width = 1 << (height - level)
        start = index * width
        block = self._block(level, start // BLOCK)
        folded = block[start % BLOCK : start % BLOCK + width]
        while len(folded) > 1:
            pairs = zip(folded[::2], folded[1::2], strict=True)
            folded = [node_hash(left, right) for left, right in pairs]
        return folded[0]

    def _block(self, level: int, number: int) -> Sequence[bytes]:
        known = self._blocks.get((level, number))
        if known is not None:
            return known
        first = number * BLOCK
        count = min(BLOCK, (self._size >> level) - first)
        if level == 0:
            read = self._source.leaves(first, count)
        else:
            read = self._source.nodes(level, first, count)
        if len(read) != count or any(len(one) != HASH_BYTES for one in read):
            raise MissingLeaves(first, count, level)
        self._blocks[level, number] = read
        return read
