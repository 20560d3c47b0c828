"""Nobody reads standard error: no change waits for it, and none ends with the process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from flask_jafsec.audit.sinks.lines import StreamStuck
from flask_jafsec.audit.trail import Trail
from flask_jafsec.clock import SystemClock
from flask_jafsec.events import Event, EventType
from flask_jafsec.stores.audit_tables import WRITER
from flask_jafsec.testing import CapturedEvents
from tests.audit.log_setting import (
    Setting,
    chains_in,
    codes_by_writer,
    database_url,
    event,
    log_on,
    raise_epoch,
    rows_in,
)

#: How long a process of a test may take, in seconds; only one that hangs takes it.
PATIENCE_S = 60.0


class Hanging:
    """Never comes back until it is let go."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def write(self, events: Sequence[Event]) -> None:
        self.go_on.wait(PATIENCE_S)


@pytest.fixture
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Setting]:
    with log_on(database_url(request, "sqlite"), tmp_path / "spool") as made:
        yield made


def test_no_change_waits_for_a_sink_that_hangs(log: Setting) -> None:
    hanging, other = Hanging(), CapturedEvents()
    trail = Trail(log.store, [hanging, other], SystemClock(), writer=log.writer)

    for number in range(20):
        trail.record(event(code=f"c{number}"))
        trail.commit_with(event(code=f"d{number}"), raise_epoch)

    codes = [f"{kind}{number}" for number in range(20) for kind in "cd"]
    assert log.kept() == codes
    hanging.go_on.set()
    trail.close()
    assert [said.code for said in other.all()] == codes


def test_what_a_sink_lost_stands_in_the_log(log: Setting) -> None:
    class Unread:
        def write(self, events: Sequence[Event]) -> None:
            raise StreamStuck("nobody reads the stream")

    trail = Trail(log.store, [Unread()], SystemClock(), writer=log.writer)

    for _ in range(5):
        trail.record(event())
    trail.say_goodbye()

    (chain,) = chains_in(log.url).values()
    dropped = [each for each in chain if each["type"] == EventType.SINK_DROPPED]
    # Everything but the last two, which nobody was left to tell of.
    assert sum(each["d"].get("count", 1) for each in dropped) == len(chain) - 2
    assert {each["d"]["sink"] for each in dropped} == {"Unread"}
    closed = chain[-1]
    assert closed["type"] == EventType.AUDIT_CLOSED
    assert closed["d"]["rows"] == closed["n"]
    (writer,) = rows_in(log.url, WRITER)
    assert writer.final_n == closed["n"]


PROGRAM = """
import sys
if sys.argv[3] == "green":
    from gevent import monkey; monkey.patch_all()
import os, threading
from pathlib import Path
from flask_jafsec.audit.sinks.log_line import JsonLog
from flask_jafsec.audit.trail import Trail
from flask_jafsec.clock import SystemClock
from tests.audit.log_setting import event, log_on, raise_epoch
log = log_on(sys.argv[1], Path(sys.argv[2])).__enter__()
trail = Trail(log.store, [JsonLog()], SystemClock(), writer=log.writer)
for number in range(300):
    trail.record(event(code=f"c{number}"))
    trail.commit_with(event(code=f"d{number}"), raise_epoch)
print("all of it", flush=True)
"""


@pytest.mark.parametrize("kind", ["threads", "green"])
@pytest.mark.parametrize("buffered", ["buffered", "unbuffered"])
def test_a_process_whose_standard_error_nobody_reads_writes_everything_and_ends(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, buffered: str
) -> None:
    url = database_url(request, "sqlite")
    reading, writing = os.pipe()
    fill(writing)

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, url, str(tmp_path / "spool"), kind],
        stdout=subprocess.PIPE,
        stderr=writing,
        timeout=PATIENCE_S,
        check=False,
        env={**os.environ, "PYTHONUNBUFFERED": "1" if buffered == "unbuffered" else ""},
    )

    os.close(writing)
    os.close(reading)
    assert (done.returncode, done.stdout) == (0, b"all of it\n")
    ((_, codes),) = codes_by_writer(url).items()
    wanted = [f"{kind}{number}" for number in range(300) for kind in "cd"]
    assert [code for code in codes if code in wanted] == wanted
    (writer,) = rows_in(url, WRITER)
    assert writer.final_n == len(codes)


def fill(descriptor: int) -> None:
    """Put as much into a pipe as it takes, to the last byte."""
    os.set_blocking(descriptor, False)
    try:
        while True:
            os.write(descriptor, b".")
    except BlockingIOError:
        os.set_blocking(descriptor, True)
