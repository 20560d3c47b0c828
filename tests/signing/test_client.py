"""Clients sign what they send: requests, httpx, and by hand."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from flask_jafsec.errors import InvalidValue
from flask_jafsec.signing import v1
from flask_jafsec.signing.algorithms import SigningKey, VerifyingKey
from flask_jafsec.signing.client import HttpxAuth, RequestsAuth, Signer
from flask_jafsec.signing.digests import check_digests, wanted_digests
from flask_jafsec.signing.message import Message
from flask_jafsec.signing.message_signatures import SignaturePolicy, verify

NOW = 1_795_168_950
SECRET = bytes(range(32))
PAIR = Ed25519PrivateKey.from_private_bytes(bytes(32))
PEM = PAIR.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
KEYS = {
    "shared": VerifyingKey.from_secret("shared", SECRET),
    "pair": VerifyingKey.from_pem("pair", PEM),
}
URL = "https://api.example/api/secure/a%2Fb?x=1&y=%20"


def signer(key_id: str = "shared", scheme: str = "v1") -> Signer:
    numbers = itertools.count()
    material: Any = SECRET if key_id == "shared" else PAIR
    return Signer(
        SigningKey(key_id, material),
        scheme=scheme,
        clock=lambda: NOW,
        nonce=lambda: f"nonce-number-{next(numbers):08}",
    )


def received(method: str, url: str, headers: Any) -> Message:
    """Return the message as a server gets it."""
    parts = urlsplit(url)
    fields = {name.lower(): (value,) for name, value in headers.items()}
    return Message(
        method=method,
        scheme=parts.scheme,
        host=fields.get("host", (parts.netloc,))[0],
        path=parts.path,
        query=parts.query or None,
        fields=fields,
    )


def check(message: Message, body: bytes, scheme: str) -> None:
    """Verify as a server does. Raises SignatureRefused."""
    if scheme == "v1":
        v1.verify(message, v1.read(message), hashlib.sha256(body).digest(), KEYS.get, NOW)
        return
    proven = verify(message, SignaturePolicy(), KEYS.get, NOW)
    if body:
        assert proven.covers("content-digest")
        digests = {"sha-256": hashlib.sha256(body).digest()}
        check_digests(wanted_digests(message.fields["content-digest"][0]), digests)


SCHEMES = [("shared", "v1"), ("shared", "rfc9421"), ("pair", "rfc9421")]


@pytest.mark.parametrize(("key_id", "scheme"), SCHEMES)
@pytest.mark.parametrize("body", [{}, {"json": {"a": "é"}}, {"data": "a=b"}, {"data": b"\xff\0"}])
def test_requests_signs_what_it_sends(key_id: str, scheme: str, body: dict[str, Any]) -> None:
    auth = RequestsAuth(signer(key_id, scheme))

    sent = requests.Request("POST", URL, auth=auth, **body).prepare()

    raw = sent.body.encode() if isinstance(sent.body, str) else sent.body or b""
    check(received("POST", sent.url or "", sent.headers), raw, scheme)


@pytest.mark.parametrize(("key_id", "scheme"), SCHEMES)
@pytest.mark.parametrize("body", [{}, {"json": {"a": "é"}}, {"content": b"\xff\0"}])
def test_httpx_signs_what_it_sends(key_id: str, scheme: str, body: dict[str, Any]) -> None:
    def serve(request: httpx.Request) -> httpx.Response:
        check(received("POST", str(request.url), request.headers), request.read(), scheme)
        return httpx.Response(204)

    with httpx.Client(transport=httpx.MockTransport(serve)) as client:
        assert client.post(URL, auth=HttpxAuth(signer(key_id, scheme)), **body).status_code == 204


def test_every_request_has_a_nonce_of_its_own() -> None:
    one = signer()

    assert one.headers("GET", URL)["X-Nonce"] != one.headers("GET", URL)["X-Nonce"]


def test_a_stream_cannot_be_signed_and_that_is_said() -> None:
    request = requests.Request("POST", URL, data=iter([b"a"]), auth=RequestsAuth(signer()))

    with pytest.raises(InvalidValue, match="stream"):
        request.prepare()


@pytest.mark.parametrize(("key_id", "scheme"), [("pair", "v1"), ("shared", "v2")])
def test_a_scheme_that_cannot_be_is_refused_when_the_signer_is_made(
    key_id: str, scheme: str
) -> None:
    with pytest.raises(InvalidValue, match="scheme"):
        signer(key_id, scheme)


def test_an_empty_query_is_not_no_query() -> None:
    made = signer("shared", "rfc9421").headers("GET", "https://api.example/a?")
    message = received("GET", "https://api.example/a", made)

    verify(replace(message, query=""), SignaturePolicy(), KEYS.get, NOW)
