"""Which secrets are good enough, and new ones."""

import base64
import hashlib
import os
import secrets as random_secrets

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.config.secrets import KEEP, guide_secret, new_line, new_root_key
from flask_jafsec.config.strength import entropy_bits
from flask_jafsec.config.well_known import EXAMPLES, PLACEHOLDERS, unrepeated
from flask_jafsec.errors import InvalidValue
from tests.config.loaded import ROOT_KEY, made_key, only_problem, problems_of, settings_of

EC_KEY = ec.derive_private_key(5, ec.SECP256R1()).public_key()
ED_KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()


def pem(key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def der(key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("root_id", ["r1", "a", "20260101", "r9999999"])
def test_a_new_root_key_is_accepted_as_it_is(root_id: str) -> None:
    entry = new_root_key(root_id)

    assert settings_of({"JAFSEC_ROOT_KEYS": entry}).root_keys[0].id == root_id
    assert entry != new_root_key(root_id)


def test_two_hundred_new_root_keys_are_all_accepted() -> None:
    entries = [new_root_key(f"r{number}") for number in range(200)]

    assert problems_of({"JAFSEC_ROOT_KEYS": entries}) == []


@pytest.mark.parametrize("root_id", ["", "R1", "r-1", "r12345678", "r1:"])
def test_a_new_root_key_has_a_good_id(root_id: str) -> None:
    with pytest.raises(InvalidValue):
        new_root_key(root_id)


def test_a_new_line_is_ready_for_use() -> None:
    name, _, value = new_line().partition("=")

    assert name == "JAFSEC_ROOT_KEYS"
    assert [key.id for key in settings_of(environ={name: value}).root_keys] == ["r1"]


@pytest.mark.parametrize(
    ("existing", "new"),
    [
        ((), "r1"),
        (("r1",), "r2"),
        (("r3", "r2"), "r4"),
        (("r2", "r9"), "r10"),
        (("main", "old"), "r1"),
        (("madeup",), "r1"),
        (("r", "r1a", "r5"), "r6"),
    ],
)
def test_a_new_line_has_a_new_id_in_front(existing: tuple[str, ...], new: str) -> None:
    entries = new_line(existing).partition("=")[2].split(",")

    assert [entry.partition(":")[0] for entry in entries] == [new, *existing]


def test_a_new_line_is_refused_until_the_present_keys_stand_in_it() -> None:
    # Whoever forgets them could read nothing any more that they have sealed.
    value = new_line(["r1"]).partition("=")[2]

    assert only_problem({"JAFSEC_ROOT_KEYS": value}).key == "JAFSEC_ROOT_KEYS (entry 2)"
    assert problems_of({"JAFSEC_ROOT_KEYS": value.replace(f"r1:{KEEP}", ROOT_KEY)}) == []


GOOD = {
    "32 bytes in base64": made_key("a"),
    "32 bytes in base64url": random_secrets.token_urlsafe(32),
    "32 bytes in hexadecimal": hashlib.sha256(b"tests of flask-jafsec").hexdigest(),
    "16 bytes in hexadecimal": hashlib.sha256(b"tests of flask-jafsec").hexdigest()[:32],
    "24 bytes in base64url": made_key("b")[:32],
    "a password manager's": "x8#kQ!v2@Lm9$Rt4%Yw7&Zp1*Bn6(Hc3",
    "Django's form": "django-insecure-" + made_key("c"),
    "not ASCII": "pá9Ω§kÜ3ñ¿x7ß€qL5ø" * 1 + "w8Zt4%Vb",
}


@pytest.mark.parametrize("secret", GOOD.values(), ids=GOOD)
def test_a_random_guide_secret_is_taken(secret: str) -> None:
    assert settings_of(environ={"JWT_SECRET_KEY": secret}).tokens.guide_secret == secret.encode()


BAD = {
    "31 bytes": made_key("a")[:31],
    "a default": "changeme",
    "the guide's length rule": "a" * 32,
    "jwt.io": "a-string-secret-at-least-256-bits-long",
    "jwt.io of old": "your-256-bit-secret",
    "jwt.io of old, twice": "your-256-bit-secret" * 2,
    "Flask's documentation": "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
    "FastAPI's documentation": "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "RFC 7515": EXAMPLES[3],
    "SHA-256 of secret in base64": "K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=",
    "words with dashes": "super-secret-key-change-in-production",
    "words without": "mysupersecretjwtkeyforproductionuse",
    "words in base64": base64.b64encode(b"this is the secret key for our tokens").decode(),
    "words in hexadecimal": b"this is the secret key for our tokens".hex(),
    "a sentence": "The quick brown fox jumps over the lazy dog.",
    "a poem": "Shall I compare thee to a summer's day? Thou art more lovely",
    "camel case": "ThisIsTheSecretKeyForTheTokensOfThisApplication",
    "the alphabet": "abcdefghijklmnopqrstuvwxyz0123456789",
    "keyboard rows": "qwertyuiopasdfghjklzxcvbnm1234567890",
    "hexadecimal digits": "0123456789abcdef0123456789abcdef",
    "two characters": "0110100110010110100101100110100110010110011010010110",
    "four characters": "aabacabdbacdabbcadcbdacbbadcabdcaabdcbadcabb",
    "a PEM": pem(EC_KEY),
    "a PEM without line ends": pem(EC_KEY).replace("\n", ""),
    "a PEM in base64": base64.b64encode(pem(EC_KEY).encode()).decode(),
    "the inside of a PEM": base64.b64encode(der(EC_KEY)).decode(),
    "a short PEM": pem(ED_KEY),
    "an SSH key": "ssh-ed25519 " + base64.b64encode(der(ED_KEY)).decode(),
    "a JWK": f'{{"kty": "OKP", "crv": "Ed25519", "x": "{made_key("d")[:-1]}"}}',
}


@pytest.mark.parametrize("secret", BAD.values(), ids=BAD)
def test_a_bad_guide_secret_is_refused_and_not_shown(secret: str) -> None:
    problem = only_problem(environ={"JWT_SECRET_KEY": secret})

    assert problem.key == "JWT_SECRET_KEY"
    assert secret not in str(problem)
    assert "JAFSEC_ROOT_KEYS" in problem.instead


def test_a_secret_that_is_no_text_is_refused() -> None:
    # Bytes that are not UTF-8 arrive from the environment like this.
    assert only_problem(environ={"JWT_SECRET_KEY": "\udcff" * 40}).what == "is not valid text"


@given(st.binary(min_size=1, max_size=8), st.integers(32, 80))
def test_a_short_secret_repeated_is_refused(unit: bytes, length: int) -> None:
    material = (unit * length)[:length]

    value = "r1:" + base64.b64encode(material).decode()

    assert len(problems_of({"JAFSEC_ROOT_KEYS": value})) == 1


@given(st.integers(0, 255), st.integers(0, 255), st.integers(32, 64))
def test_every_arithmetic_sequence_is_refused(start: int, step: int, length: int) -> None:
    material = bytes((start + step * number) % 256 for number in range(length))

    value = "r1:" + base64.b64encode(material).decode()

    assert len(problems_of({"JAFSEC_ROOT_KEYS": value})) == 1


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=32, max_size=60))
def test_text_in_base64_is_never_a_root_key(text: str) -> None:
    value = "r1:" + base64.b64encode(text.encode()).decode()

    assert len(problems_of({"JAFSEC_ROOT_KEYS": value})) == 1


@pytest.mark.parametrize("text", sorted({*PLACEHOLDERS, *EXAMPLES}))
def test_everything_on_the_lists_is_refused(text: str) -> None:
    assert len(problems_of(environ={"JWT_SECRET_KEY": text})) == 1
    assert len(problems_of(environ={"JAFSEC_ROOT_KEYS": f"r1:{text}"})) == 1


@pytest.mark.parametrize("length", [32, 33, 48, 64])
def test_random_secrets_are_accepted(length: int) -> None:
    for _ in range(100):
        guide_secret(base64.b64encode(os.urandom(length)).decode())


@pytest.mark.parametrize(
    ("text", "unit"),
    [("", ""), ("a", "a"), ("aa", "a"), ("abab", "ab"), ("ababa", "ab"), ("abc", "abc")],
)
def test_the_shortest_repeated_text(text: str, unit: str) -> None:
    assert unrepeated(text) == unit


@pytest.mark.parametrize(
    ("text", "bits"), [("", 0), ("aaaa", 0), ("abab", 4), ("0123456789abcdef", 64)]
)
def test_the_estimate_of_entropy(text: str, bits: float) -> None:
    assert entropy_bits(text) == bits
