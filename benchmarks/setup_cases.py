"""One start of one kind of program: ``python -m benchmarks.setup_cases CASE FOLDER``.

Runs in an interpreter of its own and prints what the start cost as one line of JSON. Nothing that a
case might need is imported before its clock starts; the comparison stands in setup_cost.py.
"""

import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

#: Takes the folder where it may keep a database: the same one for every start of a run.
Case = Callable[[Path], None]

#: The first request, but for its streams.
HEALTH_REQUEST: dict[str, object] = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/health",
    "QUERY_STRING": "",
    "SERVER_NAME": "api.example.com",
    "SERVER_PORT": "443",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "HTTP_HOST": "api.example.com",
    "REMOTE_ADDR": "203.0.113.1",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "https",
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
}


def import_flask(_: Path) -> None:
    """Imports Flask."""
    import flask  # noqa: F401


def import_jafsec(_: Path) -> None:
    """Imports Flask and the extension's package."""
    import flask  # noqa: F401

    import flask_jafsec  # noqa: F401


def import_class(_: Path) -> None:
    """Imports Flask and the name everybody uses, which loads what the package left for later."""
    import flask  # noqa: F401

    from flask_jafsec import JafSecurity  # noqa: F401


def serve_flask(folder: Path) -> None:
    """Serves the first request of an app with one view."""
    from flask import Flask

    app = Flask("start", instance_path=str(folder))
    app.add_url_rule("/health", view_func=health)
    first_request(app)


def serve_jafsec(folder: Path) -> None:
    """Serves the first request of the same app with the extension and its SQLite file."""
    from flask import Flask

    from flask_jafsec import JafSecurity

    app = Flask("start", instance_path=str(folder))
    app.config.update(JAFSEC_ROOT_KEYS=os.environ["BENCHMARK_ROOT_KEYS"])
    jafsec = JafSecurity(app)
    app.add_url_rule("/health", view_func=jafsec.public()(health))
    first_request(app)


def serve_by_hand(folder: Path) -> None:
    """Serves the first request of the same app with the stack put together by hand."""
    from flask import Flask
    from flask_cors import CORS
    from flask_jwt_extended import JWTManager
    from flask_limiter import Limiter
    from flask_limiter.util import get_remote_address
    from flask_talisman import Talisman

    app = Flask("start", instance_path=str(folder))
    app.config.update(JWT_SECRET_KEY=os.environ["BENCHMARK_ROOT_KEYS"])
    JWTManager(app)
    Limiter(get_remote_address, app=app, default_limits=["100/minute"], storage_uri="memory://")
    Talisman(app, force_https=False)
    CORS(app)
    app.add_url_rule("/health", view_func=health)
    first_request(app)


def health() -> str:
    """Returns what the one view answers."""
    return "ok"


def first_request(app: Callable[..., object]) -> None:
    """Serves one request the way a server would, without a test client's own imports.

    Raises:
        RuntimeError: The answer was not 200, so the start was not what it claims to be.
    """
    import io

    statuses: list[str] = []
    environ = {**HEALTH_REQUEST, "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr}
    body = app(environ, lambda status, *_: statuses.append(status))
    b"".join(body)  # type: ignore[arg-type]  # a WSGI application returns an iterable of bytes
    if not statuses[0].startswith("200"):
        raise RuntimeError(f"expected 200, got {statuses[0]}")


def resident_kb() -> int:
    """Returns the memory this process holds now; its peak where the system tells only that."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(status.partition("VmRSS:")[2].split()[0])


CASES: dict[str, Case] = {
    "import-flask": import_flask,
    "import-jafsec": import_jafsec,
    "import-class": import_class,
    "serve-flask": serve_flask,
    "serve-by-hand": serve_by_hand,
    "serve-jafsec": serve_jafsec,
}


def main(name: str, folder: str) -> None:
    """Runs the case and prints its cost: milliseconds, and the resident set in MB."""
    wall, cpu = time.perf_counter(), time.process_time()
    CASES[name](Path(folder))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    cost = {"cpu_ms": cpu * 1e3, "wall_ms": wall * 1e3, "resident_mb": resident_kb() / 1024}
    print("{" + ", ".join(f'"{key}": {value}' for key, value in cost.items()) + "}")
    sys.stdout.flush()
    # The cost of a start is known; the end of the program is nobody's figure.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
