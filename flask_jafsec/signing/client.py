"""Signs requests: by itself, or as the ``auth`` of requests and httpx. Needs no Flask.

``Signer`` is told the key and the scheme once. Neither requests nor httpx is imported here: the
classes fit what the two expect of an ``auth``.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from flask_jafsec.errors import InvalidValue
from flask_jafsec.signing import v1
from flask_jafsec.signing.algorithms import SigningKey
from flask_jafsec.signing.components import Component, component
from flask_jafsec.signing.digests import content_digest
from flask_jafsec.signing.message import Message
from flask_jafsec.signing.message_signatures import REQUEST_COMPONENTS, sign

#: Bytes of randomness in a nonce. Source: RFC 9421 section 2.3 leaves it open; 128 bits never meet.
NONCE_BYTES: Final = 16

#: Covered besides, where the request has them: what the body is, and how it is read.
WITH_BODY: Final = ("content-digest", "content-type")


class Signer:
    """Makes the headers that sign a request.

    Args:
        key: The key, with its id.
        scheme: ``v1``, the guide's own with a shared secret, or ``rfc9421``.
        clock: Seconds since 1970 UTC.
        nonce: Makes a text that never comes again.
    """

    def __init__(
        self,
        key: SigningKey,
        *,
        scheme: str = "v1",
        clock: Callable[[], float] = time.time,
        nonce: Callable[[], str] = lambda: secrets.token_urlsafe(NONCE_BYTES),
    ) -> None:
        if scheme not in ("v1", "rfc9421"):
            raise InvalidValue("scheme", "must be v1 or rfc9421")
        if scheme == "v1" and not isinstance(key.material, bytes):
            raise InvalidValue("scheme", "must be rfc9421 for a key that is a pair")
        self._key = key
        self._scheme = scheme
        self._clock = clock
        self._nonce = nonce

    def headers(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Mapping[str, str]:
        """Return the headers to add to a request.

        Args:
            url: As it is sent: percent signs in place.
            headers: What the request has already; its Host and Content-Type are covered.
        """
        fields = {name.lower(): (value,) for name, value in (headers or {}).items()}
        parts = urlsplit(url)
        has_query = "?" in url.partition("#")[0]
        message = Message(
            method=method.upper(),
            scheme=parts.scheme,
            host=fields.get("host", (parts.netloc.rpartition("@")[2],))[0],
            path=parts.path or "/",
            query=parts.query if has_query else None,
            fields=fields,
        )
        return self._v1(message, body) if self._scheme == "v1" else self._rfc9421(message, body)

    def _v1(self, message: Message, body: bytes) -> Mapping[str, str]:
        stamp = v1.Stamp(self._key.id, int(self._clock()), self._nonce())
        secret = self._key.material
        assert isinstance(secret, bytes)  # noqa: S101 - the constructor has looked
        return v1.headers_of(secret, message, stamp, sha256(body).digest())

    def _rfc9421(self, message: Message, body: bytes) -> Mapping[str, str]:
        added = {"Content-Digest": content_digest(body)} if body else {}
        fields = {**message.fields, **{name.lower(): (v,) for name, v in added.items()}}
        whole = Message(
            message.method, message.scheme, message.host, message.path, message.query, fields
        )
        covered = _covered(fields)
        made = sign(
            whole,
            self._key,
            components=covered,
            created=int(self._clock()),
            nonce=self._nonce(),
        )
        return {**added, **made}


def _covered(fields: Mapping[str, object]) -> list[Component]:
    names = (*REQUEST_COMPONENTS, *(name for name in WITH_BODY if name in fields))
    return [component(name) for name in names]


class _PreparedRequest(Protocol):
    """What is used of ``requests.PreparedRequest``."""

    method: str | None
    url: str | None
    headers: Any
    body: Any


class RequestsAuth:
    """``requests.post(url, json=..., auth=RequestsAuth(signer))``."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def __call__(self, request: _PreparedRequest) -> _PreparedRequest:
        """Add the headers to *request*. Raises InvalidValue for a body that is a stream."""
        body = request.body or b""
        if isinstance(body, str):
            body = body.encode()
        if not isinstance(body, bytes):
            raise InvalidValue("body", "must be bytes or text: a stream cannot be signed first")
        added = self._signer.headers(
            request.method or "GET", request.url or "", headers=dict(request.headers), body=body
        )
        request.headers.update(added)
        return request


class HttpxAuth:
    """``httpx.post(url, json=..., auth=HttpxAuth(signer))``; also of an ``AsyncClient``.

    httpx takes any function of a request as ``auth``.
    """

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def __call__(self, request: Any) -> Any:
        """Add the headers to *request* and return it; a body that is a stream is read first."""
        target = request.url.raw_path.decode("ascii")
        url = f"{request.url.scheme}://{request.headers['host']}{target}"
        added = self._signer.headers(
            request.method, url, headers=dict(request.headers), body=request.read()
        )
        request.headers.update(added)
        return request
