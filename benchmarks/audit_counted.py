"""What a request costs that only adds to a count: a refusal of many, an allowed one of many."""

import gc
import time
from collections.abc import Callable, Sequence
from statistics import median

from benchmarks.ours import house
from flask_jafsec.errors import CredentialMissing
from flask_jafsec.pipeline.exchange import Exchange, Facts
from flask_jafsec.pipeline.recording import record_answer, record_refusal
from flask_jafsec.pipeline.services import Services

#: Requests of one lap.
REQUESTS = 20_000

#: Microseconds that recording may take. Source: load promises, performance goals of the log.
GOAL_US = 8.0

Act = Callable[[Exchange], object]

HEADS = ("a request that is only counted", "us", "goal", "met")


def counted_rows(rounds: int) -> tuple[Sequence[str], list[Sequence[str]], bool]:
    """Return a table's heads and rows, and whether both goals are met."""
    services = house().state.services
    refusal = CredentialMissing()
    refused = cost(lambda one: record_refusal(one, services, refusal), services, rounds)
    allowed = cost(lambda one: record_answer(one, services), services, rounds)
    services.trail.say_goodbye()
    named = (("refused", refused), ("allowed", allowed))
    rows = [
        (name, f"{us:.2f}", f"<= {GOAL_US:g} us", "yes" if us <= GOAL_US else "NO")
        for name, us in named
    ]
    return HEADS, list(rows), all(us <= GOAL_US for _, us in named)


def cost(record: Act, services: Services, rounds: int) -> float:
    """Return the median of the laps' CPU time a request, less that of not recording at all."""
    _lap(record, services)
    pairs = [(_lap(record, services), _lap(_nothing, services)) for _ in range(rounds)]
    return median(with_it - without for with_it, without in pairs)


def _nothing(_exchange: Exchange) -> None:
    pass


def _lap(act: Act, services: Services) -> float:
    exchanges = [_exchange(services) for _ in range(REQUESTS)]
    gc.collect()
    began = time.thread_time()
    for exchange in exchanges:
        act(exchange)
    return (time.thread_time() - began) / REQUESTS * 1e6


def _exchange(services: Services) -> Exchange:
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/chat", "HTTP_HOST": "localhost"}
    facts = Facts(environ, "203.0.113.1", "https", services.clock.time(), "request")
    exchange = Exchange(facts, services)
    exchange.route, exchange.status = "/chat", 200
    return exchange
