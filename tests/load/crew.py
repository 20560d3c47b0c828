"""The program whose children are killed: builds an app once and forks workers and keepers.

Started as ``python -m tests.load.crew THREADS``. A word on its standard input forks a child, whose
process id is the answer. When the input ends, all of them are killed.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import NoReturn

from flask_jafsec.errors import JafsecError
from flask_jafsec.events import Event, EventType, Outcome
from flask_jafsec.ids import new_id
from flask_jafsec.web.state import State
from tests.load.acks import EVENT, KEY, REFUSAL, REFUSED, AckFile
from tests.load.installation import OPERATOR, build, installed_here, keeper_of

#: Words that fork a child.
WORKER, KEEPER = "worker", "keeper"

#: How long a keeper rests between two looks, in seconds: a kill then meets it at work.
REST_S = 0.01

#: How long a worker rests after a refusal, in seconds, so that an outage is no busy loop.
REFUSED_REST_S = 0.02


def main(threads: int) -> NoReturn:
    """Fork what is asked for until the input ends; then end with all children."""
    installation = installed_here()
    state = build(installation.environment)
    acks = AckFile(installation.ack_path)
    roles: dict[str, Callable[[threading.Event], None]] = {
        WORKER: lambda stopping: work(state, acks, threads, stopping),
        KEEPER: lambda stopping: keep(state, stopping),
    }
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system buries the dead
    for word in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _live(roles[word.strip()])
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
    os.killpg(0, signal.SIGKILL)
    raise AssertionError("survived SIGKILL")


def _live(role: Callable[[threading.Event], None]) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    stopping = threading.Event()
    # As a server's worker: a word to stop lets what has begun come to its end.
    signal.signal(signal.SIGTERM, lambda _number, _frame: stopping.set())
    sys.stdin.close()
    role(stopping)
    sys.exit(0)


def work(state: State, acks: AckFile, threads: int, stopping: threading.Event) -> None:
    """Make changes on so many threads, each told to *acks* once it is kept."""
    numbers = count()

    def run() -> None:
        while not stopping.is_set():
            change_once(state, acks, next(numbers))

    crew = [threading.Thread(target=run, daemon=True) for _ in range(threads)]
    for thread in crew:
        thread.start()
    stopping.wait()
    for thread in crew:
        thread.join()


def keep(state: State, stopping: threading.Event) -> None:
    """Import, sequence and anchor, with hardly a rest."""
    keeper = keeper_of(state)
    while not stopping.wait(REST_S):
        keeper.tick()


def change_once(state: State, acks: AckFile, number: int) -> None:
    """Mint a key, or record an event that waits until it is durable, or one that does not."""
    kind = (KEY, EVENT, REFUSAL)[number % 3]
    try:
        acks.write(kind, _CHANGES[kind](state, number))
    except JafsecError as error:
        acks.write(REFUSED[kind], error.code)
        time.sleep(REFUSED_REST_S)


def _mint(state: State, _number: int) -> str:
    return state.keys.mint("load", scopes=["load:run"], by=OPERATOR).key.id


def _sign_in(state: State, number: int) -> str:
    return _recorded(state, signed_in(number))


def _refuse(state: State, number: int) -> str:
    return _recorded(state, replace(signed_in(number), type=EventType.PERMISSION_DENIED))


_CHANGES = {KEY: _mint, EVENT: _sign_in, REFUSAL: _refuse}


def _recorded(state: State, event: Event) -> str:
    state.services.trail.record(event)
    return event.id


def signed_in(number: int) -> Event:
    """Return an event whose request waits until it is durable."""
    return Event(
        id=new_id(),
        type=EventType.SIGN_IN_SUCCEEDED,
        at=datetime.now(UTC),
        outcome=Outcome.DONE,
        actor=f"person-{number % 50}",
        client=f"203.0.113.{number % 50}",
        method="POST",
        route="/sign-in",
        status=200,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
