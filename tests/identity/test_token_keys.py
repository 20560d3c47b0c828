import base64
import json
from typing import Any

import pytest
from joserfc import jwk

from flask_jafsec.errors import InvalidValue
from flask_jafsec.identity.token_keys import TokenKey, TokenKeys, is_kid
from tests.identity.signatures import holds
from tests.identity.token_setting import (
    EC_PEM,
    ED_PEM,
    KEYS,
    OTHER_RSA_PEM,
    RSA_PEM,
    RSA_PUBLIC_PEM,
    SECRET,
)

K = base64.urlsafe_b64encode(SECRET).rstrip(b"=").decode()


def _jwk(key: jwk.Key, **more: Any) -> str:
    return json.dumps({**key.as_dict(private=True), **more})


RSA = jwk.RSAKey.import_key(RSA_PEM)
EC = jwk.ECKey.import_key(EC_PEM)
ED = jwk.OKPKey.import_key(ED_PEM)
OCT = {"kty": "oct", "k": K}


@pytest.mark.parametrize(
    "kid",
    ["", "a" * 65, "a b", "../k", "a.b", "k\n", "k\0", "ключ", "a/b", "a'--", "http://x", "٣"],
)
def test_a_name_that_could_mean_something_elsewhere_is_refused(kid: str) -> None:
    assert not is_kid(kid)
    with pytest.raises(InvalidValue):
        TokenKey.from_secret(kid, SECRET)
    with pytest.raises(InvalidValue):
        TokenKey.from_text(kid, RSA_PEM)


@pytest.mark.parametrize("kid", ["a", "A-z_9", "-", "a" * 64])
def test_a_plain_name_is_accepted(kid: str) -> None:
    assert TokenKey.from_secret(kid, SECRET).kid == kid


def test_neither_a_key_nor_its_errors_show_the_secret() -> None:
    key = TokenKey.from_secret("k1", b"the-secret-itself-and-nothing-else")

    assert "secret-itself" not in repr(key) + str(key) + repr(TokenKeys([key]))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(RSA_PUBLIC_PEM, id="PEM"),
        pytest.param(json.dumps(RSA.as_dict(private=False)), id="JWK"),
        pytest.param(_jwk(RSA, key_ops=["verify"]), id="private JWK that says so"),
    ],
)
def test_a_key_that_only_verifies_stands_anywhere_but_first(text: str) -> None:
    public = TokenKey.from_text("pub", text)

    assert not public.may_sign
    assert TokenKeys([KEYS["RS256"], public]).signer is KEYS["RS256"]
    with pytest.raises(InvalidValue):
        TokenKeys([public, KEYS["RS256"]])


def test_a_private_key_that_may_only_sign_verifies_what_it_signed() -> None:
    key = TokenKey.from_text("k1", _jwk(RSA, key_ops=["sign"]))

    parts = key.sign({}, b"{}").split(".")

    assert holds(key, {"alg": "RS256", "kid": "k1"}, parts)


def test_two_keys_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidValue):
        TokenKeys([KEYS["RS256"], TokenKey.from_text("k-rs", OTHER_RSA_PEM)])


def test_no_key_at_all_is_refused() -> None:
    with pytest.raises(InvalidValue):
        TokenKeys([])
    with pytest.raises(InvalidValue):
        TokenKeys.assembled()


@pytest.mark.parametrize("order", [("HS256", "RS256"), ("RS256", "HS256"), ("ES256", "HS256")])
def test_secrets_and_key_pairs_are_not_configured_together(order: tuple[str, str]) -> None:
    with pytest.raises(InvalidValue):
        TokenKeys.assembled(configured=[KEYS[name] for name in order])


def test_the_first_group_signs_and_the_others_verify() -> None:
    derived = {"r2": SECRET, "r1": SECRET[::-1]}

    plain = TokenKeys.assembled(derived=derived)
    guide = TokenKeys.assembled(derived=derived, guide_secret=SECRET * 2)
    own = TokenKeys.assembled(
        derived=derived, guide_secret=SECRET * 2, configured=[KEYS["ES256"], KEYS["RS256"]]
    )

    assert [key.kid for key in plain] == ["h-r2", "h-r1"]
    assert [key.kid for key in guide] == ["guide", "h-r2", "h-r1"]
    assert [key.kid for key in own] == ["k-es", "k-rs", "guide", "h-r2", "h-r1"]


def test_a_configured_key_cannot_take_the_name_of_a_derived_one() -> None:
    with pytest.raises(InvalidValue):
        TokenKeys.assembled(
            configured=[TokenKey.from_text("h-r1", RSA_PEM)], derived={"r1": SECRET}
        )


def test_a_weak_guide_secret_is_refused() -> None:
    with pytest.raises(InvalidValue):
        TokenKeys.assembled(guide_secret=b"your-secret-key", derived={"r1": SECRET})
