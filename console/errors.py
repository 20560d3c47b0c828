"""The console's own pages for what goes wrong: nobody is left with a bare error."""

from __future__ import annotations

import logging
from typing import Final

from flask import Blueprint, Response
from werkzeug.exceptions import InternalServerError

from flask_jafsec.errors import NotFound, PermissionDenied, Refusal, StoreUnavailable
from flask_jafsec.web.caller import current_exchange
from flask_jafsec.web.declarations import REFUSED

from . import access
from .rendering import Pages

_log = logging.getLogger("flask_jafsec")

#: When a page that needed the database may be tried again, in seconds. As other answers 503 say.
RETRY_AFTER_S: Final = 5


def add(blueprint: Blueprint, pages: Pages) -> None:
    """Register the pages on *blueprint*."""

    def refused(refusal: Refusal) -> Response:
        policy = current_exchange().policy
        needed = policy.permissions if isinstance(refusal, PermissionDenied) else ()
        return pages.show(
            "errors/refused.html", {"refusal": refusal, "needed": sorted(needed)}, refusal.status
        )

    setattr(blueprint, REFUSED, refused)

    @blueprint.errorhandler(NotFound)
    def not_found(error: NotFound) -> Response:  # noqa: ARG001 - Flask's shape
        # What was looked for is not repeated: whether it exists may be none of their business.
        return pages.show("errors/not_found.html", {}, 404)

    @blueprint.errorhandler(StoreUnavailable)
    def unavailable(error: StoreUnavailable) -> Response:
        # Its text names hosts and files, so it goes to the log and none of it is shown.
        _log.warning("a page of the console needs the database: %s", error)
        access.assume_nobody()
        response = pages.show("errors/unavailable.html", {}, 503)
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
        return response

    @blueprint.errorhandler(InternalServerError)
    def crashed(error: InternalServerError) -> Response:  # noqa: ARG001 - Flask's shape
        access.assume_nobody()  # looking again might break again
        return pages.show("errors/crashed.html", {}, 500)
