"""Attacks on tokens: every one must be refused, whatever its claims say."""

import contextlib
import hashlib
import hmac
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws

from flask_jafsec.errors import TokenInvalid
from flask_jafsec.identity.token_keys import TokenKey
from tests.identity.token_setting import (
    KEYS,
    RING,
    RSA_PUBLIC_DER,
    RSA_PUBLIC_PEM,
    SECRET,
    VERIFIER,
    claims,
    hand_signed,
    reason,
    segment,
)

NOW = 1_800_000_000.0
HS = KEYS["HS256"]


def _reason(token: str) -> str:
    return reason(token, NOW)


# -- Which algorithm ---------------------------------------------------------------------------


def _spellings() -> list[Any]:
    known = sorted(jws.JWSRegistry.algorithms)
    spelled = [str(change(name)) for name in known for change in (str.lower, str.upper, str.title)]
    padded = [f"{name}{end}" for name in known for end in (" ", "\0", "\n", "A")]
    return [
        *known,
        *spelled,
        *padded,
        "nOnE",
        "NoNe",
        "",
        "HS1",
        "A256GCM",
        None,
        256,
        True,
        ["HS256"],
    ]


def _signatures(key: TokenKey, text: bytes) -> Iterator[bytes]:
    """Every way somebody who has the key, or only its public half, might sign *text*."""
    yield jws.JWSRegistry.algorithms[key.algorithm].sign(text, key.key)
    yield b""
    for secret in (RSA_PUBLIC_PEM.encode(), RSA_PUBLIC_PEM.strip().encode(), RSA_PUBLIC_DER, b""):
        yield hmac.digest(secret, text, hashlib.sha256)


def test_only_a_keys_own_algorithm_is_accepted_of_all_pairs() -> None:
    accepted, refused = set(), 0
    for key in RING:
        for algorithm in _spellings():
            header = {"alg": algorithm, "kid": key.kid, "typ": "at+jwt"}
            text = f"{segment(header)}.{segment(claims(NOW))}"
            for signature in _signatures(key, text.encode()):
                try:
                    VERIFIER.verify(f"{text}.{segment(signature)}", NOW)
                    accepted.add((key.algorithm, algorithm))
                except TokenInvalid:
                    refused += 1

    assert accepted == {(name, name) for name in KEYS}
    assert refused > 3000


def test_a_token_of_one_key_is_refused_under_the_name_of_another() -> None:
    for key in RING:
        for other in RING:
            if other is key:
                continue
            text = f"{segment({'alg': other.algorithm, 'kid': other.kid, 'typ': 'at+jwt'})}"
            text = f"{text}.{segment(claims(NOW))}"
            signature = jws.JWSRegistry.algorithms[key.algorithm].sign(text.encode(), key.key)
            token = f"{text}.{segment(signature)}"
            # The Ed25519 keys are one key under two names; either name of it is genuine.
            if {key.algorithm, other.algorithm} == {"EdDSA", "Ed25519"}:
                assert VERIFIER.verify(token, NOW)
            else:
                assert _reason(token) == "signature_wrong"


# -- Which key ---------------------------------------------------------------------------------

_BAD_NAMES = (
    """
../../etc/passwd|/dev/null|file:///dev/null|C:\\Windows\\win.ini|\\\\host\\share|.|..|~|-|--|_
' OR '1'='1|'; DROP TABLE keys;--|" OR ""="|1 UNION SELECT 'secret'|k-hs' --|%27|$(id)|`id`|;id|&&id
http://127.0.0.1:1/key|https://evil.example/jwks.json|//evil.example|ldap://evil|data:,secret
k-hs |  k-hs|k-hs\t|K-HS|k_hs|k-hs.|k-hs/|./k-hs|k-hs%00|{k-hs}|${k-hs}|[k-hs]|k-hs,k-rs|k-hs#
h-r1|guide|none|null|0|1|-1|NaN|true|__proto__|constructor|__class__|ключ|k\u2010hs|k-h\uff53
""".replace("\n", "|")
    .strip("|")
    .split("|")
)
_WRAPPINGS = ["{}", "{}\0", "\0{}", "{}\n", "\r\n{}", "x{}", "{}x", "{0}{0}", "../{}", "{}/.."]


def _kids() -> list[Any]:
    names: list[Any] = [
        wrap.replace("{}", name).replace("{0}", name) for name in _BAD_NAMES for wrap in _WRAPPINGS
    ]
    names += [None, 5, 1.5, True, [], ["k-hs"], {}, {"k-hs": 1}, "", "a" * 64, "a" * 65, "a" * 500]
    return [name for name in names if name not in list(RING.by_kid)]


_WATCHED: list[list[str]] = []


