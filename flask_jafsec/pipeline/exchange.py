"""The one object a request carries through the house."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_jafsec.errors import CredentialRejected
from flask_jafsec.pipeline.policy import UNROUTED, RoutePolicy
from flask_jafsec.protocols import Allowance
from flask_jafsec.records import ANONYMOUS, Credential, Identity


class Facts:
    """What is true about a request when it opens; never changed afterwards.

    A plain class with slots, because it is made for every request: a frozen dataclass of this
    size costs four times as much to build.
    """

    __slots__ = (
        "accept",
        "agent",
        "api_key",
        "authorization",
        "client",
        "cookie",
        "host",
        "method",
        "mount",
        "opened_at",
        "origin",
        "path",
        "preflight_headers",
        "preflight_method",
        "query",
        "request_id",
        "scheme",
        "sec_fetch_site",
    )

    def __init__(
        self,
        environ: Mapping[str, Any],
        client: str,
        scheme: str,
        opened_at: float,
        request_id: str,
    ) -> None:
        """Copy what the steps may ask for from *environ*, a WSGI environment (PEP 3333).

        The environment itself is not kept: it holds the exchange, and the circle would leave the
        whole request to the garbage collector, which costs half a request.
        """
        get = environ.get
        self.method: str = environ["REQUEST_METHOD"]
        self.path: str = get("PATH_INFO", "")
        self.client = client
        self.scheme = scheme
        self.opened_at = opened_at
        self.request_id = request_id
        self.authorization: str | None = get("HTTP_AUTHORIZATION")
        self.api_key: str | None = get("HTTP_X_API_KEY")
        self.cookie: str | None = get("HTTP_COOKIE")
        self.origin: str | None = get("HTTP_ORIGIN")
        self.accept: str = get("HTTP_ACCEPT", "")
        self.agent: str = get("HTTP_USER_AGENT", "")
        self.sec_fetch_site: str | None = get("HTTP_SEC_FETCH_SITE")
        self.host: str = get("HTTP_HOST") or get("SERVER_NAME", "")
        self.mount: str = get("SCRIPT_NAME", "")
        self.query: str = get("QUERY_STRING", "")
        self.preflight_method: str | None = None
        self.preflight_headers = ""
        if self.method == "OPTIONS":  # no other method is a preflight (Fetch standard, 3.2.2)
            self.preflight_method = get("HTTP_ACCESS_CONTROL_REQUEST_METHOD")
            self.preflight_headers = get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")


class Exchange:
    """One request on its way through the house.

    Facts are set when it opens and never change. Each finding is written by exactly one step,
    named in its comment.
    """

    __slots__ = (
        "allowances",
        "complete",
        "crashed",
        "cross_site",
        "decision",
        "facts",
        "home",
        "identity",
        "key_rate",
        "policy",
        "presented",
        "recorded",
        "rejected",
        "route",
        "status",
        "unavailable",
        "view_args",
    )

    def __init__(self, facts: Facts, home: object = None) -> None:
        self.facts = facts
        self.home = home  # the services of the app it belongs to; apps may be nested
        self.identity: Identity = ANONYMOUS  # authenticate, authenticate_session
        self.rejected: CredentialRejected | None = None  # authenticate: good once, ended since
        self.unavailable = ""  # authenticate: what was down
        self.presented = Credential.NONE  # authenticate: what kind was sent, good or not
        self.cross_site = False  # authenticate_session
        self.key_rate = ""  # authenticate: the key's own rate
        self.policy: RoutePolicy = UNROUTED  # the hook that knows the route
        self.route = ""  # the hook that knows the route: the rule, never the raw path
        self.view_args: Mapping[str, object] = {}  # the hook that knows the route
        self.allowances: tuple[Allowance, ...] = ()  # limit_client, limit_identity, limit_everybody
        self.decision = ""  # the loop: the id of the event of a refusal
        self.status = 0  # the answer's status
        self.complete = False  # the gate: the answer's length is known, so no piece is missing
        self.crashed = False  # Flask's signal, or the gate: the view raised
        self.recorded = False  # record; an exchange is recorded exactly once
