"""Interleaved laps of several subjects and their ratios. Knows nothing of Flask."""

import gc
import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.browser import Environ

#: A WSGI application.
App = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
#: Laps of the variants of one run, by variant name, in the order of the rounds.
Laps = dict[str, list["Lap"]]

#: Requests most subjects serve before the clock starts.
WARM_UP = 256


class WrongAnswerError(AssertionError):
    """A subject did not answer as its row says, so its time would mean something else."""


def nothing() -> None:
    """Does nothing: a subject that leaves no work behind its answers."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Something to measure: an application, the requests it gets, the status it must answer.

    Attributes:
        requests: Makes that many fresh environs; called outside the clock.
        warm_up: Requests served before the first lap: they fill caches and spend limits.
        lead_in: Requests served before the clock of each lap starts: they bring a subject that
            begins anew with each minute back to the state its row is about.
        settle: Waits for work left to other threads; called inside the clock, and before it for
            what making the requests has left.
    """

    app: App
    requests: Callable[[int], list[Environ]]
    status: str
    warm_up: int = WARM_UP
    lead_in: int = 0
    settle: Callable[[], None] = nothing


@dataclass(frozen=True, slots=True)
class Lap:
    """Microseconds a request of one lap: of the process (all threads), and by the wall."""

    cpu_us: float
    wall_us: float


def interleave(subjects: Mapping[str, Subject], rounds: int, requests: int) -> Laps:
    """Returns *rounds* laps of *requests* requests for every subject, in a new order each round.

    The order is shuffled from a fixed seed: a neighbour on the machine, or what one subject leaves
    in the processor's caches, then falls on every subject alike.
    """
    shuffled = random.Random(0)
    # Objects alive now belong to set-up; without this every collection would walk all the subjects.
    gc.collect()
    gc.freeze()
    laps: Laps = {name: [] for name in subjects}
    for _ in range(rounds):
        for name in shuffled.sample(list(subjects), len(subjects)):
            laps[name].append(lap(subjects[name], requests))
    return laps


def lap(subject: Subject, number: int) -> Lap:
    """Returns what *number* requests cost each.

    Raises:
        WrongAnswerError: One of them was answered with another status.
    """
    serve(subject.app, subject.requests(subject.lead_in))
    environs = subject.requests(number)
    subject.settle()
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    statuses = serve(subject.app, environs)
    subject.settle()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    wrong = {status for status in statuses if not status.startswith(subject.status)}
    if wrong:
        raise WrongAnswerError(f"expected {subject.status}, got {', '.join(sorted(wrong))}")
    return Lap(cpu_us=cpu / number * 1e6, wall_us=wall / number * 1e6)


def serve(app: App, environs: list[Environ]) -> list[str]:
    """Returns the statuses of *app*'s answers, each read to its end and closed as a server does."""
    statuses: list[str] = []

    def start_response(status: str, _headers: object, _exc_info: object = None) -> None:
        statuses.append(status)

    for environ in environs:
        body = app(environ, start_response)
        b"".join(body)
        close = getattr(body, "close", None)
        if close is not None:
            close()
    return statuses


def cpu_ratio(laps: list[Lap], base: list[Lap]) -> float:
    """Returns the median over the rounds of this CPU time over *base*'s in the same round."""
    return median(ours.cpu_us / theirs.cpu_us for ours, theirs in zip(laps, base, strict=True))


def wall_ratio(laps: list[Lap], base: list[Lap]) -> float:
    """Returns best wall time over *base*'s best: what a quiet moment of the machine would show."""
    return min(lap.wall_us for lap in laps) / min(lap.wall_us for lap in base)
