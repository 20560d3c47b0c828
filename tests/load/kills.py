"""Kills workers and keepers while they work, and starts others in their place."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tests.load.acks import read_acks
from tests.load.crew import KEEPER, WORKER
from tests.load.installation import Installation
from tests.serving import PATIENCE_S

#: Processes that work at the same time, and threads of each. Source: load promises, L1.
WORKERS, THREADS, KEEPERS = 4, 8, 2

#: How long everybody works undisturbed between two kills, in seconds.
BETWEEN_S = (0.05, 0.25)


class Crew:
    """Workers and keepers of one installation, forked by a process that holds the app ready."""

    def __init__(self, installation: Installation, threads: int = THREADS) -> None:
        self.installation = installation
        self.workers: list[int] = []
        self.keepers: list[int] = []
        self.killed: set[int] = set()
        self._log = (installation.folder / "crew.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.load.crew", str(threads)],
            env=installation.programs_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
            text=True,
        )

    def add_worker(self) -> int:
        """Start a worker and return its process id."""
        self.workers.append(self._fork(WORKER))
        return self.workers[-1]

    def add_keeper(self) -> int:
        """Start a keeper and return its process id."""
        self.keepers.append(self._fork(KEEPER))
        return self.keepers[-1]

    def kill_worker(self) -> None:
        """Kill one worker without a word and start another."""
        self._kill(self.workers)
        self.add_worker()

    def kill_keeper(self) -> None:
        """Kill one keeper, wherever it stands in its work, and start another."""
        self._kill(self.keepers)
        self.add_keeper()

    def stop_worker(self) -> None:
        """Ask one worker to stop, wait until it has, and start another."""
        pid = self.workers.pop(random.randrange(len(self.workers)))
        os.kill(pid, signal.SIGTERM)
        eventually(lambda: not _is_alive(pid))
        self.add_worker()

    def acks(self) -> Counter[int]:
        """Return how much each worker was told is kept."""
        return Counter(ack.pid for ack in read_acks(self.installation.ack_path))

    def wait_until_everybody_works(self) -> None:
        """Return when every worker there is now was told something."""
        eventually(lambda: set(self.workers) <= set(self.acks()))

    def end(self) -> None:
        """Kill everybody who is left."""
        self.killed.update(self.workers, self.keepers)
        # The crew's own process answers the end of its input by killing its group, itself with it.
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait(PATIENCE_S)
        everybody = (*self.workers, *self.keepers)
        eventually(lambda: not any(map(_is_alive, everybody)))
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()

    def _kill(self, pids: list[int]) -> None:
        pid = pids.pop(random.randrange(len(pids)))
        os.kill(pid, signal.SIGKILL)
        self.killed.add(pid)

    def _fork(self, word: str) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, (self.installation.folder / "crew.log").read_text()
        return int(answer)


@contextmanager
def working(
    installation: Installation,
    workers: int = WORKERS,
    keepers: int = KEEPERS,
    threads: int = THREADS,
) -> Iterator[Crew]:
    """Have a crew work until the block ends; nobody of it is alive afterwards."""
    crew = Crew(installation, threads)
    try:
        for _ in range(workers):
            crew.add_worker()
        for _ in range(keepers):
            crew.add_keeper()
        crew.wait_until_everybody_works()
        yield crew
    finally:
        crew.end()


def rounds(
    crew: Crew, worker_kills: int, keeper_kills: int, others: list[Callable[[], None]]
) -> None:
    """Kill so often, and do everything of *others* in between, all in a random order."""
    acts: list[Callable[[], None]] = [crew.kill_worker] * worker_kills
    acts += [crew.kill_keeper] * keeper_kills
    acts += others
    random.shuffle(acts)
    for act in acts:
        time.sleep(random.uniform(*BETWEEN_S))
        act()


def eventually(holds: Callable[[], bool]) -> None:
    """Return when it holds; AssertionError when it never does."""
    # Wide: a frozen keeper may hold its lock until the server ends its transaction, after 10 s.
    deadline = time.monotonic() + 4 * PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
