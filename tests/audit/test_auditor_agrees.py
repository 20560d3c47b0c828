"""What the auditor's single file says a second time agrees with the package and with others."""

from __future__ import annotations

import base64
from hashlib import sha256, sha512

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.audit import auditor, note_keys
from flask_jafsec.audit.notes import NoteInvalid, NoteVerifier, open_checkpoint
from flask_jafsec.audit.tree import (
    ProofInvalid,
    consistency_proof,
    inclusion_proof,
    verify_consistency,
    verify_inclusion,
)
from flask_jafsec.errors import JafsecError
from tests.audit.tree_setting import OTHER, SIGNER, ExportedLog, Stored, numbered

LEAVES = numbered(40)
STORED = Stored(LEAVES)
NOTE = ExportedLog(9).note(9)
KEYS = [SIGNER.verifier_key, OTHER.verifier_key]

#: RFC 8032 section 7.1: seed, public key, message, signature.
RFC_8032 = [
    pytest.param(
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        b"",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555f"
        "b8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        id="TEST 1",
    ),
    pytest.param(
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        b"\x72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da08"
        "5ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        id="TEST 2",
    ),
    pytest.param(
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        b"\xaf\x82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18"
        "ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        id="TEST 3",
    ),
    pytest.param(
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        sha512(b"abc").digest(),
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909"
        "351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
        id="TEST SHA(abc)",
    ),
]


def others_verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Return what cryptography says."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def ours_verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Return what the auditor's file says."""
    try:
        return auditor.signature_holds(public, message, signature)
    except ValueError:
        return False


def flipped(raw: bytes, bit: int) -> bytes:
    """Return *raw* with one bit changed, counted round it."""
    return (int.from_bytes(raw, "big") ^ 1 << bit % (8 * len(raw))).to_bytes(len(raw), "big")


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_the_vectors_of_the_rfc_verify(
    seed: str, public: str, message: bytes, signature: str
) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))

    assert key.public_key().public_bytes_raw().hex() == public
    assert key.sign(message).hex() == signature
    assert ours_verify(bytes.fromhex(public), message, bytes.fromhex(signature))


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=1), st.integers(0, 511))
def test_signatures_and_their_bent_copies_are_judged_alike(
    seed: bytes, message: bytes, bit: int
) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)

    assert ours_verify(public, message, signature)
    for bent in (
        (flipped(public, bit), message, signature),
        (public, flipped(message, bit), signature),
        (public, message, flipped(signature, bit)),
        (public, message, signature[:-1]),
        (public, message, signature + b"\x00"),
    ):
        assert ours_verify(*bent) is others_verify(*bent) is False


@given(*[st.binary(min_size=size, max_size=size) for size in (32, 8, 64)])
def test_noise_is_no_signature(public: bytes, message: bytes, signature: bytes) -> None:
    assert ours_verify(public, message, signature) is others_verify(public, message, signature)


@given(st.binary(max_size=40))
def test_a_signature_cannot_be_given_a_second_form(message: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    s = int.from_bytes(signature[32:], "little")

    for multiple in range(1, 16):
        if s + multiple * auditor.L < 2**256:
            second = signature[:32] + (s + multiple * auditor.L).to_bytes(32, "little")
            assert not ours_verify(public, message, second)
            assert not others_verify(public, message, second)


@pytest.mark.parametrize("y", [*range(2**255 - 19, 2**255)])
def test_a_point_has_one_form(y: int) -> None:
    for sign in (0, 1 << 255):
        with pytest.raises(ValueError, match="point"):
            auditor.point((y | sign).to_bytes(32, "little"))


def test_a_point_without_a_sign_has_no_negative_form() -> None:
    for y in (1, auditor.P - 1):
        assert auditor.point(y.to_bytes(32, "little"))[0] == 0
        with pytest.raises(ValueError, match="point"):
            auditor.point((y | 1 << 255).to_bytes(32, "little"))


def small_order_points() -> set[bytes]:
    """Return the y of all points whose eightfold is neutral, by killing the large part of many."""
    found = set()
    for y in range(60):
        try:
            one = auditor.point(y.to_bytes(32, "little"))
        except ValueError:
            continue
        total = auditor.NEUTRAL
        for bit in f"{auditor.L:b}":
            total = auditor.add(total, total)
            total = auditor.add(total, one) if bit == "1" else total
        found.add((total[1] * pow(total[2], -1, auditor.P) % auditor.P).to_bytes(32, "little"))
    return found


def test_keys_that_anybody_can_sign_for_are_exactly_those_of_small_order() -> None:
    found = small_order_points()

    assert found == note_keys._SMALL_ORDER
    for public in found:
        vkey = "a+" + sha256(b"a\n\x01" + public).hexdigest()[:8] + "+"
        vkey += base64.b64encode(b"\x01" + public).decode()
        with pytest.raises(ValueError, match="proper"):
            auditor.read_key(vkey)


@given(st.data())
def test_inclusion_is_judged_alike(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 40))
    index, claimed = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, 45))
    root, leaf = STORED.roots[size], LEAVES[data.draw(st.sampled_from([index, 0]))]
    path = inclusion_proof(index, size, STORED)
    path = data.draw(st.sampled_from([path, path[:-1], path[1:], [*path, root], path[::-1]]))
    place = data.draw(st.sampled_from([index, claimed]))

    try:
        verify_inclusion(leaf, place, size, path, root)
    except ProofInvalid:
        expected = False
    else:
        expected = True

    assert auditor_includes(leaf, place, size, path, root) is expected


