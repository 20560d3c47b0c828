"""Refusals as documents and pages, and the headers that every answer leaves with."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from flask_jafsec.errors import Answered, CredentialInvalid, Halt, Refusal
from flask_jafsec.limiting.headers import limit_headers
from flask_jafsec.records import ANONYMOUS, Credential

if TYPE_CHECKING:
    from jinja2 import Template

    from flask_jafsec.pipeline.exchange import Exchange
    from flask_jafsec.transport.cors import Cors
    from flask_jafsec.transport.headers import ApiProfile

Pairs = list[tuple[str, str]]

#: The namespace of our problem types: a URN, so that nothing has to be served there.
#: Source: RFC 9457 section 3.1.1 (a type may be any URI; it is not meant to be followed).
TYPE_PREFIX: Final = "urn:flask-jafsec:problem:"

#: What the page of a refusal may load: nothing.
_PAGE_POLICY: Final = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

#: How many lists of names of headers are remembered. They hold the caller's Origin.
MAX_REMEMBERED: Final = 1_024

#: Looked up once: on Python 3.11 reaching a member through its class costs as much as a call.
_UNAUTHORIZED: Final = HTTPStatus.UNAUTHORIZED.value

_STATUS_LINES: Final = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class Answers:
    """Makes answers of our own, and finishes everybody's."""

    def __init__(
        self,
        *,
        realm: str,
        profile: ApiProfile | None,
        cors: Cors | None,
        finish_page: Callable[[Pairs], None] | None,
        private_prefix: str = "",
    ) -> None:
        self._private_prefix = private_prefix
        self._realm = realm
        self._profile = profile
        self._cors = cors
        self._finish_page = finish_page
        self._missing: dict[tuple[Any, ...], _Missing] = {}

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
        if halt.status == _UNAUTHORIZED:
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
        if isinstance(refusal, CredentialInvalid) and exchange.presented is Credential.TOKEN:
            challenge += ', error="invalid_token"'
        return challenge

    # -- what every answer leaves with --

    def finish(self, headers: Pairs, exchange: Exchange, *, in_flask: bool = False) -> None:
        """Append to *headers*, in place, what is missing: safety, CORS, limits, request id.

        Args:
            in_flask: Whether the answer comes from the application, whose pages get a policy.
        """
        facts = exchange.facts
        is_https = facts.scheme == "https"
        is_private = exchange.identity is not ANONYMOUS
        # What is missing depends on the names that are there and on the type: the same few lists
        # come again and again. (Another value counts, Vary's; see _finish_slowly.)
        said = [value if name == "Content-Type" else name for name, value in headers]
        origin = facts.origin
        if origin and self._private_prefix and facts.path.startswith(self._private_prefix):
            origin = None  # the console is nobody else's to read, whoever is on the list
        key = (*said, origin, is_https, is_private, in_flask)
        known = self._missing.get(key)
        if known is None:
            known = self._finish_slowly(headers, key, origin)
        else:
            headers += known.pairs
        exchange.complete = known.is_complete
        if exchange.allowances:
            # As they were when the rates were taken, however long the view has worked since.
            headers += limit_headers(exchange.allowances, facts.opened_at)
        headers.append(("X-Request-ID", facts.request_id))

    def _finish_slowly(self, headers: Pairs, key: tuple[Any, ...], origin: str | None) -> _Missing:
        *_, is_https, is_private, in_flask = key
        names = {name.lower() for name, _ in headers}
        before = list(headers)
        if in_flask and self._finish_page is not None:
            self._finish_page(headers)
        if self._cors is not None:
            self._cors.finish(headers, origin)
        if self._profile is not None:
            self._profile.finish(headers, is_https=is_https, is_private=is_private)
        missing = _Missing(tuple(headers[len(before) :]), "content-length" in names)
        # A page has a nonce of its own; a Vary is added to; what was taken away stays away.
        is_plain = headers[: len(before)] == before and "vary" not in names
        if is_plain and _is_known_type(before):
            if len(self._missing) >= MAX_REMEMBERED:
                self._missing.clear()
            self._missing[key] = missing
        return missing


class _Missing(NamedTuple):
    """What answers with certain names of headers lack."""

    pairs: tuple[tuple[str, str], ...]
    is_complete: bool
    """Whether the answer says how long it is."""


def _is_known_type(headers: Pairs) -> bool:
    """Return whether these are not a page's, and the type is written as ``finish`` looks for it."""
    for name, value in headers:
        if name.lower() == "content-type" and (name != "Content-Type" or "html" in value.lower()):
            return False
    return True


_JSON: Final = "application/problem+json"
_HTML: Final = "text/html; charset=utf-8"


def _body(refusal: Refusal, exchange: Exchange) -> tuple[bytes, str]:
    accept = exchange.facts.accept
    if wants_page(accept):
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


def wants_page(accept: str) -> bool:
    """Return whether a browser asks: HTML is what it likes best of what we can give."""
    if "html" not in accept:
        return False
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
