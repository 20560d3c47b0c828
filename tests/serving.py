"""A real gunicorn with an app of these tests, on a free port of this machine."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

#: How long anything real may take before a test gives up, in seconds. Nothing waits this long
#: unless it is broken.
PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Served:
    """A running server."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def ask(
        self, path: str, headers: dict[str, str] | None = None, method: str = "GET"
    ) -> tuple[int, str]:
        """Return status and body of one request on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        with contextlib.closing(connection):
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def statuses(self, path: str, headers: dict[str, str], number: int) -> set[int]:
        """Return the different statuses of *number* requests, which meet every worker."""
        return {self.ask(path, headers)[0] for _ in range(number)}

    def stop(self) -> str:
        """Stop it as a supervisor does; return what it logged."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE_S)
        return self.log.read_text()


@contextlib.contextmanager
def served(tmp_path: Path, app: str, *options: str, **environment: str) -> Iterator[Served]:
    """Serve *app* (``module:variable``) until the block ends."""
    port = _free_port()
    log = tmp_path / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}"),
                *("--no-control-socket", "--graceful-timeout", "5", *options, app),
            ],
            env={**os.environ, **environment},
            stdout=out,
            stderr=out,
        )
        server = Served(port, process, log)
        try:
            _wait_until_open(server)
            yield server
        finally:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait_until_open(server: Served) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server.port), 1):
            return
        if server.process.poll() is not None:
            break
        time.sleep(0.05)
    raise AssertionError(f"the server did not start:\n{server.log.read_text()}")