def auditor_includes(leaf: bytes, index: int, size: int, path: list[bytes], root: bytes) -> bool:
    rest = path[:]
    try:
        return (
            index < size
            and auditor._climb(index + 1, size, rest, leaf, True)[1] == root
            and not rest
        )
    except IndexError:
        return False


@given(st.data())
def test_consistency_is_judged_alike(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, 40))
    old, other = data.draw(st.integers(1, new)), data.draw(st.integers(1, new))
    path = consistency_proof(old, new, STORED)
    path = data.draw(st.sampled_from([path, path[:-1], path[1:], [*path, LEAVES[0]], path[::-1]]))
    claimed = data.draw(st.sampled_from([old, other]))
    old_root, root = STORED.roots[claimed], STORED.roots[new]

    try:
        verify_consistency(claimed, old_root, new, root, path)
    except ProofInvalid:
        expected = False
    else:
        expected = True

    rest = path[:]
    try:
        found = auditor._climb(claimed, new, rest, old_root, False) == (old_root, root)
    except IndexError:
        found = False
    assert (found and not rest) is expected


@given(
    st.integers(0, len(NOTE)),
    st.integers(0, 4),
    st.text("\u2014 \n+=A/a5\x00\x7f\u2003\ud800", max_size=4)
    | st.sampled_from(["", OTHER.sign("x\n")]),
)
def test_notes_are_judged_alike(at: int, removed: int, inserted: str) -> None:
    note = NOTE[:at] + inserted + NOTE[at + removed :]

    try:
        expected = open_checkpoint(note, map(NoteVerifier.from_vkey, KEYS))
    except NoteInvalid:
        expected = None
    try:
        found = auditor.open_checkpoint(note, [auditor.read_key(key) for key in KEYS])
    except (auditor.Problem, ValueError):
        found = None

    assert found == (expected and (expected.origin, expected.size, expected.root))


@pytest.mark.parametrize(("length", "opens"), [(100, True), (40_000, False)])
def test_notes_of_any_length_are_judged_alike(length: int, opens: bool) -> None:
    note = NOTE + f"\u2014 {'w' * length} AAAAAAAA\n" * 2

    for tried in (
        lambda: open_checkpoint(note, map(NoteVerifier.from_vkey, KEYS)),
        lambda: auditor.open_checkpoint(note, [auditor.read_key(key) for key in KEYS]),
    ):
        if opens:
            assert tried()
        else:
            with pytest.raises((NoteInvalid, ValueError)):
                tried()


@given(st.integers(0, len(KEYS[0])), st.integers(0, 2), st.text("+ \n=A/a5\x00", max_size=2))
def test_verifier_keys_are_judged_alike(at: int, removed: int, inserted: str) -> None:
    text = KEYS[0][:at] + inserted + KEYS[0][at + removed :]

    try:
        one = NoteVerifier.from_vkey(text)
        expected = (one.name, one.key_id, one.public)
    except JafsecError:
        expected = None
    try:
        found = auditor.read_key(text)
    except ValueError:
        found = None

    assert found == expected
