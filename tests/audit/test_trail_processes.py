"""The trail across processes: forks, green threads, and the end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from flask_jafsec.audit.trail import Trail
from flask_jafsec.stores.audit_tables import WRITER
from tests.audit.log_setting import (
    codes_by_writer,
    database_url,
    event,
    rows_in,
)
from tests.audit.trail_on_disk import Opened, trail_on

# Python 3.12 and newer warn of what is tested here: a fork while other threads run.
pytestmark = pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded:DeprecationWarning"
)


@pytest.fixture(params=["sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    with trail_on(database_url(request, request.param), tmp_path / "spool") as made:
        yield made


@pytest.fixture
def on_sqlite(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    with trail_on(database_url(request, "sqlite"), tmp_path / "spool") as made:
        yield made


def test_the_child_of_a_fork_is_another_writer_and_both_chains_are_whole(opened: Opened) -> None:
    trail, _, log, _ = opened
    trail.record(event(code="parent 1"))

    children = [forked(partial(record_three, trail, name)) for name in ("a", "b")]
    trail.record(event(code="parent 2"))
    for child in children:
        assert os.waitpid(child, 0)[1] == 0

    found = codes_by_writer(log.url)
    assert sorted(found.values()) == [
        ["a 0", "a 1", "a 2"],
        ["b 0", "b 1", "b 2"],
        ["parent 1", "parent 2"],
    ]


def record_three(trail: Trail, name: str) -> None:
    for number in range(3):
        trail.record(event(code=f"{name} {number}"))


def forked(action: Callable[[], object]) -> int:
    child = os.fork()
    if child == 0:
        try:
            action()
            os._exit(0)
        finally:
            os._exit(1)
    return child


def test_a_child_does_not_touch_the_journal_of_its_parent(on_sqlite: Opened) -> None:
    trail, gate, log, _ = on_sqlite
    gate.is_away = True
    trail.record(event(code="parent 1"))

    assert os.waitpid(forked(partial(record_three, trail, "child")), 0)[1] == 0
    trail.record(event(code="parent 2"))

    assert log.spool.is_open
    assert len(log.journals()) == 2
    assert len(log.adopt()) == 1
    assert log.spool.bring_in(log.audit)
    assert sorted(codes_by_writer(log.url).values()) == [
        ["child 0", "child 1", "child 2"],
        ["parent 1", "parent 2"],
    ]


def test_workers_forked_before_the_first_event_each_have_a_chain(on_sqlite: Opened) -> None:
    trail, _, log, _ = on_sqlite
    log.store.epoch()

    children = [forked(partial(record_three, trail, name)) for name in ("a", "b", "c")]
    for child in children:
        assert os.waitpid(child, 0)[1] == 0

    assert len(codes_by_writer(log.url)) == 3


# -- green threads, and the end of a process --


def run(program: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


GREEN = """
from gevent import monkey; monkey.patch_all()
import sys, gevent
from pathlib import Path
from tests.audit.log_setting import event, raise_epoch
from tests.audit.trail_on_disk import trail_on
with trail_on(sys.argv[1], Path(sys.argv[2])) as (trail, gate, log, _):
    def act(number):
        trail.record(event(code=f"c{number}"))
        trail.commit_with(event(code=f"d{number}"), raise_epoch)
    gevent.joinall([gevent.spawn(act, number) for number in range(100)], raise_error=True)
    assert gate.transactions < 100, gate.transactions
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_hundred_green_threads_write_and_all_of_it_is_there(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    url = database_url(request, kind)

    run(GREEN, url, str(tmp_path / "spool"))

    ((_, codes),) = codes_by_writer(url).items()
    *codes, _goodbye = codes
    assert sorted(codes) == sorted(f"{kind}{number}" for kind in "cd" for number in range(100))


ENDS = """
import sys, threading
from pathlib import Path
from flask_jafsec.audit.trail import Trail
from flask_jafsec.clock import SystemClock
from tests.audit.log_setting import log_on
from tests.audit.trail_on_disk import refusal
log = log_on(sys.argv[1], Path(sys.argv[2])).__enter__()
trail = Trail(log.store, [], SystemClock(), writer=log.writer)
if sys.argv[3] == "no threads":
    threading.Thread.start = lambda self: (_ for _ in ()).throw(RuntimeError("can't start"))
for number in range(500):
    trail.record(refusal(code=f"c{number}"))
"""


@pytest.mark.parametrize("threads", ["threads", "no threads"])
def test_a_process_that_ends_writes_everything_that_waits(
    request: pytest.FixtureRequest, tmp_path: Path, threads: str
) -> None:
    url = database_url(request, "sqlite")

    run(ENDS, url, str(tmp_path / "spool"), threads)

    ((_, codes),) = codes_by_writer(url).items()
    assert codes[:-1] == [f"c{number}" for number in range(500)]
    (writer,) = rows_in(url, WRITER)
    assert writer.final_n == 501
