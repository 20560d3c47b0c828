"""Connections end in time, however slowly the other side speaks."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from flask_jafsec.audit.sinks.connecting import BoundedReader, Deadline, failing_as
from flask_jafsec.audit.sinks.target import TargetFailed
from tests.audit.chains import TestClock


def test_reading_ends_at_the_deadline_though_a_little_still_arrives() -> None:
    clock = TestClock()
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        reader = BoundedReader(ours, Deadline(clock, 5.0))
        for _ in range(3):
            theirs.sendall(b"x")
            assert reader.read(1) == b"x"
            clock.go_on(2)
        theirs.sendall(b"x")

        with pytest.raises(TimeoutError):
            reader.read(1)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError("canary"), "doing: timed out"),
        (ConnectionResetError(104, "canary"), "doing: Connection reset by peer"),
        (socket.gaierror(-2, "Name or service not known"), "doing: Name or service not known"),
        (OSError("canary"), "doing: OSError"),
    ],
)
def test_an_error_is_told_in_the_words_of_the_system(error: OSError, words: str) -> None:
    with pytest.raises(TargetFailed) as failed, failing_as("doing"):
        raise error

    assert str(failed.value) == words
