"""Makes a blueprint and adds the pages."""

from __future__ import annotations

import logging

from flask import Blueprint, Response

from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.pipeline.policy import require_policy
from flask_jafsec.web.declarations import SIGN_IN, attach_to_blueprint

from .pages import routes, sign_in
from .rendering import Pages

_log = logging.getLogger("flask_jafsec")

#: The console's own policy: everything it shows comes from its own few files.
#: Source: OWASP Content Security Policy Cheat Sheet, strict policy without inline code.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)

#: Static files change only with a release, and carry its number in their address.
STATIC_MAX_AGE_S = 365 * 24 * 3600

#: When a page that needed the database may be tried again, in seconds. As other answers 503 say.
RETRY_AFTER_S = 5


def make_blueprint(app_name: str) -> Blueprint:
    """Return a console for one app; nothing is shared between apps."""
    blueprint = Blueprint("jafsec", __name__, static_folder="static", static_url_path="/static")
    # Whatever page is added and forgets to say who may see it is shown to nobody but people
    # who hold this.
    attach_to_blueprint(blueprint, require_policy(["jafsec:console:view"], credentials="session"))
    setattr(blueprint, SIGN_IN, "jafsec.sign_in")
    pages = Pages(app_name)
    sign_in.add(blueprint, pages)
    routes.add(blueprint, pages)
    blueprint.after_request(_with_headers)

    @blueprint.errorhandler(StoreUnavailable)
    def unavailable(error: StoreUnavailable) -> Response:
        # Its text names hosts and files, so it goes to the log and none of it is shown.
        _log.warning("a page of the console needs the database: %s", error)
        response = pages.show("unavailable.html", {"user_name": ""}, 503)
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
        return response

    return blueprint


def _with_headers(response: Response) -> Response:
    if response.headers.get("Content-Type", "").startswith("text/html"):
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Robots-Tag"] = "noindex"
        response.headers["Referrer-Policy"] = "same-origin"
    return response
