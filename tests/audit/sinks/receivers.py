"""Receivers on this machine that behave well or badly, each on a port the system picks."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

#: How long a test waits for what must happen; only a failing test waits so long.
PATIENCE_S = 20.0


@dataclass
class Receiver:
    """What arrived: one entry per connection or datagram."""

    port: int
    taken: list[bytes] = field(default_factory=list)
    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """Released once for each entry."""

    def wait_for(self, count: int) -> list[bytes]:
        """Return the first *count* entries."""
        while len(self.taken) < count:
            assert self.arrived.acquire(timeout=PATIENCE_S), f"only {len(self.taken)} arrived"
        return self.taken

    def take(self, entry: bytes) -> None:
        self.taken.append(entry)
        self.arrived.release()


@contextlib.contextmanager
def udp_receiver() -> Iterator[Receiver]:
    """Take datagrams."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        receiver = Receiver(listening.getsockname()[1])

        def run() -> None:
            while datagram := listening.recv(65_536):
                receiver.take(datagram)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield receiver
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ending:
            ending.sendto(b"", ("127.0.0.1", receiver.port))
        thread.join(PATIENCE_S)


Behaviour = Callable[[socket.socket, Receiver], None]


@contextlib.contextmanager
def tcp_receiver(*behaviours: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Give the first connection to the first of *behaviours*, and so on; the last one stays."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        receiver = Receiver(listening.getsockname()[1])

        def run() -> None:
            waiting = list(behaviours)
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                behave = waiting.pop(0) if len(waiting) > 1 else waiting[0]
                with contextlib.suppress(OSError), connection:
                    connection.settimeout(PATIENCE_S)
                    if tls is None:
                        behave(connection, receiver)
                    else:
                        with tls.wrap_socket(connection, server_side=True) as secured:
                            behave(secured, receiver)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield receiver
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENCE_S)


def read_all(connection: socket.socket, receiver: Receiver) -> None:
    """Read until the other side ends, as a syslog receiver does."""
    taken = b""
    while piece := connection.recv(65_536):
        taken += piece
    receiver.take(taken)


def reset_after(count: int) -> Behaviour:
    """Read some bytes and break the connection."""

    def behave(connection: socket.socket, receiver: Receiver) -> None:
        if count:
            receiver.take(connection.recv(count))
        # Zero seconds of lingering: the system answers with a reset instead of an end.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return behave


def read_request(connection: socket.socket) -> bytes:
    """Return one HTTP request, headers and body."""
    taken = b""
    while b"\r\n\r\n" not in taken:
        piece = connection.recv(65_536)
        if not piece:
            return taken
        taken += piece
    head, _, body = taken.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def answering(answer: bytes) -> Behaviour:
    """Read a request and send *answer* as it is."""

    def behave(connection: socket.socket, receiver: Receiver) -> None:
        receiver.take(read_request(connection))
        connection.sendall(answer)

    return behave


def status(code: int, *headers: str, body: str = "") -> bytes:
    """Return a whole HTTP answer."""
    lines = [f"HTTP/1.1 {code} Said", f"Content-Length: {len(body)}", *headers, "", body]
    return "\r\n".join(lines).encode()


def silent_until(released: threading.Event) -> Behaviour:
    """Read and say nothing until the test is over."""

    def behave(connection: socket.socket, receiver: Receiver) -> None:
        receiver.take(connection.recv(65_536))
        released.wait(PATIENCE_S)

    return behave
