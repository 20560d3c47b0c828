"""The process's log: one line for each event, by cursor."""

from __future__ import annotations

import io

import pytest

from flask_jafsec.audit.sinks.log_stream import LogStream
from flask_jafsec.audit.sinks.target import TargetFailed
from tests.audit.sinks.made import HOSTILE, event, hostile_records, leaves_of, record


def test_each_event_is_one_line_whatever_it_holds() -> None:
    stream = io.StringIO()

    LogStream(stream).send(hostile_records())

    lines = [line.encode() for line in stream.getvalue().splitlines()]
    assert leaves_of(lines) == list(range(len(HOSTILE)))


def test_standard_error_is_looked_up_at_each_write(capsys: pytest.CaptureFixture[str]) -> None:
    LogStream().send([record(event(), 3)])

    assert leaves_of([capsys.readouterr().err.encode()]) == [3]


def test_a_closed_stream_is_a_failure() -> None:
    stream = io.StringIO()
    stream.close()

    with pytest.raises(TargetFailed):
        LogStream(stream).send([record(event())])
