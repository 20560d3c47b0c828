"""Where Flask calls us: in front of the view, and when a view crashes."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from flask import (
    Flask,
    Request,
    Response,
    after_this_request,
    got_request_exception,
    request,
    url_for,
)
from werkzeug.exceptions import SecurityError

from flask_jafsec.errors import CredentialInvalid, CredentialMissing, Refusal, RouteUndeclared
from flask_jafsec.pipeline.exchange import Exchange
from flask_jafsec.pipeline.order import FOREIGN_HOST, GATE, INBOUND, walk
from flask_jafsec.pipeline.policy import UNROUTED
from flask_jafsec.pipeline.recording import record_answer
from flask_jafsec.web.answers import wants_page
from flask_jafsec.web.declarations import Declarations, refused_page_of, sign_in_of
from flask_jafsec.web.gate import EXCHANGE, Gate
from flask_jafsec.web.soundness import name_of

if TYPE_CHECKING:
    from flask_jafsec.errors import Halt
    from flask_jafsec.pipeline.services import Services
    from flask_jafsec.web.answers import Answers

#: Marks an exchange that was opened by the hook, because the request went around the gate.
WITHOUT_GATE: Final = "flask_jafsec.without_gate"


@dataclass(frozen=True, slots=True)
class Hooks:
    """What Flask calls for one app."""

    app: Flask
    gate: Gate
    services: Services
    answers: Answers
    declarations: Declarations

    def register(self) -> None:
        """Register the hook in front of the view, and listen for views that crash.

        There is no hook after the view: the gate sees every answer leave, also those of streams,
        which Flask's own hooks miss.
        """
        self.app.before_request(self.open)
        got_request_exception.connect(self.note_crash, self.app, weak=False)

    def open(self) -> Response | None:
        """Find the route's policy and walk the steps in front of the view."""
        # One look-up instead of ten; the method is Werkzeug's documented way to the object.
        flask_request = request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
        exchange = flask_request.environ.get(EXCHANGE)
        if exchange is None or exchange.home is not self.services:
            exchange = self._open_without_gate(flask_request)
            halt = walk(GATE, exchange, self.services)
            if halt is not None:
                return self._answer(halt, exchange)
        self._find_policy(exchange, flask_request)
        steps = INBOUND
        if isinstance(flask_request.routing_exception, SecurityError):
            steps = FOREIGN_HOST
        halt = walk(steps, exchange, self.services)
        return None if halt is None else self._answer(halt, exchange)

    def _open_without_gate(self, flask_request: Request) -> Exchange:
        """Open an exchange for a request that did not come through the gate.

        It happens when a host replaces ``app.wsgi_app`` instead of wrapping it (also below another
        app, whose exchange is not ours), and when a test calls ``preprocess_request`` itself. The
        steps of the gate are walked all the same.
        """
        exchange = self.gate.open(flask_request.environ)
        flask_request.environ[EXCHANGE] = exchange
        flask_request.environ[WITHOUT_GATE] = True
        after_this_request(self._finish_without_gate)
        return exchange

    def _find_policy(self, exchange: Exchange, flask_request: Request) -> None:
        rule = flask_request.url_rule
        if rule is None:
            return  # no such address, or not by this method: Flask answers 404 or 405
        exchange.route = rule.rule
        exchange.view_args = flask_request.view_args or {}
        method = flask_request.method
        if method == "OPTIONS" and getattr(rule, "provide_automatic_options", False):
            exchange.policy = UNROUTED
            return
        exchange.policy = self.declarations.of(rule.endpoint, method, flask_request.path)

    def _answer(self, halt: Halt, exchange: Exchange) -> Response:
        if isinstance(halt, RouteUndeclared) and self.app.debug:
            halt = self._explained(exchange.policy.fault)
        if (
            isinstance(halt, CredentialMissing | CredentialInvalid)
            and exchange.facts.method == "GET"
        ):
            sign_in = sign_in_of(self.app, request.blueprints)
            if sign_in:
                exchange.status = HTTPStatus.SEE_OTHER
                return Response(status=HTTPStatus.SEE_OTHER, headers={"Location": url_for(sign_in)})
        make = refused_page_of(self.app, request.blueprints)
        if make is not None and isinstance(halt, Refusal) and wants_page(exchange.facts.accept):
            exchange.status = halt.status
            page: Response = make(halt)
            page.headers.extend(halt.headers)
            return page
        status, headers, body = self.answers.render(halt, exchange)
        return Response(body, status=status, headers=headers)

    def _explained(self, fault: str) -> Refusal:
        endpoint = request.endpoint or ""
        view = inspect.unwrap(self.app.view_functions[endpoint])
        where = getattr(view, "__code__", None)
        line = f"{where.co_filename}:{where.co_firstlineno}" if where else endpoint
        name = name_of(view, endpoint)
        if fault:
            return RouteUndeclared(detail=f"{name} ({line}): {fault} (Shown in debug only.)")
        return RouteUndeclared(
            detail=f"{name} ({line}) says nothing about who may call it. Add "
            '@jafsec.require("some:permission") or @jafsec.public() directly above the function; '
            "if it is there, a decorator above it lacks functools.wraps. (Shown in debug only.)"
        )

    def note_crash(self, sender: Flask, **_: object) -> None:  # noqa: ARG002 - the signal's shape
        """Note that the view raised, and nobody handled it."""
        environ = request.environ
        exchange = environ.get(EXCHANGE)
        if exchange is not None:
            exchange.crashed = True
            if WITHOUT_GATE in environ:
                record_answer(exchange, self.services)

    def _finish_without_gate(self, response: Response) -> Response:
        exchange = request.environ[EXCHANGE]
        exchange.status = response.status_code
        pairs = list(response.headers.to_wsgi_list())
        self.answers.finish(pairs, exchange, in_flask=True)
        response.headers.clear()
        response.headers.extend(pairs)
        record_answer(exchange, self.services)
        return response
