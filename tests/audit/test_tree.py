"""The tree against its definition in RFC 9162, and against whoever bends its proofs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.audit.tree import (
    EMPTY_FRONTIER,
    EMPTY_ROOT,
    Frontier,
    Growth,
    MissingLeaves,
    ProofInvalid,
    consistency_proof,
    frontier_at,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_at,
    verify_consistency,
    verify_inclusion,
)
from flask_jafsec.errors import InvalidValue
from tests.audit.tree_setting import Stored, numbered

VECTORS = Path(__file__).parent.parent / "vectors" / "merkle" / "reference_tree.json"
REFERENCE = json.loads(VECTORS.read_text())
SMALL = 70
LEAVES = numbered(SMALL)


def split(count: int) -> int:
    """Return the largest power of two below *count*."""
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """Return MTH(D_n), word for word as in RFC 9162 section 2.1.1."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return node_hash(naive_root(leaves[:k]), naive_root(leaves[k:]))


def naive_path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return PATH(m, D_n), section 2.1.3.1."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_subproof(m: int, leaves: Sequence[bytes], *, whole: bool) -> list[bytes]:
    """Return SUBPROOF(m, D_n, b), section 2.1.4.1."""
    if m == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*naive_subproof(m, leaves[:k], whole=whole), naive_root(leaves[k:])]
    return [*naive_subproof(m - k, leaves[k:], whole=False), naive_root(leaves[:k])]


def flipped(raw: bytes, bit: int) -> bytes:
    """Return *raw* with one bit changed."""
    return (int.from_bytes(raw, "big") ^ 1 << bit).to_bytes(len(raw), "big")


@pytest.mark.parametrize("size", range(9))
def test_the_reference_roots_come_out(size: int) -> None:
    growth = Growth()
    for leaf in REFERENCE["leaves_hex"][:size]:
        growth.add(leaf_hash(bytes.fromhex(leaf)))

    assert growth.frontier().root().hex() == REFERENCE["roots_hex_by_size"][size]


@pytest.mark.parametrize("size", range(SMALL + 1))
def test_every_small_tree_and_its_proofs_are_as_the_rfc_defines(size: int) -> None:
    source = Stored(LEAVES[:size])
    root = naive_root(LEAVES[:size])

    assert root_at(size, source) == source.frontier.root() == root
    for index in range(size):
        proof = inclusion_proof(index, size, source)
        assert proof == naive_path(index, LEAVES[:size])
        verify_inclusion(LEAVES[index], index, size, proof, root)
    for old in range(1, size + 1):
        proof = consistency_proof(old, size, source)
        assert proof == naive_subproof(old, LEAVES[:size], whole=True)
        verify_consistency(old, naive_root(LEAVES[:old]), size, root, proof)


def test_an_empty_log_is_the_beginning_of_every_log() -> None:
    source = Stored(LEAVES)

    assert consistency_proof(0, SMALL, source) == []
    verify_consistency(0, EMPTY_ROOT, SMALL, naive_root(LEAVES), [])
    with pytest.raises(ProofInvalid):
        verify_consistency(0, leaf_hash(b""), SMALL, naive_root(LEAVES), [])


