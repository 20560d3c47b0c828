"""Keys derived from root keys: fixed vectors, an independent HKDF, and what must differ."""

import hashlib
import hmac
import threading
import traceback

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from flask_jafsec.encryption.keyring import MAX_REMEMBERED, SALT, Keyring, Purpose
from flask_jafsec.errors import InvalidValue
from flask_jafsec.protocols import Derive

OLD = bytes(range(32))
NEW = bytes(range(100, 132))

purposes = st.sampled_from(Purpose)
contexts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
app_ids = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
materials = st.binary(min_size=32, max_size=64)


def ring(app_id: str = "shop") -> Keyring:
    return Keyring([("r2", NEW), ("r1", OLD)], app_id)


def hkdf_by_hand(root: bytes, info: bytes) -> bytes:
    """RFC 5869 for one block of output, written from the text of the RFC."""
    extracted = hmac.new(SALT, root, hashlib.sha256).digest()
    return hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()


@pytest.mark.parametrize(
    ("purpose", "root_id", "context", "expected"),
    [
        pytest.param(
            Purpose.KEK,
            "r1",
            "",
            "e86b845fc90a0ac1d9608e5ddd8ad5541c84eb28fe52941cd3d1dbe07b88e19a",
            id="kek of r1",
        ),
        pytest.param(
            Purpose.TOKEN_HS,
            "r1",
            "",
            "7cf425f20cc8432af784d5a4bde4894f6faae5f893a275ab43a7ed206f16e6d6",
            id="token-hs of r1",
        ),
        pytest.param(
            Purpose.TOKEN_HS,
            "r2",
            "",
            "8b85b6fb1ac7fcae3bae6cfe6b97cf8e0c98a2f8c5d081589cf70e204e8c85fe",
            id="token-hs of r2",
        ),
        pytest.param(
            Purpose.APIKEY_INDEX,
            "r1",
            "tenant-7",
            "5e808a0d49d7bde91925aa2ca5bba630d764207cfb59ad3e5e7efc93e6d967ce",
            id="apikey-index of r1, with a context",
        ),
        pytest.param(
            Purpose.CURSOR,
            "r2",
            "übersicht",
            "0d84b5eea88dc9f90fa30ddb7adae39d2c7551702eaa4822eced21384a3d2400",
            id="cursor of r2, with a context",
        ),
    ],
)
def test_a_derived_key_never_changes(
    purpose: Purpose, root_id: str, context: str, expected: str
) -> None:
    derived = ring().derive(purpose, root_id, context)

    assert derived.hex() == expected


@given(root=materials, purpose=purposes, app_id=app_ids, context=contexts)
def test_derivation_is_hkdf_sha256_of_purpose_app_id_and_context(
    root: bytes, purpose: Purpose, app_id: str, context: str
) -> None:
    derived = Keyring([("r1", root)], app_id).derive(purpose, "r1", context)

    info = purpose.value.encode() + b"\0" + app_id.encode() + b"\0" + context.encode()
    assert derived == hkdf_by_hand(root, info)


Place = tuple[bytes, Purpose, str, str]
places = st.tuples(materials, purposes, app_ids, contexts)


@given(one=places, other=places)
def test_another_root_purpose_app_id_or_context_gives_another_key(one: Place, other: Place) -> None:
    assume(one != other)

    keys = {
        Keyring([("r1", root)], app_id).derive(purpose, "r1", context)
        for root, purpose, app_id, context in (one, other)
    }

    assert len(keys) == 2


@given(place=places, also=contexts)
def test_changing_only_one_part_gives_another_key(place: Place, also: str) -> None:
    root, purpose, app_id, context = place
    assume(context != also)
    keyring = Keyring([("r1", root)], app_id)

    by_context = {keyring.derive(purpose, "r1", text) for text in (context, also)}
    by_purpose = {keyring.derive(each, "r1", context) for each in Purpose}
    by_app = {
        Keyring([("r1", root)], name).derive(purpose, "r1") for name in (app_id, app_id + "2")
    }

    assert (len(by_context), len(by_purpose), len(by_app)) == (2, len(Purpose), 2)


def test_the_separator_cannot_be_smuggled_in_through_the_app_id() -> None:
    # "a" with context "b\0c" and "a\0b" with context "c" would be the same bytes.
    with pytest.raises(InvalidValue):
        Keyring([("r1", OLD)], "a\0b")


