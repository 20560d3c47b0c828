"""An app around an agent, with the guide's roles: who may chat, manage agents, export data."""

from __future__ import annotations

import json
from collections.abc import Iterator

from flask import Flask, Response, abort, jsonify, request

from flask_jafsec import JafSecurity, current_identity
from flask_jafsec.errors import CredentialRejected
from flask_jafsec.records import TokenPair

from .agent import answer, answer_in_pieces

#: The guide's four roles.
ROLES = {
    "user": ["chat:basic"],
    "premium_user": ["chat:basic", "chat:advanced"],
    "admin": ["chat:basic", "chat:advanced", "agent:manage", "analytics:view"],
    "system_admin": [
        "chat:basic",
        "chat:advanced",
        "agent:manage",
        "analytics:view",
        "data:export",
        "system:admin",
    ],
}

jafsec = JafSecurity()


def create_app(**settings: object) -> Flask:
    """Return the app; *settings* go over the defaults and the environment."""
    app = Flask(__name__)
    app.config.from_mapping(JAFSEC_ROLES=ROLES, JAFSEC_ROUTES={"/chat*": {"limit": "chat"}})
    app.config["MAX_CONTENT_LENGTH"] = 1024 * 1024  # nobody chats in megabytes
    app.config.from_mapping(settings)
    jafsec.init_app(app)
    app.config.setdefault("AGENTS", {})
    _add_token_routes(app)
    _add_chat_routes(app)
    _add_management_routes(app)
    return app


def _add_token_routes(app: Flask) -> None:
    @app.post("/auth/login")
    @jafsec.public(limit="10/minute")
    def login() -> Response:
        sent = _json_object()
        try:
            user = jafsec.users.authenticate(
                sent.get("name", ""), sent.get("password", ""), source=request.remote_addr or ""
            )
        except CredentialRejected:
            abort(401, "Name and password do not belong together.")
        if user.must_change:
            abort(403, "Choose a password of your own first, at /security.")
        return _pair(jafsec.tokens.issue(user.id, by=user.id))

    @app.post("/auth/refresh")
    @jafsec.public(limit="30/minute")
    def refresh() -> Response:
        try:
            return _pair(jafsec.tokens.refresh(_json_object().get("refresh_token", "")))
        except CredentialRejected:
            abort(401, "Sign in again.")

    @app.get("/health")
    @jafsec.public(limit=None)
    def health() -> dict[str, str]:
        return {"status": "ok"}


def _add_chat_routes(app: Flask) -> None:
    @app.post("/chat")
    @jafsec.require("chat:basic")
    def chat() -> dict[str, str]:
        return {"reply": answer(_message()), "to": current_identity.subject}

    @app.post("/chat/stream")
    @jafsec.require("chat:advanced")
    def stream() -> Response:
        message = _message()

        def pieces() -> Iterator[str]:
            for piece in answer_in_pieces(message):
                yield f"data: {json.dumps({'text': piece})}\n\n"
            yield "event: end\ndata: {}\n\n"

        return Response(pieces(), mimetype="text/event-stream")


def _add_management_routes(app: Flask) -> None:
    agents: dict[str, str] = app.config["AGENTS"]

    @app.get("/agents")
    @jafsec.require("agent:manage", limit="api")
    def list_agents() -> dict[str, object]:
        return {"agents": agents}

    @app.post("/agents")
    @jafsec.require("agent:manage", limit="api")
    def create_agent() -> tuple[dict[str, str], int]:
        sent = _json_object()
        name, purpose = sent.get("name", ""), sent.get("purpose", "")
        if not name or len(name) > 60 or len(purpose) > 500:
            abort(400, "An agent needs a name of 1 to 60 characters.")
        agents[name] = purpose
        return {"name": name, "purpose": purpose}, 201

    @app.get("/export")
    @jafsec.require("data:export", credentials=("token", "session"), limit="api", cost=10)
    def export() -> Response:
        lines = (json.dumps({"agent": name, "purpose": agents[name]}) + "\n" for name in agents)
        return Response(lines, mimetype="application/x-ndjson")


def _pair(pair: TokenPair) -> Response:
    answer = jsonify(pair.as_dict())
    answer.headers["Cache-Control"] = "no-store"  # RFC 6749 section 5.1
    return answer


def _json_object() -> dict[str, str]:
    sent = request.get_json()
    if not isinstance(sent, dict) or not all(isinstance(value, str) for value in sent.values()):
        abort(400, "Send a JSON object whose members are texts.")
    return sent


def _message() -> str:
    message = _json_object().get("message", "")
    if not message or len(message) > 10_000:
        abort(400, "Send a message of 1 to 10,000 characters.")
    return message