@pytest.mark.parametrize("size", [255, 256, 257, 511, 512, 513, 1000, 65_535, 65_536, 66_000])
def test_stored_nodes_of_every_eighth_height_are_enough(size: int) -> None:
    source = Stored(numbered(size))
    root = source.frontier.root()

    assert frontier_at(size, source) == source.frontier
    for index in {0, 1, 254, size // 2, size - 2, size - 1}:
        proof = inclusion_proof(index, size, source)
        verify_inclusion(source.hashes[index], index, size, proof, root)
    for old in {1, 254, 255, size // 2, size - 1, size}:
        proof = consistency_proof(old, size, source)
        verify_consistency(old, root_at(old, source), size, root, proof)


def test_old_roots_can_be_computed_again_from_what_is_stored() -> None:
    source = Stored(numbered(1100))

    assert [root_at(size, source) for size in range(1101)] == source.roots


def test_a_proof_reads_at_most_two_blocks_of_a_level() -> None:
    source = Stored(numbered(66_000))

    for make in (inclusion_proof, consistency_proof):
        source.reads.clear()
        make(33_333, 65_999, source)
        assert all(count <= 256 for _, count in source.reads)
        assert all([h for h, _ in source.reads].count(height) <= 2 for height in (0, 8, 16))


def test_proofs_outlive_the_leaves_of_a_pruned_beginning() -> None:
    source = Stored(numbered(1000))
    kept = source.hashes[:]
    source.hashes[:512] = [b""] * 512

    proof = inclusion_proof(700, 1000, source)

    verify_inclusion(kept[700], 700, 1000, proof, source.frontier.root())
    with pytest.raises(MissingLeaves) as raised:
        inclusion_proof(3, 1000, source)
    assert (raised.value.first, raised.value.count, raised.value.height) == (0, 256, 0)


def test_a_source_that_gives_too_little_is_found_out() -> None:
    source = Stored(numbered(600))
    del source.levels[8][1:]

    with pytest.raises(MissingLeaves, match="nodes of height 8 0 to 1 are not all stored"):
        root_at(600, source)


@pytest.mark.parametrize(("index", "size"), [(0, 2), (5, 13), (12, 13), (7, 8), (63, 70)])
def test_no_bit_of_an_inclusion_proof_can_be_changed(index: int, size: int) -> None:
    proof = inclusion_proof(index, size, Stored(LEAVES[:size]))
    root = naive_root(LEAVES[:size])

    for bit in range(256):
        for at, one in enumerate(proof):
            bent = [*proof[:at], flipped(one, bit), *proof[at + 1 :]]
            with pytest.raises(ProofInvalid):
                verify_inclusion(LEAVES[index], index, size, bent, root)
        with pytest.raises(ProofInvalid):
            verify_inclusion(flipped(LEAVES[index], bit), index, size, proof, root)
        with pytest.raises(ProofInvalid):
            verify_inclusion(LEAVES[index], index, size, proof, flipped(root, bit))


@pytest.mark.parametrize(("old", "new"), [(1, 2), (5, 13), (8, 13), (12, 13), (64, 70), (13, 13)])
def test_no_bit_of_a_consistency_proof_can_be_changed(old: int, new: int) -> None:
    proof = consistency_proof(old, new, Stored(LEAVES[:new]))
    old_root, new_root = naive_root(LEAVES[:old]), naive_root(LEAVES[:new])

    for bit in range(256):
        for at, one in enumerate(proof):
            bent = [*proof[:at], flipped(one, bit), *proof[at + 1 :]]
            with pytest.raises(ProofInvalid):
                verify_consistency(old, old_root, new, new_root, bent)
        with pytest.raises(ProofInvalid):
            verify_consistency(old, flipped(old_root, bit), new, new_root, proof)
        with pytest.raises(ProofInvalid):
            verify_consistency(old, old_root, new, flipped(new_root, bit), proof)


@pytest.mark.parametrize("size", range(1, 20))
def test_a_proof_is_for_one_leaf_at_one_place(size: int) -> None:
    source, root = Stored(LEAVES[:size]), naive_root(LEAVES[:size])

    for index in range(size):
        proof = inclusion_proof(index, size, source)
        for place in {*range(size + 1), -1} - {index}:
            with pytest.raises(ProofInvalid):
                verify_inclusion(LEAVES[index], place, size, proof, root)


@pytest.mark.parametrize("size", range(1, 20))
def test_a_proof_has_one_length(size: int) -> None:
    source, root = Stored(LEAVES[:size]), naive_root(LEAVES[:size])

    for index in range(size):
        proof = inclusion_proof(index, size, source)
        for bent in (
            (proof[:-1], proof[1:], [*proof, root], [*proof, proof[-1][:31]])
            if proof
            else ([root],)
        ):
            with pytest.raises(ProofInvalid):
                verify_inclusion(LEAVES[index], index, size, bent, root)
    for old in range(1, size + 1):
        proof = consistency_proof(old, size, source)
        for bent in (proof[:-1], proof[1:], [*proof, root]) if proof else ([root],):
            with pytest.raises(ProofInvalid):
                verify_consistency(old, naive_root(LEAVES[:old]), size, root, bent)


def test_a_path_that_goes_on_above_the_root_is_too_long() -> None:
    with pytest.raises(ProofInvalid, match="too long"):
        verify_inclusion(LEAVES[0], 0, 1, [LEAVES[1]], LEAVES[0])
    with pytest.raises(ProofInvalid, match="too long"):
        verify_consistency(1, LEAVES[0], 2, naive_root(LEAVES[:2]), LEAVES[1:3])


def test_bytes_cannot_be_moved_from_one_hash_to_the_next() -> None:
    proof = inclusion_proof(0, 2, Stored(LEAVES[:2]))
    joined = LEAVES[0] + proof[0]

    with pytest.raises(ProofInvalid, match="32 bytes"):
        verify_inclusion(joined[:31], 0, 2, [joined[31:]], naive_root(LEAVES[:2]))


def test_an_inner_node_cannot_pass_for_a_leaf() -> None:
    inner = LEAVES[0] + LEAVES[1]

    assert leaf_hash(inner) != node_hash(LEAVES[0], LEAVES[1])


def test_a_changed_past_has_no_consistency_proof() -> None:
    changed = [*LEAVES[:3], leaf_hash(b"changed"), *LEAVES[4:]]
    proof = consistency_proof(30, SMALL, Stored(changed))

    with pytest.raises(ProofInvalid):
        verify_consistency(30, naive_root(LEAVES[:30]), SMALL, naive_root(changed), proof)


def test_a_shorter_log_cannot_pass_for_a_newer_one() -> None:
    with pytest.raises(ProofInvalid):
        verify_consistency(9, naive_root(LEAVES[:9]), 8, naive_root(LEAVES[:8]), [])


@given(st.integers(0, 600), st.integers(0, 600))
def test_growth_goes_on_from_a_stored_frontier(before: int, after: int) -> None:
    hashes = numbered(before + after)
    first = Growth()
    for one in hashes[:before]:
        first.add(one)
    kept = first.frontier()

    second = Growth(Frontier.from_bytes(kept.size, kept.to_bytes()))
    for one in hashes[before:]:
        second.add(one)

    whole = Stored(hashes)
    assert second.frontier() == whole.frontier
    assert [node for _, _, node in first.nodes + second.nodes] == whole.levels.get(8, [])


@pytest.mark.parametrize(("size", "length"), [(0, 32), (1, 0), (1, 31), (3, 32), (4, 64), (-1, 0)])
def test_a_frontier_of_the_wrong_length_is_refused(size: int, length: int) -> None:
    with pytest.raises(InvalidValue):
        Frontier.from_bytes(size, bytes(length))


def test_an_empty_frontier_has_the_empty_root() -> None:
    assert EMPTY_FRONTIER.root() == EMPTY_ROOT
    assert EMPTY_FRONTIER.to_bytes() == b""


@pytest.mark.parametrize(("index", "size"), [(-1, 5), (5, 5), (0, 0)])
def test_there_is_no_proof_of_a_leaf_outside(index: int, size: int) -> None:
    with pytest.raises(InvalidValue):
        inclusion_proof(index, size, Stored(LEAVES))


def test_there_is_no_proof_towards_a_smaller_tree() -> None:
    with pytest.raises(InvalidValue):
        consistency_proof(6, 5, Stored(LEAVES))
