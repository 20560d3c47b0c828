"""Digests of bodies: the published examples, and what proves nothing."""

from __future__ import annotations

import hashlib

import pytest

from flask_jafsec.signing.digests import ALGORITHMS, check_digests, content_digest, wanted_digests
from flask_jafsec.signing.errors import SignatureMalformed, SignatureRefused

BODY = b'{"hello": "world"}\n'

#: Source: RFC 9530, appendix B.1 and B.2 (the body ends with a line feed).
PUBLISHED = [
    ("sha-256", "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"),
    (
        "sha-512",
        "sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:",
    ),
]


def of_body(body: bytes) -> dict[str, bytes]:
    return {name: hashlib.new(of, body).digest() for name, of in ALGORITHMS.items()}


@pytest.mark.parametrize(("algorithm", "value"), PUBLISHED)
def test_the_published_digests_are_ours(algorithm: str, value: str) -> None:
    assert content_digest(BODY, algorithm) == value
    check_digests(wanted_digests(value), of_body(BODY))


@pytest.mark.parametrize("body", [b"", BODY[:-1], BODY + b"\n", BODY.replace(b"w", b"W")])
def test_another_body_is_refused(body: bytes) -> None:
    with pytest.raises(SignatureRefused, match="digest_differs"):
        check_digests(wanted_digests(content_digest(BODY)), of_body(body))


def test_of_two_digests_both_must_fit() -> None:
    good, other = content_digest(BODY, "sha-256"), content_digest(b"", "sha-512")

    with pytest.raises(SignatureRefused, match="digest_differs"):
        check_digests(wanted_digests(f"{good}, {other}"), of_body(BODY))


def test_a_broken_algorithm_beside_a_good_one_does_no_harm_and_alone_proves_nothing() -> None:
    md5 = "md5=:Sd/dVLAcvNLSq16eXua5uQ==:"

    assert list(wanted_digests(f"{md5}, {content_digest(BODY)}")) == ["sha-256"]
    with pytest.raises(SignatureRefused, match="digest_unknown"):
        wanted_digests(md5)


@pytest.mark.parametrize(
    "value", ["sha-256", "sha-256=5", 'sha-256="text"', "sha-256=(:AAAA:)", "=", "é", "a" * 2_000]
)
def test_what_is_no_digest_is_malformed(value: str) -> None:
    with pytest.raises(SignatureMalformed):
        wanted_digests(value)