def test_the_purposes_are_exactly_these() -> None:
    assert {purpose.value for purpose in Purpose} == {
        "apikey-index",
        "audit-ed25519",
        "audit-mac",
        "csrf",
        "cursor",
        "kek",
        "limiter-key",
        "refresh-index",
        "session",
        "signing-wrap",
        "subject-index",
        "token-hs",
    }


def test_a_purpose_may_be_given_as_its_text() -> None:
    assert ring().derive("csrf", "r1") == ring().derive(Purpose.CSRF, "r1")


def test_an_unknown_purpose_is_refused() -> None:
    with pytest.raises(InvalidValue) as caught:
        ring().derive("kek2", "r1")

    assert caught.value.field == "purpose"


@pytest.mark.parametrize("root_id", ["r3", "", "R1"])
def test_an_unknown_root_key_is_a_key_error(root_id: str) -> None:
    with pytest.raises(KeyError):
        ring().derive(Purpose.KEK, root_id)
    with pytest.raises(KeyError):
        ring().fingerprint(root_id)


def test_the_first_root_key_is_the_active_one() -> None:
    keyring: Derive = ring()

    assert (keyring.active, keyring.root_ids) == ("r2", ("r2", "r1"))


@pytest.mark.parametrize(
    ("roots", "app_id"),
    [
        pytest.param([], "shop", id="no root key"),
        pytest.param([("r1", OLD), ("r1", NEW)], "shop", id="an id twice"),
        pytest.param([("r1", OLD[:31])], "shop", id="31 bytes"),
        pytest.param([("r2", NEW), ("r1", b"")], "shop", id="an empty old key"),
        pytest.param([("r1", OLD)], "", id="no app id"),
    ],
)
def test_unusable_roots_are_refused(roots: list[tuple[str, bytes]], app_id: str) -> None:
    with pytest.raises(InvalidValue):
        Keyring(roots, app_id)


def test_a_refusal_does_not_show_the_material() -> None:
    material = b"c4n4ry" * 4

    with pytest.raises(InvalidValue) as caught:
        Keyring([("r1", material)], "shop")

    assert "c4n4ryc4n4ry" not in "".join(traceback.format_exception(caught.value))


def test_repr_shows_ids_and_no_material() -> None:
    keyring = Keyring([("r1", b"canary-canary-canary-canary-canary")], "shop")
    keyring.derive(Purpose.KEK, "r1")

    assert repr(keyring) == "Keyring(root_ids=('r1',), app_id='shop')"


def test_a_fingerprint_is_short_and_the_same_every_time() -> None:
    prints = {ring().fingerprint("r1") for _ in range(3)}

    assert prints == {"bd6e2c47a2acb407"}


def test_a_fingerprint_differs_by_root_key_and_by_app_id() -> None:
    prints = {ring().fingerprint("r1"), ring().fingerprint("r2"), ring("blog").fingerprint("r1")}

    assert len(prints) == 3


@given(root=materials, app_id=app_ids)
def test_a_fingerprint_is_no_part_of_any_key_or_root(root: bytes, app_id: str) -> None:
    keyring = Keyring([("r1", root)], app_id)

    shown = bytes.fromhex(keyring.fingerprint("r1"))

    assert shown not in root
    assert all(shown not in keyring.derive(purpose, "r1") for purpose in Purpose)


def test_what_is_remembered_is_bounded_and_stays_right() -> None:
    keyring = ring()
    first = keyring.derive(Purpose.CURSOR, "r1", "0")

    for number in range(MAX_REMEMBERED + 10):
        keyring.derive(Purpose.CURSOR, "r1", str(number))

    assert len(keyring._remembered) == MAX_REMEMBERED
    assert keyring.derive(Purpose.CURSOR, "r1", "0") == first


def test_a_key_is_derived_once_and_then_remembered() -> None:
    keyring = ring()

    assert keyring.derive(Purpose.KEK, "r1", "a") is keyring.derive(Purpose.KEK, "r1", "a")


def test_several_threads_get_the_same_keys() -> None:
    keyring, found = ring(), list[bytes]()

    def work() -> None:
        for number in range(2 * MAX_REMEMBERED):
            keyring.derive(Purpose.SESSION, "r2", str(number))
        found.append(keyring.derive(Purpose.KEK, "r2"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [ring().derive(Purpose.KEK, "r2")] * 4
