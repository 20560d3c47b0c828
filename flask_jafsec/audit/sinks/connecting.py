"""Connections to collectors that cannot be slow for long: every step has an end."""

from __future__ import annotations

import io
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from flask_jafsec.audit.sinks.target import TargetFailed
from flask_jafsec.protocols import Clock


class Deadline:
    """A moment after which reading ends, however often a little still arrives.

    A limit on each single step would let a collector that drips one byte every few seconds hold
    the exporter for hours.
    """

    def __init__(self, clock: Clock, within_s: float) -> None:
        self._clock = clock
        self._ends_at = clock.monotonic() + within_s

    def left(self) -> float:
        """Return the seconds that are left. Raises TimeoutError when there are none."""
        left = self._ends_at - self._clock.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left


class BoundedReader(io.RawIOBase):
    """What a socket gives until a deadline."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        super().__init__()
        self._connection = connection
        self._deadline = deadline

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: object) -> int:
        """Read what there is. Raises TimeoutError, and OSError."""
        self._connection.settimeout(self._deadline.left())
        return self._connection.recv_into(buffer)  # type: ignore[arg-type] # io's own type is hidden


def connect(host: str, port: int, timeout_s: float) -> socket.socket:
    """Return a TCP connection. Raises OSError."""
    return socket.create_connection((host, port), timeout_s)


def datagrams_to(host: str, port: int, timeout_s: float) -> socket.socket:
    """Return a UDP socket that sends to one place, and hears when nobody is there.

    Raises:
        OSError: The name cannot be found.
    """
    error = OSError("the name has no address")
    for family, kind, protocol, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM):
        made = socket.socket(family, kind, protocol)
        try:
            made.settimeout(timeout_s)
            made.connect(place)
        except OSError as failed:
            error = failed
            made.close()
        else:
            return made
    raise error


@contextmanager
def failing_as(doing: str) -> Iterator[None]:
    """Turn network errors inside into TargetFailed, with the system's words and nobody else's."""
    try:
        yield
    except TimeoutError as error:
        raise TargetFailed(f"{doing}: timed out") from error
    except OSError as error:
        raise TargetFailed(f"{doing}: {words_of(error)}") from error


def words_of(error: OSError) -> str:
    """Return what the system calls an error."""
    with suppress(TypeError, ValueError):
        if error.errno is not None and error.errno > 0:
            return os.strerror(error.errno)
    return error.strerror or type(error).__name__
