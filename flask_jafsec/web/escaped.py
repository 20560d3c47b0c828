"""Errors of our services that leave a view: each becomes the answer it means, in every host."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from flask import Flask, Response, request

from flask_jafsec.errors import Busy, RateExceeded, Refusal, SecurityUnavailable, StoreUnavailable
from flask_jafsec.pipeline.recording import record_refusal
from flask_jafsec.web.gate import EXCHANGE

if TYPE_CHECKING:
    from flask_jafsec.pipeline.services import Services
    from flask_jafsec.web.answers import Answers

_log = logging.getLogger("flask_jafsec")


def answer_escaped(app: Flask, services: Services, answers: Answers) -> None:
    """Answer 429 where a service is busy and 503 where a store does not answer, instead of 500.

    A host that registers a handler of its own for the same error, later, is asked instead.
    """

    def refuse(refusal: Refusal) -> Response:
        exchange = request.environ[EXCHANGE]
        exchange.decision = record_refusal(exchange, services, refusal)
        status, headers, body = answers.render(refusal, exchange)
        return Response(body, status=status, headers=headers)

    def busy(error: Busy) -> Response:
        return refuse(RateExceeded("service_busy", error.retry_after_s))

    def unavailable(error: StoreUnavailable) -> Response:
        # Its text names hosts and files, so it goes to the log and none of it is shown.
        _log.warning("a view needs what does not answer: %s", error)
        return refuse(SecurityUnavailable(error.code))

    app.register_error_handler(Busy, busy)
    app.register_error_handler(StoreUnavailable, unavailable)
