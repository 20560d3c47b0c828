"""Data keys: wrapped under the root keys, sealing for one place only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.encryption.keyring import Keyring
from flask_jafsec.encryption.vault import INDEX_BYTES, NONCE_BYTES, SealKey, Vault
from flask_jafsec.errors import KeyUnavailable, SealBroken

OLD, NEW = ("old", b"o" * 32), ("new", b"n" * 32)
REF = "R" * 26


def vault(*roots: tuple[str, bytes], app_id: str = "shop") -> Vault:
    return Vault(Keyring(roots or (OLD,), app_id), app_id)


@given(text=st.binary(), place=st.binary())
def test_what_is_sealed_opens_at_its_place(text: bytes, place: bytes) -> None:
    key = SealKey(bytes(32))

    assert key.open(key.seal(text, place), place) == text


@given(text=st.binary(max_size=40), data=st.data())
def test_a_changed_bit_anywhere_is_found(text: bytes, data: st.DataObject) -> None:
    key = SealKey(bytes(32))
    sealed = bytearray(key.seal(text, b"here"))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8

    with pytest.raises(SealBroken):
        key.open(bytes(sealed), b"here")


@pytest.mark.parametrize("length", [0, 1, NONCE_BYTES - 1, NONCE_BYTES, NONCE_BYTES + 15])
def test_what_was_cut_short_is_found(length: int) -> None:
    key = SealKey(bytes(32))

    with pytest.raises(SealBroken):
        key.open(key.seal(b"", b"here")[:length], b"here")


def test_it_opens_at_no_other_place_and_with_no_other_key() -> None:
    key = SealKey(bytes(32))
    sealed = key.seal(b"secret", b"here")

    with pytest.raises(SealBroken):
        key.open(sealed, b"there")
    with pytest.raises(SealBroken):
        SealKey(bytes(31) + b"\1").open(sealed, b"here")


def test_the_same_text_is_never_sealed_alike() -> None:
    key = SealKey(bytes(32))

    assert len({key.seal(b"secret", b"here") for _ in range(1_000)}) == 1_000


def test_an_index_is_the_same_for_the_same_text_under_the_same_key_only() -> None:
    key = SealKey(bytes(32))

    assert key.index("192.0.2.1") == SealKey(bytes(32)).index("192.0.2.1")
    assert len(key.index("\ud800")) == INDEX_BYTES
    assert key.index("192.0.2.1") != key.index("192.0.2.2")
    assert key.index("192.0.2.1") != SealKey(b"\1" * 32).index("192.0.2.1")


def test_a_key_does_not_show_its_bytes() -> None:
    key = SealKey(b"k" * 32)

    assert "kkkk" not in repr(key)
    assert not hasattr(key, "__dict__")


# -- wrapped keys --


def test_another_process_unwraps_the_same_key() -> None:
    wrapped, root_id, key = vault().make(REF)

    again = vault().unwrap(REF, wrapped, root_id)

    assert again.open(key.seal(b"secret", b"here"), b"here") == b"secret"


def test_every_key_is_another_one() -> None:
    first, second = vault().make(REF)[2], vault().make(REF)[2]

    with pytest.raises(SealBroken):
        second.open(first.seal(b"secret", b"here"), b"here")


def test_a_new_root_key_wraps_and_an_old_one_still_unwraps() -> None:
    wrapped, root_id, key = vault(OLD).make(REF)
    rotated = vault(NEW, OLD)

    again = rotated.unwrap(REF, wrapped, root_id)

    assert again.open(key.seal(b"secret", b"here"), b"here") == b"secret"
    assert rotated.make(REF)[1] == "new"


def test_a_root_key_that_is_gone_is_named() -> None:
    wrapped, root_id, _ = vault(OLD).make(REF)

    with pytest.raises(KeyUnavailable, match="'old'") as raised:
        vault(NEW).unwrap(REF, wrapped, root_id)

    assert raised.value.root_id == "old"


@pytest.mark.parametrize(
    ("other", "ref"),
    [
        pytest.param(vault(("old", b"x" * 32)), REF, id="another root key with the same id"),
        pytest.param(vault(OLD, app_id="other"), REF, id="another application"),
        pytest.param(vault(OLD), "Q" * 26, id="the key of somebody else"),
    ],
)
def test_a_key_is_unwrapped_only_where_it_belongs(other: Vault, ref: str) -> None:
    wrapped, root_id, _ = vault(OLD).make(REF)

    with pytest.raises(SealBroken):
        other.unwrap(ref, wrapped, root_id)


@pytest.mark.parametrize("position", [0, 11, 12, 30, -1])
def test_a_wrapped_key_that_was_changed_is_found(position: int) -> None:
    wrapped, root_id, _ = vault().make(REF)
    changed = bytearray(wrapped)
    changed[position] ^= 1

    with pytest.raises(SealBroken):
        vault().unwrap(REF, bytes(changed), root_id)


@pytest.mark.parametrize("length", [0, 5, 12, 20])
def test_a_wrapped_key_that_was_cut_short_is_found(length: int) -> None:
    wrapped, root_id, _ = vault().make(REF)

    with pytest.raises(SealBroken):
        vault().unwrap(REF, wrapped[:length], root_id)


# -- looking people up --


def test_people_are_looked_up_under_every_root_key_newest_first() -> None:
    ((_, old_index),) = vault(OLD).lookups("ada")

    found = vault(NEW, OLD).lookups("ada")

    assert [root for root, _ in found] == ["new", "old"]
    assert found[1] == ("old", old_index)
    assert found[0][1] != old_index


def test_an_index_says_nothing_without_the_root_key() -> None:
    ((_, index),) = vault(OLD).lookups("ada")

    assert index != vault(("old", b"x" * 32)).lookups("ada")[0][1]
    assert index != vault(OLD, app_id="other").lookups("ada")[0][1]
    assert index != vault(OLD).lookups("bob")[0][1]
