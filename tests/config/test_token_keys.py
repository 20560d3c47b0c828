"""Token keys from a setting or from files."""

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.config.loaded import (
    GUIDE_SECRET,
    made_key,
    only_problem,
    private_file,
    problems_of,
    settings_of,
)

Private = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def private_pem(key: Private) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key: Private) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def base64url(text: str) -> str:
    return text.translate(str.maketrans("+/", "-_")).rstrip("=")


P256 = ec.derive_private_key(1234567, ec.SECP256R1())
ED25519 = ed25519.Ed25519PrivateKey.from_private_bytes(base64.b64decode(made_key("ed")))
RSA = rsa.generate_private_key(65537, 2048)
SECRET_JWK = {"kty": "oct", "k": base64url(made_key("oct"))}


def test_a_mapping_gives_keys_in_its_order() -> None:
    keys = settings_of(
        {"JAFSEC_TOKEN_KEYS": {"new": private_pem(ED25519), "old": private_pem(P256)}}
    ).tokens.keys

    assert [key.kid for key in keys] == ["new", "old"]
    assert keys[0].text == private_pem(ED25519)
    assert keys[0].algorithm == ""


def test_the_environment_names_files(tmp_path: Path) -> None:
    private_file(tmp_path, "new.pem", private_pem(P256))
    old = private_file(tmp_path, "old.pem", public_pem(ED25519), 0o644)
    environ = {"JAFSEC_TOKEN_KEYS": f"new:new.pem, old:{old}"}

    keys = settings_of(environ=environ, instance_path=str(tmp_path)).tokens.keys

    assert [(key.kid, key.text) for key in keys] == [
        ("new", private_pem(P256)),
        ("old", public_pem(ED25519)),
    ]


def test_a_jwk_may_be_an_object_or_text_or_stand_in_a_list() -> None:
    as_text = json.dumps(SECRET_JWK)
    forms: list[object] = [
        {"k1": SECRET_JWK},
        {"k1": as_text},
        [{**SECRET_JWK, "kid": "k1"}],
        json.dumps({"k1": SECRET_JWK}),
        json.dumps([{**SECRET_JWK, "kid": "k1"}]),
    ]

    for form in forms:
        (key,) = settings_of({"JAFSEC_TOKEN_KEYS": form}).tokens.keys
        assert key.kid == "k1"
        assert json.loads(key.text)["k"] == SECRET_JWK["k"]


def test_a_key_may_come_with_its_algorithm() -> None:
    given = {"k1": {"key": private_pem(RSA), "algorithm": "PS256"}}

    (key,) = settings_of({"JAFSEC_TOKEN_KEYS": given}).tokens.keys

    assert key.algorithm == "PS256"


def test_the_guides_secret_stays_beside_configured_keys() -> None:
    tokens = settings_of(
        {"JAFSEC_TOKEN_KEYS": {"k1": private_pem(P256)}}, {"JWT_SECRET_KEY": GUIDE_SECRET}
    ).tokens

    assert len(tokens.keys) == 1
    assert tokens.guide_secret == GUIDE_SECRET.encode()


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"": private_pem(P256)}, id="an empty kid"),
        pytest.param({"../x": private_pem(P256)}, id="a kid like a path"),
        pytest.param({"guide": private_pem(P256)}, id="the guide's kid"),
        pytest.param({"h-r1": private_pem(P256)}, id="a derived key's kid"),
        pytest.param([private_pem(P256)], id="a PEM without kid"),
        pytest.param([SECRET_JWK], id="a JWK without kid"),
        pytest.param([5], id="a number"),
        pytest.param({"k1": 5}, id="a number as key"),
        pytest.param({"k1": ""}, id="an empty path"),
        pytest.param({"k1": "missing.pem"}, id="a missing file"),
        pytest.param({"k1": "{"}, id="half a JWK"),
        pytest.param({"k1": {"key": private_pem(P256), "alg": "ES256"}}, id="a foreign member"),
        pytest.param({"k1": {"key": private_pem(P256), "algorithm": "RS256"}}, id="RS256 on P-256"),
        pytest.param({"k1": {"key": private_pem(P256), "algorithm": 5}}, id="algorithm 5"),
        pytest.param({"k1": {"kty": "oct", "k": b"x"}}, id="bytes in a JWK"),
        pytest.param({"k1": {"kty": "oct", "k": base64url(made_key("x"))[:20]}}, id="short secret"),
        pytest.param(
            {"k1": {"kty": "oct", "k": base64url(base64.b64encode(bytes(32)).decode())}},
            id="a guessable secret",
        ),
        pytest.param({"k1": "-----BEGIN PRIVATE KEY-----\nAAAA"}, id="half a PEM"),
        pytest.param({"k1": public_pem(P256)}, id="only a public key"),
        pytest.param({"k1": private_pem(P256), "k2": SECRET_JWK}, id="a secret and a key pair"),
        pytest.param([{**SECRET_JWK, "kid": "a"}, {**SECRET_JWK, "kid": "a"}], id="a kid twice"),
        pytest.param("k1", id="a kid without path"),
        pytest.param(5, id="no list"),
    ],
)
def test_these_are_no_token_keys(given: object, tmp_path: Path) -> None:
    problem = only_problem({"JAFSEC_TOKEN_KEYS": given}, instance_path=str(tmp_path))

    assert problem.key.startswith("JAFSEC_TOKEN_KEYS")
    assert made_key("oct")[:12] not in str(problem)
    assert "BEGIN" not in str(problem) + "-"


def test_every_bad_key_is_named() -> None:
    given = {"a": "x", "b": private_pem(P256), "c": "{"}

    found = [problem.key for problem in problems_of({"JAFSEC_TOKEN_KEYS": given})]

    assert found == ["JAFSEC_TOKEN_KEYS (entry 1)", "JAFSEC_TOKEN_KEYS (entry 3)"]


@pytest.mark.parametrize("text", [private_pem(P256), json.dumps(SECRET_JWK), "unreadable"])
def test_a_secret_file_must_be_closed_to_others(text: str, tmp_path: Path) -> None:
    file = private_file(tmp_path, "key", text, 0o644)

    problem = only_problem(environ={"JAFSEC_TOKEN_KEYS": f"k1:{file}"})

    assert "chmod 600" in problem.instead
