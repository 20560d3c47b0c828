"""Refusals at the gate that come again: the answer is ready, only the counting is left to do."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from flask_jafsec.errors import CredentialInvalid, RateExceeded, Refusal
from flask_jafsec.limiting.addresses import address_key

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from flask_jafsec.audit.counting import Window
    from flask_jafsec.pipeline.exchange import Exchange
    from flask_jafsec.pipeline.services import Services

#: How many answers are kept ready. Above that all are forgotten, which costs a few microseconds
#: for each of their callers once.
MAX_KEPT: Final = 4_096

#: Answers to requests with longer credentials are not kept: memory is not for strangers to fill.
MAX_KEY_CHARS: Final = 2_048


class Repeat:
    """One ready answer, good for requests that say the same, until ``until``."""

    __slots__ = ("body", "client", "headers", "status", "takes", "until", "window")

    def __init__(
        self,
        status: str,
        headers: list[tuple[str, str]],
        body: tuple[bytes, ...],
        window: Window,
        until: float,
        client: str,
        *,
        takes: bool,
    ) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.window = window
        self.until = until
        self.client = client
        self.takes = takes
        """Whether each such request takes from the address's rate, as guessing does."""


class Repeats:
    """Keeps the answers to refusals that are only counted by now.

    A flood is thereby answered at about the price of looking it up. Nothing is kept for a request
    that was let through, and none of the singly recorded refusals comes from here.
    """

    def __init__(self, services: Services, next_request_id: Callable[[str | None], str]) -> None:
        self._services = services
        self._next_request_id = next_request_id
        self._kept: dict[tuple[Any, ...], Repeat] = {}

    def answer(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> tuple[bytes, ...] | None:
        """Answer *environ* if it repeats a refusal, else return None."""
        repeat = self._kept.get(_key(environ))
        if repeat is None:
            return None
        now = self._services.clock.time()
        if now >= repeat.until or (repeat.takes and not self._take(repeat.client)):
            return None
        window = repeat.window
        window.tick()
        window.last_at = now
        request_id = self._next_request_id(environ.get("HTTP_X_REQUEST_ID"))
        start_response(repeat.status, [*repeat.headers, ("X-Request-ID", request_id)])
        return repeat.body

    def __len__(self) -> int:
        return len(self._kept)

    def keep(
        self,
        environ: WSGIEnvironment,
        exchange: Exchange,
        refusal: Refusal,
        answer: tuple[str, list[tuple[str, str]], tuple[bytes, ...]],
    ) -> None:
        """Keep *answer*, if it will be the same for the next such request."""
        window = self._window_of(exchange, refusal)
        if window is None:
            return
        key = _key(environ)
        if sum(len(part) for part in key if part) > MAX_KEY_CHARS:
            return
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        status, headers, body = answer
        until, takes = window.ends_at, True
        if isinstance(refusal, RateExceeded):
            until, takes = min(until, _until(refusal, exchange.facts.opened_at)), False
        headers = [pair for pair in headers if pair[0] != "X-Request-ID"]
        client = exchange.facts.client
        self._kept[key] = Repeat(status, headers, body, window, until, client, takes=takes)

    def _window_of(self, exchange: Exchange, refusal: Refusal) -> Window | None:
        """Return the window that counts *refusal*, if it was counted and is one we may keep."""
        if not isinstance(refusal, RateExceeded | CredentialInvalid):
            return None
        key = ("refusal", refusal.code, exchange.facts.client)
        window = self._services.trail.counts.window(key, exchange.facts.opened_at)
        return window if window.event is not None else None

    def _take(self, client: str) -> bool:
        rate = self._services.address_rate
        if rate is None:
            return True
        rates = self._services.address_rates
        return rates.take(address_key(client), rate.limit, rate.window_s)[0]


def _until(refusal: RateExceeded, now: float) -> float:
    """Return until when ``Retry-After`` says the same: its whole seconds are rounded up."""
    left = refusal.retry_after_exact_s
    return now + left - (ceil(left) - 1)


def _key(environ: WSGIEnvironment) -> tuple[Any, ...]:
    """Return all of a request that its refusal at the gate can depend on."""
    get = environ.get
    proxied = get("werkzeug.proxy_fix.orig")
    return (
        (proxied or environ).get("REMOTE_ADDR"),
        get("HTTP_AUTHORIZATION"),
        get("HTTP_X_API_KEY"),
        get("HTTP_ORIGIN"),
        get("HTTP_ACCEPT"),
        get("HTTP_COOKIE"),
        environ["wsgi.url_scheme"],
        get("HTTP_X_FORWARDED_PROTO"),
        environ["REQUEST_METHOD"],
        get("PATH_INFO"),
    )
