"""The one object a request carries through the house."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_jafsec.errors import CredentialRejected, Refusal
from flask_jafsec.pipeline.policy import UNROUTED, RoutePolicy
from flask_jafsec.protocols import Allowance
from flask_jafsec.records import ANONYMOUS, Credential, Identity


class Facts:
    """What is true about a request when it opens; never changed afterwards.

    A plain class with slots, because it is made for every request: a frozen dataclass of this
    size costs four times as much to build. What few requests need is read from the headers when
    it is asked for.
    """

    __slots__ = (
        "_environ",
        "api_key",
        "authorization",
        "client",
        "cookie",
        "method",
        "opened_at",
        "origin",
        "path",
        "request_id",
        "scheme",
    )

    def __init__(  # noqa: PLR0913 - every fact is named at the one place that gathers them
        self,
        *,
        method: str,
        path: str,
        environ: Mapping[str, Any],
        scheme: str = "http",
        client: str = "",
        opened_at: float = 0.0,
        request_id: str = "",
        authorization: str | None = None,
        api_key: str | None = None,
        cookie: str | None = None,
        origin: str | None = None,
    ) -> None:
        self.method = method
        self.path = path
        self._environ = environ
        self.scheme = scheme
        self.client = client
        self.opened_at = opened_at
        self.request_id = request_id
        self.authorization = authorization
        self.api_key = api_key
        self.cookie = cookie
        self.origin = origin

    def header(self, name: str) -> str | None:
        """Return a request header by its lower-case name with underscores, or None."""
        value: str | None = self._environ.get("HTTP_" + name.upper())
        return value

    @property
    def host(self) -> str:
        """The host the caller named, with its port where one was given."""
        return self._environ.get("HTTP_HOST") or self._environ.get("SERVER_NAME") or ""

    @property
    def query(self) -> str:
        """The raw query string."""
        return self._environ.get("QUERY_STRING") or ""

    @property
    def mount(self) -> str:
        """The path under which the application is mounted; usually empty."""
        return self._environ.get("SCRIPT_NAME") or ""


class Exchange:
    """One request on its way through the house.

    Facts are set when it opens and never change. Each finding is written by exactly one step,
    named in its comment.
    """

    __slots__ = (
        "allowances",
        "cross_site",
        "crashed",
        "decision",
        "facts",
        "home",
        "identity",
        "key_rate",
        "policy",
        "presented",
        "recorded",
        "refusal",
        "rejected",
        "route",
        "status",
        "streams",
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
        self.allowances: tuple[Allowance, ...] = ()  # limit_client, limit_identity
        self.refusal: Refusal | None = None  # the loop, when a step raises
        self.decision = ""  # the loop: the id of the event of a refusal
        self.status = 0  # the answer's status
        self.streams = True  # the hook after the view: whether pieces are still to come
        self.crashed = False  # the hook that closes: the view raised
        self.recorded = False  # record; an exchange is recorded exactly once
