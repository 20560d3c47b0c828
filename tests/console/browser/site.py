"""The console in a process of its own, with data that never changes.

``python -m tests.console.browser.site FOLDER`` prints one line of JSON when it serves, and ends
with its standard input: whoever started it may be killed, and nothing stays behind.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from base64 import b64encode
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from flask_jafsec import JafSecurity
from flask_jafsec.identity.permissions import Actor
from flask_jafsec.testing import FrozenClock
from flask_jafsec.web.extension import state_of
from flask_jafsec.web.state import State
from tests.console.browser import contents

PREFIX = "/security"
PASSWORD = "violet engines hum"
OPERATOR = Actor.operator("cli:tests")

#: Every name of a person is one that a page must show well.
ADMIN = "ada.okafor@example.org"
GUEST = "guest"
NEWCOMER = "newcomer"


@dataclass(frozen=True, slots=True)
class Ready:
    """What the server says when it serves."""

    origin: str
    cookies: dict[str, str]
    """The session of each visitor who has one, by name."""
    names: dict[str, str]
    """What stands in braces in the paths of pages.py: ids that are known only now."""


class _Quiet(WSGIRequestHandler):
    """Keeps connections alive as real servers do, and its requests to itself."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def make_app(folder: Path) -> Flask:
    """Return the application under test."""
    app = Flask("orchard", instance_path=str(folder))
    app.config.update(
        SECRET_KEY="k" * 40,
        TESTING=True,
        JAFSEC_CONSOLE_NAME="Orchard Support",
        JAFSEC_DATABASE_URL=f"sqlite:///{folder / 'site.sqlite'}",
        JAFSEC_ROOT_KEYS=[f"k1:{b64encode(sha256(b'orchard').digest()).decode()}"],
        JAFSEC_LIMITS_ENABLED=False,  # one address opens every page within seconds
        JAFSEC_LOG_ENABLED=False,
        JAFSEC_ROLES={"user": ["chat:basic"], "manager": ["chat:basic", "agent:*"]},
    )
    jafsec = JafSecurity(app, clock=FrozenClock())

    @app.get("/chat")
    @jafsec.require("chat:basic")
    def chat() -> str:
        return "hello"

    @app.get("/about")
    @jafsec.public()
    def about() -> str:
        return "about"

    @app.get("/undeclared")
    def undeclared() -> str:
        return ""

    return app


def fill(state: State) -> tuple[dict[str, str], dict[str, str]]:
    """Make people and things; return the cookies of visitors and the names in paths."""
    cookies, names = {}, contents.fill(state)
    for visitor, name in (("admin", ADMIN), ("guest", GUEST)):
        made = state.users.create(name, by=OPERATOR, password=PASSWORD)
        if visitor == "admin":
            for role in ("jafsec_admin", "manager"):
                state.roles.grant(made.user.id, role, by=OPERATOR)
        cookies[visitor] = state.sessions.open(made.user).cookie
    newcomer = state.users.create(NEWCOMER, by=OPERATOR)
    cookies["newcomer"] = state.sessions.open(newcomer.user).cookie
    return cookies, names


def main() -> None:
    """Serve until standard input ends."""
    folder = Path(sys.argv[1])
    for name in [name for name in os.environ if name.startswith("JAFSEC_")]:
        del os.environ[name]
    app = make_app(folder)
    cookies, names = fill(state_of(app))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ready = Ready(f"http://127.0.0.1:{server.port}", cookies, names)
    sys.stdout.write(json.dumps(asdict(ready)) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.shutdown()
    state_of(app).services.trail.close()


if __name__ == "__main__":
    main()
