"""Errors of our services that leave a view: each becomes the answer it means, in every host."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from flask import Flask, Response, request

from flask_jafsec.errors import (
    Busy,
    JafsecError,
    RateExceeded,
    Refusal,
    SecurityUnavailable,
    StoreUnavailable,
)
from flask_jafsec.pipeline.order import refuse
from flask_jafsec.web.gate import EXCHANGE

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from flask_jafsec.pipeline.services import Services
    from flask_jafsec.web.answers import Answers

E = TypeVar("E", bound=JafsecError)

_log = logging.getLogger("flask_jafsec")


def answer_escaped(app: Flask, services: Services, answers: Answers) -> None:
    """Answer 429 where a service is busy and 503 where a store does not answer, instead of 500.

    A host that has a handler of its own for the same error, or for a wider class of errors, is
    asked instead.
    """

    def answered(refusal: Refusal) -> Response:
        exchange = request.environ[EXCHANGE]
        halt = refuse(exchange, services, refusal)
        status, headers, body = answers.render(halt, exchange)
        return Response(body, status=status, headers=headers)

    def busy(error: Busy) -> Response:
        return answered(RateExceeded("service_busy", error.retry_after_s))

    def unavailable(error: StoreUnavailable) -> Response:
        # Its text names hosts and files, so it goes to the log and none of it is shown.
        _log.warning("a view needs what does not answer: %s", error)
        return answered(SecurityUnavailable(error.code))

    _register(app, Busy, busy)
    _register(app, StoreUnavailable, unavailable)


def _register(app: Flask, kind: type[E], answer: Callable[[E], Response]) -> None:
    handlers: Mapping[type[Exception], Any] = app.error_handler_spec[None][None]
    if kind in handlers:
        return

    def answered(error: E) -> ResponseReturnValue:
        # Flask asks the handler of the nearest class; before us it was one of these.
        wider = (handlers[cls] for cls in kind.__mro__[1:] if cls in handlers)
        theirs = next(wider, None)
        if theirs is None:
            return answer(error)
        asked: ResponseReturnValue = app.ensure_sync(theirs)(error)
        return asked

    app.register_error_handler(kind, answered)
