"""Refusals at the gate that come again: the answer is ready, only the counting is left to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from flask_jafsec.errors import CredentialInvalid, KeyElsewhere, RateExceeded, Refusal
from flask_jafsec.limiting.addresses import address_key
from flask_jafsec.limiting.headers import limit_state, retry_after_seconds

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

#: What the next such answer says anew.
_OF_ONE_ANSWER: Final = frozenset({"RateLimit", "Retry-After", "X-Request-ID"})


class Repeat:
    """One ready answer, good for requests that say the same, from ``since`` until ``until``."""

    __slots__ = (
        "body",
        "client",
        "free_at",
        "full_at",
        "headers",
        "since",
        "status",
        "until",
        "window",
    )

    def __init__(
        self,
        status: str,
        headers: list[tuple[str, str]],
        body: tuple[bytes, ...],
        window: Window,
        since: float,
        client: str,
        free_at: float | None,
        full_at: float,
    ) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.window = window
        self.since = since
        """A clock that was set back is before this: then nothing is ready."""
        self.client = client
        self.free_at = free_at
        """When the address's rate lets one through again; None where each such request takes
        from that rate, as guessing does."""
        self.full_at = full_at
        """When all of that rate is there again; a refusal takes nothing, so it stays."""
        self.until = window.ends_at if free_at is None else min(window.ends_at, free_at)


class Repeats:
    """Keeps the answers to refusals that are only counted by now.

    A flood is thereby answered at about the price of looking it up. Nothing is kept for a request
    that was let through, and none of the singly recorded refusals comes from here. An answer is
    kept when the same is refused a second time: credentials made up anew for each request would
    drive out the others, and never come again.
    """

    def __init__(self, services: Services, next_request_id: Callable[[str | None], str]) -> None:
        self._services = services
        self._next_request_id = next_request_id
        self.kept: dict[tuple[Any, ...], Repeat] = {}
        """By all of a request that its refusal can depend on; read by the gate, written here."""
        self._refused: set[int] = set()
        """Hashes of what was refused once. Two that share one are kept a request too early."""

    def answer(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> tuple[bytes, ...] | None:
        """Answer *environ* if it repeats a refusal, else return None."""
        repeat = self.kept.get(_key(environ))
        if repeat is None:
            return None
        now = self._services.clock.time()
        if not repeat.since <= now < repeat.until:
            return None
        free_at = repeat.free_at
        if free_at is None and not self._take(repeat.client):
            return None
        window = repeat.window
        window.tick()
        window.last_at = now
        request_id = self._next_request_id(environ.get("HTTP_X_REQUEST_ID"))
        headers = [*repeat.headers, ("X-Request-ID", request_id)]
        if free_at is not None:
            headers.append(("Retry-After", str(retry_after_seconds(free_at - now))))
            headers.append(("RateLimit", limit_state("address", 0, repeat.full_at - now)))
        start_response(repeat.status, headers)
        return repeat.body

    def keep(
        self,
        environ: WSGIEnvironment,
        exchange: Exchange,
        refusal: Refusal,
        answer: tuple[str, list[tuple[str, str]], tuple[bytes, ...]],
    ) -> None:
        """Keep *answer*, if it will be the same for the next such request."""
        key = _key(environ)
        if not self._was_refused(key):
            return
        window = self._window_of(exchange, refusal)
        if window is None or sum(map(len, filter(None, key))) > MAX_KEY_CHARS:
            return
        if len(self.kept) >= MAX_KEPT:
            self.kept.clear()
        status, headers, body = answer
        facts, free_at, full_at = exchange.facts, None, 0.0
        if isinstance(refusal, RateExceeded):
            free_at = facts.opened_at + refusal.retry_after_exact_s
            full_at = facts.opened_at + exchange.allowances[-1].reset_after_s
        headers = [pair for pair in headers if pair[0] not in _OF_ONE_ANSWER]
        self.kept[key] = Repeat(
            status, headers, body, window, facts.opened_at, facts.client, free_at, full_at
        )

    def _was_refused(self, key: tuple[Any, ...]) -> bool:
        """Return whether *key* was refused before, and remember that it is now."""
        hashed = hash(key)
        if hashed in self._refused:
            return True
        if len(self._refused) >= MAX_KEPT:
            self._refused.clear()
        self._refused.add(hashed)
        return False

    def _window_of(self, exchange: Exchange, refusal: Refusal) -> Window | None:
        """Return the window that counts *refusal*, if it was counted and is one we may keep."""
        if not isinstance(refusal, RateExceeded | CredentialInvalid):
            return None
        if isinstance(exchange.rejected, KeyElsewhere):
            return None  # each is counted as a use of that key
        key = ("refusal", refusal.code, exchange.facts.client)
        window = self._services.trail.counts.window(key, exchange.facts.opened_at)
        return window if window.event is not None else None

    def _take(self, client: str) -> bool:
        rate = self._services.address_rate
        if rate is None:
            return True
        rates = self._services.address_rates
        return rates.take(address_key(client), rate.limit, rate.window_s)[0]


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
