"""A wire to the real PostgreSQL that a test can cut, freeze or take away."""

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit


class Proxy:
    """Forwards a unix socket to the server's, until told otherwise."""

    def __init__(self, target: str, folder: Path) -> None:
        self.accepted = 0
        self._target = target
        self._path = folder / ".s.PGSQL.5432"
        self._going = threading.Event()
        self._going.set()
        self._cut_at = b""
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze(self) -> None:
        """Forward nothing any more, but keep every connection and take new ones."""
        self._going.clear()

    def thaw(self) -> None:
        self._going.set()

    def cut_at(self, text: bytes) -> None:
        """Close the connection that sends *text*, without sending it on."""
        self._cut_at = text

    def cut(self) -> None:
        """Close every connection; new ones are taken."""
        for pair in self._pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        self._pairs.clear()

    def refuse(self) -> None:
        """Take no connection any more, and close every one there is."""
        self._path.unlink(missing_ok=True)
        # Closing alone does not wake the thread that waits in accept().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.accepted += 1
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._target)
                self._pairs.append((client, server))
                threading.Thread(target=self._forward, args=(client, server), daemon=True).start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        others = {client: server, server: client}
        with contextlib.ExitStack() as stack, client, server, contextlib.suppress(OSError):
            # Not select(): a process that runs many tests has more descriptors than it can name.
            ready = stack.enter_context(selectors.DefaultSelector())
            ready.register(client, selectors.EVENT_READ)
            ready.register(server, selectors.EVENT_READ)
            while True:
                for key, _ in ready.select():
                    side = client if key.fileobj is client else server
                    piece = side.recv(65536)
                    self._going.wait()
                    if not piece or (self._cut_at and self._cut_at in piece):
                        return
                    others[side].sendall(piece)


@contextlib.contextmanager
def proxy_to(url: str, folder: Path) -> Iterator[tuple[Proxy, str]]:
    """Yield a proxy to the database of *url*, and the URL that leads through it."""
    host = parse_qs(urlsplit(url).query)["host"][0]
    proxy = Proxy(f"{host}/.s.PGSQL.5432", folder)
    try:
        yield proxy, url.replace(host, str(folder))
    finally:
        proxy.thaw()
        proxy.refuse()
