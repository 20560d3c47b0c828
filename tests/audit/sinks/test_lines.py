"""Lines on a pipe that is read, is not read, and is read again."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from flask_jafsec.audit.sinks.lines import Lines, StreamStuck

#: More than any pipe or socket holds here.
TOO_MANY = ["x" * 99 + "\n"] * 20_000

#: Short, as nobody will read: no test waits for something to happen meanwhile.
STUCK_S = 0.05


def line_buffered(descriptor: int) -> TextIO:
    """Return a stream as standard error is one."""
    return os.fdopen(descriptor, "w", buffering=1)


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIO]]:
    """The reading end of a pipe, and a stream on its other end."""
    reading, writing = os.pipe()
    with line_buffered(writing) as stream:
        yield reading, stream
    os.close(reading)


def read_all(descriptor: int) -> bytes:
    os.set_blocking(descriptor, False)
    got = b""
    try:
        while some := os.read(descriptor, 1 << 20):
            got += some
    except BlockingIOError:
        pass
    os.set_blocking(descriptor, True)
    return got


def test_a_pipe_that_is_read_gets_every_line(pipe: tuple[int, TextIO]) -> None:
    reading, stream = pipe

    Lines().write(stream, ["a\n", "b\n"])

    assert read_all(reading) == b"a\nb\n"


def test_a_pipe_that_nobody_reads_is_given_up(pipe: tuple[int, TextIO]) -> None:
    reading, stream = pipe

    with pytest.raises(StreamStuck):
        Lines(STUCK_S).write(stream, TOO_MANY)

    assert set(read_all(reading).splitlines()) == {b"x" * 99}


def test_others_who_have_the_same_pipe_notice_nothing(pipe: tuple[int, TextIO]) -> None:
    _, stream = pipe

    Lines().write(stream, ["a\n"])

    assert not fcntl.fcntl(stream.fileno(), fcntl.F_GETFL) & os.O_NONBLOCK


def test_when_it_is_read_again_half_a_line_spoils_no_other(pipe: tuple[int, TextIO]) -> None:
    reading, stream = pipe
    lines = Lines(STUCK_S)
    with pytest.raises(StreamStuck):
        lines.write(stream, ["y" * 1_000_000 + "\n"])
    with pytest.raises(StreamStuck):
        lines.write(stream, ["lost as a whole\n"])
    torn = read_all(reading)

    lines.write(stream, ["whole\n", "another\n"])

    assert set(torn) == {ord("y")}
    assert read_all(reading) == b"\nwhole\nanother\n"


def test_a_socket_is_given_up_too() -> None:
    # As the journal of systemd has it.
    ours, theirs = socket.socketpair()
    with theirs, line_buffered(ours.detach()) as stream:
        with pytest.raises(StreamStuck):
            Lines(STUCK_S).write(stream, TOO_MANY)

        assert theirs.recv(100) == b"x" * 99 + b"\n"


def test_a_terminal_is_given_up_too() -> None:
    # Somebody pressed Ctrl-S.
    reading, writing = pty.openpty()
    with line_buffered(writing) as stream, pytest.raises(StreamStuck):
        Lines(STUCK_S).write(stream, TOO_MANY)
    os.close(reading)


def test_without_a_reader_it_is_an_error_of_its_own() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with line_buffered(writing) as broken, pytest.raises(BrokenPipeError):
        Lines().write(broken, ["a\n"])


def test_files_and_streams_in_memory_are_written_as_ever(tmp_path: Path) -> None:
    memory = io.StringIO()
    Lines().write(memory, ["a\n", "b\n"])
    with (tmp_path / "log").open("w") as file:
        Lines().write(file, ["a\n", "b\n"])

        assert (tmp_path / "log").read_text() == memory.getvalue() == "a\nb\n"


def test_what_waits_in_a_buffer_comes_first() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        stream.write("half a line, ")
        Lines().write(stream, ["and ours\n"])

        assert read_all(reading) == b"half a line, and ours\n"
    os.close(reading)
