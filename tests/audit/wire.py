"""A wire to PostgreSQL that breaks in the middle of a commit, in every way it can."""

from __future__ import annotations

import contextlib
import select
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.audit.log_setting import Setting, event, log_on
from tests.stores.proxy import Proxy

COMMIT = b"COMMIT\0"


class CommitWire(Proxy):
    """Loses the next commits: before the server has them, or the answers after it has."""

    def __init__(self, target: str, folder: Path) -> None:
        self.before = 0
        """How many commits never reach the server."""
        self.after = 0
        """How many reach it, while nobody hears of it."""
        self.then_refuses = False
        """Whether the server is gone after the next lost commit."""
        self.held = threading.Event()
        """Set when a commit is held back."""
        self.release: threading.Event | None = None
        """What a commit waits for on its way, its client being gone already."""
        super().__init__(target, folder)

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        others = {client: server, server: client}
        with client, server, contextlib.suppress(OSError):
            while True:
                for ready in select.select([client, server], [], [])[0]:
                    piece = ready.recv(65536)
                    self._going.wait()
                    if not piece or (COMMIT in piece and self._loses(piece, client, server)):
                        return
                    others[ready].sendall(piece)

    def _loses(self, piece: bytes, client: socket.socket, server: socket.socket) -> bool:
        if self.release is not None:
            release, self.release = self.release, None
            client.shutdown(socket.SHUT_RDWR)
            self.held.set()
            release.wait()
            server.sendall(piece)
            server.recv(65536)
            return True
        if not self.before and not self.after:
            return False
        if self.before:
            self.before -= 1
        else:
            self.after -= 1
            server.sendall(piece)
            server.recv(65536)  # the answer: it is done
        if self.then_refuses:
            self.refuse()
        return True


@contextlib.contextmanager
def wire_to(url: str) -> Iterator[tuple[CommitWire, str]]:
    """Yield a wire to the database of *url*, and the URL that leads through it."""
    host = parse_qs(urlsplit(url).query)["host"][0]
    # The path of a socket may have about 100 bytes only, too few for pytest's folders.
    with tempfile.TemporaryDirectory(prefix="jafsec-") as folder:
        wire = CommitWire(f"{host}/.s.PGSQL.5432", Path(folder))
        try:
            yield wire, url.replace(host, folder)
        finally:
            wire.thaw()
            wire.refuse()


@contextlib.contextmanager
def wired_log(url: str, folder: Path) -> Iterator[tuple[CommitWire, Setting]]:
    """Yield a wire, and a log that uses it and has one event already."""
    with (
        wire_to(url) as (wire, store_url),
        log_on(url, folder, store_url=store_url, timeout_s=0.5) as log,
    ):
        log.keep(event(code="first"))
        yield wire, log
