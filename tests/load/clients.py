"""Clients of a real server: what they have read the answer of is confirmed."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException

from tests.load.acks import AckFile
from tests.load.installation import Installation
from tests.serving import PATIENCE_S, Served

#: Requests under way at the same time: as many as two workers of eight threads can take.
CLIENTS = 16

PATHS = ("/keys", "/sign-ins", "/guarded")


class Clients:
    """Threads that ask one after the other until ``end``."""

    def __init__(self, server: Served, installation: Installation) -> None:
        self._server = server
        self._acks = AckFile(installation.ack_path)
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self.statuses: Counter[tuple[str, int]] = Counter()
        """How often each path was answered how."""
        self.cut = 0
        """Requests without an answer: a killed worker's, which promise nothing."""
        self.pids: list[int] = []
        """Workers in the order of their first answer."""
        self._threads = [
            threading.Thread(target=self._ask_for_ever, args=(number,)) for number in range(CLIENTS)
        ]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Let everybody read the last answer."""
        self._ending.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)
        self._acks.close()

    def _ask_for_ever(self, number: int) -> None:
        while not self._ending.is_set():
            connection = HTTPConnection("127.0.0.1", self._server.port, timeout=PATIENCE_S)
            try:
                while not self._ending.is_set():
                    number += 1
                    self._ask(connection, PATHS[number % len(PATHS)])
            except (OSError, HTTPException):
                with self._lock:
                    self.cut += 1
            finally:
                with suppress(OSError):
                    connection.close()

    def _ask(self, connection: HTTPConnection, path: str) -> None:
        connection.request("POST", path, body=b"")
        answer = connection.getresponse()
        body = answer.read()
        with self._lock:
            self.statuses[path, answer.status] += 1
        if answer.status == 200:
            said = json.loads(body)
            self._acks.write(said["kind"], said["name"], said["pid"])
            with self._lock:
                if said["pid"] not in self.pids:
                    self.pids.append(said["pid"])


@contextmanager
def asking(server: Served, installation: Installation) -> Iterator[Clients]:
    """Have clients ask until the block ends."""
    clients = Clients(server, installation)
    try:
        yield clients
    finally:
        clients.end()
