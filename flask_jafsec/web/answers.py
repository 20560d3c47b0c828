"""Refusals as documents and pages, and the headers that every answer leaves with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from flask_jafsec.errors import Answered, CredentialInvalid, Halt, Refusal
from flask_jafsec.limiting.headers import limit_headers
from flask_jafsec.records import ANONYMOUS, Credential

if TYPE_CHECKING:
    from jinja2 import Template

    from flask_jafsec.pipeline.exchange import Exchange
    from flask_jafsec.protocols import Clock
    from flask_jafsec.transport.cors import Cors
    from flask_jafsec.transport.headers import ApiProfile

Pairs = list[tuple[str, str]]

#: The namespace of our problem types: a URN, so that nothing has to be served there.
#: Source: RFC 9457 section 3.1.1 (a type may be any URI; it is not meant to be followed).
TYPE_PREFIX: Final = "urn:flask-jafsec:problem:"

#: What the page of a refusal may load: nothing but its own few lines of style.
_PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_STATUS_LINES: Final = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class Answers:
    """Makes answers of our own, and finishes everybody's."""

    def __init__(
        self, *, clock: Clock, realm: str, profile: ApiProfile | None, cors: Cors | None
    ) -> None:
        self._clock = clock
        self._realm = realm
        self._profile = profile
        self._cors = cors

    # -- what a refused caller sees --

    def render(self, halt: Halt, exchange: Exchange) -> tuple[str, Pairs, bytes]:
        """Return status line, headers and body for what ended the line of steps."""
        if isinstance(halt, Answered):
            exchange.status = halt.status
            return _STATUS_LINES[halt.status], [*halt.headers, ("Content-Length", "0")], b""
        if not isinstance(halt, Refusal):
            raise TypeError(halt)
        exchange.status = halt.status
        headers: Pairs = list(halt.headers)
        if halt.status == HTTPStatus.UNAUTHORIZED:
            headers.append(("WWW-Authenticate", self._challenge(halt, exchange)))
        body, content_type = _body(halt, exchange)
        headers += [
            ("Content-Type", content_type),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
        ]
        if content_type is _HTML:
            headers.append(("Content-Security-Policy", _PAGE_POLICY))
        return _STATUS_LINES[halt.status], headers, body

    def _challenge(self, refusal: Refusal, exchange: Exchange) -> str:
        """Return the challenge of RFC 6750 section 3; an error only where something was sent."""
        challenge = f'Bearer realm="{self._realm}"'
        if isinstance(refusal, CredentialInvalid) and exchange.presented is not Credential.KEY:
            challenge += ', error="invalid_token"'
        return challenge

    # -- what every answer leaves with --

    def finish(self, headers: Pairs, exchange: Exchange) -> None:
        """Append to *headers*, in place, what is missing: safety, CORS, limits, request id."""
        facts = exchange.facts
        profile = self._profile
        if profile is not None:
            profile.finish(
                headers,
                is_https=facts.scheme == "https",
                is_private=exchange.identity is not ANONYMOUS,
            )
        if self._cors is not None:
            self._cors.finish(headers, facts.origin)
        if exchange.allowances:
            headers += limit_headers(exchange.allowances, self._clock.time())
        headers.append(("X-Request-ID", facts.request_id))


_JSON: Final = "application/problem+json"
_HTML: Final = "text/html; charset=utf-8"


def _body(refusal: Refusal, exchange: Exchange) -> tuple[bytes, str]:
    accept = exchange.facts.header("accept")
    if accept and "html" in accept and _wants_page(accept):
        return _page().render(refusal=refusal, decision=exchange.decision).encode(), _HTML
    return _document(refusal, exchange.decision), _JSON


def _document(refusal: Refusal, decision: str) -> bytes:
    """Return the problem document. Its fixed members are quoted once per kind of refusal."""
    head = _head(refusal.code, refusal.title, refusal.status, refusal.detail)
    return f'{head},"decision":"{decision}"}}'.encode()


@lru_cache(maxsize=256)
def _head(code: str, title: str, status: int, detail: str) -> str:
    members: dict[str, Any] = {
        "type": TYPE_PREFIX + code.replace("_", "-"),
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
    }
    return json.dumps(members, separators=(",", ":"))[:-1]


def _wants_page(accept: str) -> bool:
    """Return whether a browser asks: HTML is what it likes best of what we can give."""
    from werkzeug.datastructures import MIMEAccept
    from werkzeug.http import parse_accept_header

    best = parse_accept_header(accept, MIMEAccept).best_match(
        [_JSON, "application/json", "text/html"], default=_JSON
    )
    return best == "text/html"


@lru_cache(maxsize=1)
def _page() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("flask_jafsec.web"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("jafsec/refused.html")


