"""Small apps for tests: real ones, with a store in memory and events that are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from flask_jafsec import JafSecurity
from flask_jafsec.events import Event, EventType
from flask_jafsec.identity.permissions import Actor
from flask_jafsec.protocols import Store
from flask_jafsec.stores.memory import MemoryStore
from flask_jafsec.testing import CapturedEvents, FrozenClock
from flask_jafsec.web.extension import state_of

OPERATOR = Actor.operator("cli:tests")

ROLES = {
    "user": ["chat:basic"],
    "manager": ["chat:basic", "agent:*"],
}


class Buffered(FlaskClient):
    """Reads every answer to its end, as a server does: only then it is recorded."""

    def open(self, *args: Any, buffered: bool = True, **kwargs: Any) -> TestResponse:
        return super().open(*args, buffered=buffered, **kwargs)


@dataclass(frozen=True, slots=True)
class Place:
    """An app under test and what belongs to it."""

    app: Flask
    jafsec: JafSecurity
    clock: FrozenClock
    captured: CapturedEvents

    @property
    def client(self) -> FlaskClient:
        """Return a fresh client, without cookies."""
        return self.app.test_client()

    @property
    def raw(self) -> FlaskClient:
        """Return a client that sends the Cookie header it is given."""
        return self.app.test_client(use_cookies=False)

    def token(self, subject: str = "ann", *roles: str, **options: Any) -> str:
        """Return an access token of a subject that holds *roles* (``user`` when none is named)."""
        state = state_of(self.app)
        for role in roles or ("user",):
            state.roles.grant(subject, role, by=OPERATOR)
        return state.tokens.issue(subject, **options).access

    def bearer(self, subject: str = "ann", *roles: str, **options: Any) -> dict[str, str]:
        """Return the headers of a caller with a token."""
        return {"Authorization": f"Bearer {self.token(subject, *roles, **options)}"}

    def key(self, *scopes: str, **options: Any) -> str:
        """Return a new API key."""
        state = state_of(self.app)
        minted = state.keys.mint(
            options.pop("name", "ci"), scopes=frozenset(scopes), by=OPERATOR, **options
        )
        return minted.secret

    def chores(self) -> None:
        """Do at once what the trail's writer does about once a second."""
        for chore in state_of(self.app).services.trail._chores:
            chore(False)

    def events(self, event_type: EventType | None = None) -> list[Event]:
        """Return what was recorded so far, of one type or all."""
        found = self.captured.all(self.app)
        return [e for e in found if event_type is None or e.type is event_type]


def make_place(
    *,
    store: Store | None = None,
    load_roles: Callable[[str], Iterable[str]] | None = None,
    bare: bool = False,
    **settings: Any,
) -> Place:
    """Return an app with JafSecurity and, unless *bare*, five routes."""
    app = Flask("place")
    app.testing = True
    app.test_client_class = Buffered
    app.config.from_mapping(JAFSEC_ROLES=ROLES, **settings)
    clock = FrozenClock()
    captured = CapturedEvents()
    jafsec = JafSecurity(
        app,
        store=store or MemoryStore(),
        sinks=[captured],
        clock=clock,
        load_roles=load_roles,
    )
    if not bare:
        _add_routes(app, jafsec)
    return Place(app, jafsec, clock, captured)


def _add_routes(app: Flask, jafsec: JafSecurity) -> None:
    @app.route("/chat", methods=["GET", "POST"])
    @jafsec.require("chat:basic", limit=None)
    def chat() -> dict[str, str]:
        return {"reply": "hello"}

    @app.get("/agents")
    @jafsec.require("agent:manage")
    def agents() -> dict[str, str]:
        return {"agents": "none"}

    @app.get("/public")
    @jafsec.public(limit=None)
    def public() -> str:
        from flask_jafsec import current_identity

        return current_identity.subject or "anonymous"

    @app.get("/undeclared")
    def undeclared() -> str:
        return "nobody should read this"

    @app.get("/crash")
    @jafsec.public(limit=None)
    def crash() -> str:
        raise RuntimeError("the view broke")