def _watch(event: str, _: tuple[object, ...]) -> None:
    if _WATCHED and event.startswith(("open", "socket", "sqlite3", "subprocess", "os.", "import")):
        _WATCHED[0].append(event)


sys.addaudithook(_watch)


@contextlib.contextmanager
def _watching() -> Iterator[list[str]]:
    """Collect whatever Python opens, connects to, imports or starts meanwhile."""
    seen: list[str] = []
    _WATCHED.append(seen)
    try:
        yield seen
    finally:
        _WATCHED.clear()


def test_the_watch_notices_a_file_that_is_opened() -> None:
    with _watching() as seen, Path(__file__).open():
        pass

    assert "open" in seen


def test_no_name_of_a_key_does_anything_but_not_being_found() -> None:
    kids = _kids()
    tokens = [hand_signed({"alg": "HS256", "kid": k, "typ": "at+jwt"}, claims(NOW)) for k in kids]

    with _watching() as seen:
        reasons = {_reason(token) for token in tokens}

    assert len(kids) >= 500
    assert reasons == {"kid_malformed", "key_unknown", "header_too_long"}
    assert seen == []


@given(st.text(max_size=80).filter(lambda kid: kid not in RING.by_kid))
def test_no_text_at_all_is_found_as_a_key(kid: str) -> None:
    token = hand_signed({"alg": "HS256", "kid": kid, "typ": "at+jwt"}, claims(NOW))

    assert _reason(token) in {"kid_malformed", "key_unknown", "header_too_long"}


EVIL_JWK = {"kty": "oct", "k": segment(b"x" * 32)}


@pytest.mark.parametrize(
    "more",
    [
        {"jwk": EVIL_JWK},
        {"jku": "http://127.0.0.1:1/jwks.json"},
        {"x5u": "http://127.0.0.1:1/cert.pem"},
        {"x5c": ["MIIB"]},
        {"x5t": "AA"},
        {"x5t#S256": "AA"},
        {"crit": ["exp"]},
        {"crit": []},
        {"b64": False, "crit": ["b64"]},
        {"b64": True},
        {"zip": "DEF"},
        {"cty": "JWT"},
        {"enc": "A256GCM"},
        {"p2c": 10**9},
        {"ALG": "none"},
        {"": ""},
    ],
    ids=lambda more: next(iter(more)),
)
def test_a_header_that_brings_anything_along_is_refused(more: dict[str, Any]) -> None:
    header = {"alg": "HS256", "kid": "k-hs", "typ": "at+jwt", **more}

    tokens = [hand_signed(header, claims(NOW), secret) for secret in (SECRET, b"x" * 32)]

    with _watching() as seen:
        reasons = {_reason(token) for token in tokens}

    assert reasons == {"header_member_refused"}
    assert seen == []


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"alg": "HS256", "typ": "at+jwt"}, "header_member_missing"),
        ({"kid": "k-hs", "typ": "at+jwt"}, "header_member_missing"),
        ({"alg": "HS256", "kid": "k-hs"}, "header_member_missing"),
        ({}, "header_member_missing"),
        ({"alg": "HS256", "kid": "k-hs", "typ": "JWT"}, "type_wrong"),
        ({"alg": "HS256", "kid": "k-hs", "typ": "refresh+jwt"}, "type_wrong"),
        ({"alg": "HS256", "kid": "k-hs", "typ": ""}, "type_wrong"),
        ({"alg": "HS256", "kid": "k-hs", "typ": ["at+jwt"]}, "type_wrong"),
        ({"alg": "HS256", "kid": "k-hs", "typ": None}, "type_wrong"),
        ([], "header_malformed"),
        (b'{"alg":"HS256","alg":"none","kid":"k-hs","typ":"at+jwt"}', "header_malformed"),
        (b'{"alg":"none","kid":"k-hs","typ":"at+jwt","alg":"HS256"}', "header_malformed"),
        (b"", "header_malformed"),
        (b"\xff", "header_malformed"),
        (b"[" * 300, "header_malformed"),
        (b" " * 400 + b'{"alg":"HS256","kid":"k-hs","typ":"at+jwt"}', "header_too_long"),
    ],
)
def test_a_header_that_is_not_exactly_ours_is_refused(header: object, reason: str) -> None:
    assert _reason(hand_signed(header, claims(NOW))) == reason


@pytest.mark.parametrize("kind", ["at+jwt", "application/at+jwt"])
def test_both_names_of_the_type_are_accepted(kind: str) -> None:
    token = hand_signed({"typ": kind, "kid": "k-hs", "alg": "HS256"}, claims(NOW))

    assert VERIFIER.verify(token, NOW)[0].kid == "k-hs"
