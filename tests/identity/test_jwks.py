import json

from joserfc import jwk

from flask_jafsec.identity.jwks import jwks_document
from flask_jafsec.identity.token_keys import TokenKey, TokenKeys
from tests.identity.signatures import holds
from tests.identity.token_setting import ED_PEM, KEYS, RSA_PEM, RSA_PUBLIC_PEM, SECRET

#: RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1.
PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

ASYMMETRIC = [key for key in KEYS.values() if not key.is_symmetric]


def _published(keys: TokenKeys) -> list[dict[str, str]]:
    document: dict[str, list[dict[str, str]]] = json.loads(jwks_document(keys))
    assert list(document) == ["keys"]
    return document["keys"]


def test_no_private_member_is_ever_published() -> None:
    keys = TokenKeys(KEYS.values())
    texts = [json.dumps({**RSA_JWK, "x5t": "AA", "note": "mine"}), json.dumps(ED_JWK)]
    more = TokenKeys([TokenKey.from_text(f"j{n}", text) for n, text in enumerate(texts)])

    published = [*_published(keys), *_published(more)]

    assert len(published) == len(ASYMMETRIC) + 2
    for members in published:
        assert members.keys() <= {"kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"}
        assert PRIVATE_MEMBERS.isdisjoint(members)


RSA_JWK = jwk.RSAKey.import_key(RSA_PEM).as_dict(private=True)
ED_JWK = jwk.OKPKey.import_key(ED_PEM).as_dict(private=True)


def test_secrets_are_left_out() -> None:
    assert _published(TokenKeys.assembled(derived={"r1": SECRET}, guide_secret=SECRET * 2)) == []


def test_each_key_says_its_name_algorithm_and_use() -> None:
    published = _published(TokenKeys(ASYMMETRIC))

    assert [(k["kid"], k["alg"], k["use"]) for k in published] == [
        ("k-rs", "RS256", "sig"),
        ("k-ps", "PS256", "sig"),
        ("k-es", "ES256", "sig"),
        ("k-ed", "EdDSA", "sig"),
        ("k-25519", "Ed25519", "sig"),
    ]


def test_what_is_published_verifies_what_was_signed() -> None:
    for members, key in zip(_published(TokenKeys(ASYMMETRIC)), ASYMMETRIC, strict=True):
        public = TokenKey.from_text(key.kid, json.dumps(members))
        parts = key.sign({"typ": "at+jwt"}, b"{}").split(".")

        assert public.algorithm == key.algorithm
        assert not public.may_sign
        assert holds(public, {"alg": key.algorithm, "kid": key.kid}, parts)


def test_a_key_is_published_before_it_signs() -> None:
    coming = TokenKey.from_text("coming", RSA_PUBLIC_PEM)

    published = _published(TokenKeys([KEYS["ES256"], coming]))

    assert [members["kid"] for members in published] == ["k-es", "coming"]
