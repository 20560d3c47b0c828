"""A request's body in pieces: where the pieces are malformed, that is the caller's fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, TypeVar

from werkzeug.exceptions import BadRequest

if TYPE_CHECKING:
    from _typeshed.wsgi import InputStream, WSGIEnvironment

T = TypeVar("T")


def guard_chunked_body(environ: WSGIEnvironment) -> None:
    """Have a body of unknown length answer 400 where a server finds it malformed while reading.

    Servers raise errors of their own from ``wsgi.input`` then, which are a 500 in every view that
    reads the body. Only bodies in pieces are looked at: others end where they said they would.
    """
    if "HTTP_TRANSFER_ENCODING" in environ:
        environ["wsgi.input"] = ChunkedBody(environ["wsgi.input"])


class ChunkedBody:
    """``wsgi.input`` around another (PEP 3333)."""

    def __init__(self, stream: InputStream | IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes. Raises BadRequest."""
        return _read(lambda: self._stream.read(size))

    def readline(self, size: int = -1) -> bytes:
        """Return the next line. Raises BadRequest."""
        return _read(lambda: self._stream.readline(size))

    def readlines(self, hint: int = -1) -> list[bytes]:
        """Return all lines. Raises BadRequest."""
        return _read(lambda: list(self._stream.readlines(hint)))

    def __iter__(self) -> Iterator[bytes]:
        """Return the lines one by one."""
        return iter(self.readline, b"")


def _read(action: Callable[[], T]) -> T:
    try:
        return action()
    except Exception as error:
        raise BadRequest("The body's pieces cannot be read.") from error
