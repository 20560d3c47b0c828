"""The gate around ``app.wsgi_app``: opens an exchange, decides what needs no route, and records."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from os import urandom
from typing import TYPE_CHECKING, Any, Final

from flask_jafsec.errors import Halt, Refusal
from flask_jafsec.pipeline.exchange import Exchange, Facts
from flask_jafsec.pipeline.order import GATE, walk
from flask_jafsec.pipeline.recording import record_answer
from flask_jafsec.web.answers import Answers
from flask_jafsec.web.bodies import guard_chunked_body
from flask_jafsec.web.repeats import Repeats

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from flask_jafsec.pipeline.services import Services

#: Where the exchange stands in the WSGI environment. Not on ``flask.g``: pytest-flask shares that
#: between the requests of a test, and so does any context pushed around several requests.
EXCHANGE: Final = "flask_jafsec.exchange"

#: What is taken over from a caller's ``X-Request-ID``; anything else gets an id of ours.
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class RequestIds:
    """Makes request ids: unique among processes by a random part, cheap by a counter."""

    def __init__(self) -> None:
        self._prefix = urandom(6).hex()
        self._next = count(1).__next__

    def begin_again(self) -> None:
        """Take another random part: in the child of a fork both would count on from here."""
        self._prefix = urandom(6).hex()

    def of(self, sent: str | None) -> str:
        """Return the caller's own id where it is harmless, else a fresh one."""
        if sent is not None and _REQUEST_ID.fullmatch(sent):
            return sent
        return f"{self._prefix}-{self._next():x}"


class Gate:
    """A WSGI application around another."""

    def __init__(self, app: WSGIApplication, services: Services, answers: Answers) -> None:
        self._app = app
        self._services = services
        self._answers = answers
        self.request_ids = RequestIds()
        self._repeats = Repeats(services, self.request_ids.of)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Refuse what every route would refuse, else pass the request on."""
        if self._repeats.kept:
            ready = self._repeats.answer(environ, start_response)
            if ready is not None:
                return ready
        exchange = self.open(environ)
        halt = walk(GATE, exchange, self._services)
        if halt is not None:
            return self._answer(halt, exchange, environ, start_response)
        environ[EXCHANGE] = exchange
        return self._pass_on(environ, start_response, exchange)

    def open(self, environ: WSGIEnvironment) -> Exchange:
        """Return a new exchange with the facts that *environ* tells."""
        proxied = environ.get("werkzeug.proxy_fix.orig")
        facts = Facts(
            environ,
            (proxied or environ).get("REMOTE_ADDR") or "",
            _scheme(environ),
            self._services.clock.time(),
            self.request_ids.of(environ.get("HTTP_X_REQUEST_ID")),
        )
        return Exchange(facts, self._services)

    def _answer(
        self,
        halt: Halt,
        exchange: Exchange,
        environ: WSGIEnvironment,
        start_response: StartResponse,
    ) -> Iterable[bytes]:
        status, headers, text = self._answers.render(halt, exchange)
        self._answers.finish(headers, exchange)
        body = () if exchange.facts.method == "HEAD" else (text,)
        if isinstance(halt, Refusal):
            self._repeats.keep(environ, exchange, halt, (status, headers, body))
        start_response(status, headers)
        return body

    def _pass_on(
        self, environ: WSGIEnvironment, start_response: StartResponse, exchange: Exchange
    ) -> Iterable[bytes]:
        finish = self._answers.finish
        guard_chunked_body(environ)

        def start(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Callable[[bytes], object]:
            exchange.status = int(status[:3])
            if environ["wsgi.url_scheme"] == "https":
                exchange.facts.scheme = "https"  # a ProxyFix inside of us has learned it since
            finish(headers, exchange, in_flask=True)
            if exc_info is None:
                return start_response(status, headers)
            return start_response(status, headers, exc_info)

        try:
            body: Iterable[bytes] = self._app(environ, start)
        except BaseException:
            exchange.crashed = True
            record_answer(exchange, self._services)
            raise
        if exchange.complete:
            record_answer(exchange, self._services)
            return body
        wrapper = environ.get("wsgi.file_wrapper")
        if isinstance(wrapper, type) and isinstance(body, wrapper):
            # A server sends such a file by itself and never iterates: hand it through as it is.
            record_answer(exchange, self._services)
            return body
        return Body(body, exchange, self._services)


def _scheme(environ: WSGIEnvironment) -> str:
    scheme: str = environ["wsgi.url_scheme"]
    forwarded = environ.get("HTTP_X_FORWARDED_PROTO")
    # Of several proxies the first in the list is the caller's; each writes in a case of its own.
    if forwarded and scheme == "http" and forwarded.split(",")[0].strip().lower() == "https":
        # Believed for one thing only: not to redirect for ever behind a proxy that ends TLS and
        # a ProxyFix inside of us. Who forges it gets his own plain request answered.
        return "forwarded-https"
    return scheme


class Body:
    """An answer's pieces. Records the exchange when the server closes it, exactly once."""

    __slots__ = ("_body", "_exchange", "_next", "_services")

    def __init__(self, body: Iterable[bytes], exchange: Exchange, services: Services) -> None:
        self._body = body
        self._next = iter(body).__next__
        self._exchange = exchange
        self._services = services

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return self._next()
        except StopIteration:
            raise
        except BaseException:
            self._exchange.crashed = True
            raise

    def close(self) -> None:
        """Close the pieces, then record what became of the request."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            record_answer(self._exchange, self._services)
