"""What others get without us: bare Flask, and the stack one puts together by hand."""

import json
import logging
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from flask import Flask, Response, abort, request

from benchmarks.browser import CLIENTS, ORIGIN, PATH, bearer, bearer_each, browser_requests
from benchmarks.measuring import App, Subject, serve

#: What the view answers in every variant.
ANSWER = {"reply": "Hello, how can I help?", "conversation": "0199c1f2", "tokens": 7}
#: A limit no benchmark reaches, so that every request pays for the check and none is refused.
AMPLE_LIMIT = "100000/minute"
PERMISSION = "chat:basic"


def bare_flask() -> Subject:
    """Returns Flask with one view and nothing else."""
    app = Flask("bare")
    app.add_url_rule(PATH, view_func=chat)
    return Subject(app.wsgi_app, browser_requests(), "200")


def chat() -> dict[str, object]:
    """Returns the answer: the view of every variant."""
    return dict(ANSWER)


def by_hand() -> Subject:
    """Returns the do-it-yourself stack, meeting a client with a good token."""
    app, token = by_hand_app(AMPLE_LIMIT)
    return Subject(app, browser_requests(bearer(token)), "200")


def by_hand_forged() -> Subject:
    """Returns the do-it-yourself stack, meeting tokens somebody made up."""
    app, token = by_hand_app(AMPLE_LIMIT)
    return Subject(app, browser_requests(bearer_each(forgeries(token))), "422")


def by_hand_over_limit() -> Subject:
    """Returns the do-it-yourself stack, meeting addresses whose limit is spent."""
    app, token = by_hand_app("1/day")
    return Subject(spent(app, token), browser_requests(bearer(token)), "429")


def spent(app: App, token: str) -> App:
    """Returns *app* after every client has used its one request."""
    serve(app, browser_requests(bearer(token))(2 * CLIENTS))
    return app


def forgeries(genuine: str) -> Iterator[str]:
    """Yields *genuine* with a new signature of the right length each time."""
    signed, _, signature = genuine.rpartition(".")
    size = len(signature) * 3 // 4
    while True:
        yield f"{signed}.{secrets.token_urlsafe(size)}"


def by_hand_app(limit: str) -> tuple[App, str]:
    """Returns Flask with flask-jwt-extended, flask-limiter, flask-talisman, flask-cors and a log.

    The same checks as our whole line: a token, a permission, a limit an address, security
    headers, CORS, one record a request. Also returns a token it accepts.
    """
    from flask_jwt_extended import create_access_token, get_jwt, jwt_required

    app = Flask("by_hand")
    add_extensions(app, limit)

    @app.get(PATH)
    @jwt_required()  # type: ignore[untyped-decorator]  # flask-jwt-extended ships no types for it
    def guarded() -> dict[str, object]:
        if PERMISSION not in get_jwt()["permissions"]:
            abort(403)
        return chat()

    with app.app_context():
        token = create_access_token("alice", additional_claims={"permissions": [PERMISSION]})
    return app.wsgi_app, token


def add_extensions(app: Flask, limit: str) -> None:
    """Adds everything but the declaration at the view."""
    from flask_cors import CORS
    from flask_jwt_extended import JWTManager
    from flask_limiter import Limiter
    from flask_limiter.util import get_remote_address
    from flask_talisman import Talisman

    app.config.update(JWT_SECRET_KEY=secrets.token_hex(32), JWT_ACCESS_TOKEN_EXPIRES=86400)
    JWTManager(app)
    Limiter(get_remote_address, app=app, default_limits=[limit], storage_uri="memory://")
    Talisman(app)
    CORS(app, origins=[ORIGIN])
    app.after_request(log_line())


def log_line() -> "Recorder":
    """Returns an ``after_request`` function that logs one line of JSON to the null device."""
    logger = logging.getLogger("benchmarks.by_hand")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    if not logger.handlers:
        handler = logging.StreamHandler(null_stream())
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        logger.addHandler(handler)
    return Recorder(logger)


def null_stream() -> TextIO:
    """Returns a text stream whose lines cost a write and go nowhere; never closed."""
    return Path(os.devnull).open("w", encoding="utf-8")


class Recorder:
    """Logs one line of JSON a request."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def __call__(self, response: Response) -> Response:
        """Logs the request and its outcome, and returns *response* as it is."""
        line = {
            "method": request.method,
            "path": request.path,
            "status": response.status_code,
            "client": request.remote_addr,
            "agent": request.user_agent.string,
        }
        self._logger.info(json.dumps(line))
        return response
