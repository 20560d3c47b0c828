"""The order of the steps, and the loop that lets nobody in by accident."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable

import pytest

from flask_jafsec.errors import (
    Answered,
    Halt,
    PermissionDenied,
    RateExceeded,
    SecurityUnavailable,
    StoreUnavailable,
)
from flask_jafsec.events import EventType, Severity
from flask_jafsec.pipeline import entering, inbound
from flask_jafsec.pipeline.exchange import Exchange, Facts
from flask_jafsec.pipeline.order import FOREIGN_HOST, GATE, INBOUND, Step, walk
from flask_jafsec.pipeline.services import Services
from flask_jafsec.web.extension import state_of
from tests.apps import Place, make_place

ENVIRON = {"REQUEST_METHOD": "GET", "PATH_INFO": "/chat"}


@pytest.fixture
def place() -> Place:
    return make_place()


@pytest.fixture
def services(place: Place) -> Services:
    return state_of(place.app).services


@pytest.fixture
def exchange(services: Services) -> Exchange:
    return Exchange(Facts(ENVIRON, "192.0.2.7", "http", services.clock.time(), "r-1"), services)


class Steps:
    """Makes steps that note their turn, and perhaps raise."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def step(self, name: str, error: BaseException | None = None) -> Step:
        def taken(exchange: Exchange, services: Services) -> None:
            self.taken.append(name)
            if error is not None:
                raise error

        return taken


@pytest.fixture
def steps() -> Steps:
    return Steps()


# -- the tuples --


def test_each_step_stands_in_the_line_once() -> None:
    line = GATE + INBOUND + FOREIGN_HOST

    assert len(set(line)) == len(line)


def test_every_step_that_was_written_stands_in_the_line() -> None:
    written = {
        function
        for module in (entering, inbound)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and not name.startswith("_")
        and list(inspect.signature(function).parameters) == ["exchange", "services"]
    }

    assert written == set(GATE + INBOUND + FOREIGN_HOST)


def test_the_order_is_the_one_that_was_decided() -> None:
    # Whoever moves a step must move it here as well, having read why it stands where it stands.
    assert [step.__name__ for step in GATE] == [
        "redirect_insecure",
        "answer_preflight",
        "refuse_unreadable",
        "limit_client",
        "authenticate",
    ]
    assert [step.__name__ for step in INBOUND] == [
        "authenticate_session",
        "limit_identity",
        "authorise",
        "limit_everybody",
    ]
    assert [step.__name__ for step in FOREIGN_HOST] == ["refuse_foreign_host"]


# -- the loop --


def test_all_steps_are_walked_in_order_and_nothing_is_recorded(
    place: Place, services: Services, exchange: Exchange, steps: Steps
) -> None:
    assert walk(tuple(map(steps.step, "abc")), exchange, services) is None

    assert steps.taken == ["a", "b", "c"]
    assert not exchange.recorded
    assert place.events() == []


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (PermissionDenied("missing:a:b"), EventType.PERMISSION_DENIED),
        (RateExceeded("chat", 3), EventType.LIMIT_EXCEEDED),
        (SecurityUnavailable("down"), EventType.SECURITY_FAILED),
    ],
)
def test_a_refusal_ends_the_line_and_is_recorded_once(
    place: Place,
    services: Services,
    exchange: Exchange,
    steps: Steps,
    error: Halt,
    event: EventType,
) -> None:
    line = (steps.step("a"), steps.step("b", error), steps.step("never"))

    assert walk(line, exchange, services) is error

    assert steps.taken == ["a", "b"]
    assert exchange.recorded
    (recorded,) = place.events()
    assert (recorded.type, recorded.id, recorded.client) == (event, exchange.decision, "192.0.2.7")


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(RuntimeError("/etc/secret at db.example"), id="a bug"),
        pytest.param(StoreUnavailable("/etc/secret at db.example"), id="a store"),
        pytest.param(RecursionError("/etc/secret at db.example"), id="too deep"),
        pytest.param(StopIteration("/etc/secret at db.example"), id="an end"),
        pytest.param(MemoryError("/etc/secret at db.example"), id="no memory"),
        pytest.param(AssertionError("/etc/secret at db.example"), id="an assertion"),
    ],
)
def test_an_error_nobody_foresaw_is_a_refusal_and_says_nothing_to_the_caller(
    place: Place,
    services: Services,
    exchange: Exchange,
    steps: Steps,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    line = (steps.step("a", error), steps.step("never"))

    with caplog.at_level(logging.ERROR, "flask_jafsec"):
        halt = walk(line, exchange, services)

    assert isinstance(halt, SecurityUnavailable)
    assert halt.status == 503
    assert "secret" not in repr((halt.detail, halt.reason, halt.headers, halt.facts))
    assert steps.taken == ["a"]
    (recorded,) = place.events(EventType.SECURITY_FAILED)
    assert recorded.reason == f"step_failed:{type(error).__name__}"
    assert recorded.severity is Severity.CRITICAL
    assert exchange.recorded
    assert "a security step failed" in caplog.text


def test_what_a_step_answers_itself_is_no_decision_about_anybody(
    place: Place, services: Services, exchange: Exchange, steps: Steps
) -> None:
    answered = Answered(204, [])

    halt = walk((steps.step("a", answered), steps.step("never")), exchange, services)

    assert halt is answered
    assert (steps.taken, exchange.recorded, exchange.decision) == (["a"], True, "")
    assert place.events() == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), GeneratorExit()])
def test_the_end_of_the_process_is_not_held_up(
    services: Services, exchange: Exchange, steps: Steps, error: BaseException
) -> None:
    with pytest.raises(type(error)):
        walk((steps.step("a", error),), exchange, services)


@pytest.mark.parametrize("where", ["tokens", "permissions"])
def test_a_part_that_breaks_lets_nobody_in(where: str) -> None:
    def roles(_: str) -> list[str]:
        if broken:
            raise ZeroDivisionError
        return []

    broken: list[int] = []
    place = make_place(load_roles=roles)
    headers = place.bearer()
    assert place.client.get("/chat", headers=headers).status_code == 200
    place.clock.advance(10)
    breaks: Callable[[], object]
    if where == "permissions":
        breaks = lambda: broken.append(1)  # noqa: E731 - one of two
    else:
        tokens = state_of(place.app).services.tokens
        breaks = lambda: setattr(tokens, "is_ours", None)  # noqa: E731 - one of two
    breaks()

    answer = place.client.get("/chat", headers=headers)

    assert answer.status_code == 503
    assert answer.get_json()["code"] == "security_unavailable"
