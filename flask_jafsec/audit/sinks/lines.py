"""Lines on a stream that somebody else reads, or does not read.

A pipe that nobody empties takes 64 KiB and then stops whoever writes, for ever. Here it does not:
what it does not take in time is given up.
"""

from __future__ import annotations

import os
import select
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TextIO

from flask_jafsec.errors import JafsecError

#: How long a stream may take nothing at all, in seconds. A collector that restarts is back in
#: less; a process that ends waits this long for one that never comes.
STUCK_S: Final = 2.0

#: POSIX: so many bytes are written to a pipe in one piece, or not at all (``PIPE_BUF``).
PIECE: Final = select.PIPE_BUF


class StreamStuck(JafsecError):
    """The stream takes nothing; the rest of what was written is lost."""

    code = "stream_stuck"


class Lines:
    """Writes whole lines to text streams. For one thread."""

    def __init__(self, stuck_s: float = STUCK_S) -> None:
        self._stuck_s = stuck_s
        self._is_torn = False

    def write(self, stream: TextIO, lines: Sequence[str]) -> None:
        """Write *lines*, which end with a line break.

        Raises:
            StreamStuck: Nobody reads; some lines may have been written.
            OSError: The stream is closed, or its disk full.
        """
        number = _stuck_able(stream)
        if number is None:
            stream.write("".join(lines))
            stream.flush()
            return
        with _never_waiting(number) as descriptor:
            for line in lines:
                self._put(descriptor, line.encode(errors="backslashreplace"))

    def _put(self, descriptor: int, line: bytes) -> None:
        if self._is_torn:
            line = b"\n" + line  # the reader is back: half a line must not spoil this one
        written = 0
        while written < len(line):
            if not _takes_more(descriptor, self._stuck_s):
                self._is_torn = self._is_torn or written > 0
                raise StreamStuck("nobody reads the stream")
            try:
                written += os.write(descriptor, line[written : written + PIECE])
            except BlockingIOError:
                continue  # another process was faster
        self._is_torn = False


def _stuck_able(stream: TextIO) -> int | None:
    """Return the descriptor of a stream that may get stuck; None of any other.

    Only where nothing waits in the stream's own buffer: our line would come before it, or into it.
    """
    # Standard error is either, as PYTHONUNBUFFERED says.
    if not (getattr(stream, "line_buffering", False) or getattr(stream, "write_through", False)):
        return None
    try:
        number = stream.fileno()
        mode = os.fstat(number).st_mode
    except (OSError, ValueError):
        return None
    has_reader = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(number)
    return number if has_reader else None


@contextmanager
def _never_waiting(number: int) -> Iterator[int]:
    # Opened a second time: set on the descriptor itself, the flag would count for every process
    # that has inherited it, and they do not expect it. Sockets cannot be opened so, nor anything
    # on other systems than Linux; there it may be that another process fills, between our look
    # and our writing, what we saw empty.
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        own = os.open(f"/proc/self/fd/{number}", flags)
    except OSError:
        yield number
        return
    try:
        yield own
    finally:
        os.close(own)


def _takes_more(descriptor: int, wait_s: float) -> bool:
    # Looked up at each call: with green threads it is theirs, which lets the others run.
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(wait_s * 1_000))
