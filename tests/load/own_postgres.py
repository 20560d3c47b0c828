"""A PostgreSQL of a test's own, which may be crashed and started again."""

from __future__ import annotations

import os
import shlex
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.servers import (
    NOBODY,
    Server,
    _wait_until_it_answers,
    start_postgres,
    start_under_warden,
)

#: How long a crashed server may take until it has replayed its log, in seconds.
RECOVERY_S = 60.0


class OwnPostgres:
    """One server. Between ``crash`` and ``start_again`` there is none."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._wait_for_answers()

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of its only database."""
        return f"postgresql+psycopg://postgres@/postgres?host={self._server.folder}"

    @property
    def folder(self) -> Path:
        """Where its socket stands."""
        return self._server.folder

    def crash(self) -> None:
        """Stop it at once, as ``pg_ctl stop -m immediate``: what is not in its log is gone."""
        pid = int((self._server.folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGQUIT)
        self._server.warden.wait(RECOVERY_S)
        if self._server.warden.stdin is not None:
            self._server.warden.stdin.close()

    def start_again(self) -> None:
        """Start it, and return when it has recovered."""
        folder = self._server.folder
        command = shlex.split((folder / "data" / "postmaster.opts").read_text())
        user = NOBODY if os.geteuid() == 0 else None
        # After a crash the socket's file is still there, with nobody behind it.
        self._server.socket_path.unlink(missing_ok=True)
        self._server = start_under_warden(folder, self._server.socket_path, "SIGINT", user, command)
        self._wait_for_answers()

    def stop(self) -> None:
        """Stop it for good and remove everything."""
        self._server.stop()

    def _wait_for_answers(self) -> None:
        _wait_until_it_answers(self._server)
        deadline = time.monotonic() + RECOVERY_S
        while True:
            try:
                psycopg.connect(host=str(self._server.folder), user="postgres").close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return


@contextmanager
def own_postgres() -> Iterator[OwnPostgres]:
    """Start a server with an empty database; it is gone at the end, whatever happens."""
    server = start_postgres()
    try:
        postgres = OwnPostgres(server)
    except BaseException:
        server.stop()
        raise
    try:
        yield postgres
    finally:
        postgres.stop()
