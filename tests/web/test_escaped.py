"""Errors of the services that no view handles: the answer they mean, in any host."""

from __future__ import annotations

import pytest
from flask import Flask

from flask_jafsec import JafSecurity
from flask_jafsec.errors import Busy, JafsecError, StoreUnavailable
from flask_jafsec.events import EventType
from flask_jafsec.stores.memory import MemoryStore
from tests.apps import Place, make_place


@pytest.fixture
def place() -> Place:
    made = make_place()

    @made.app.get("/busy")
    @made.jafsec.public(limit=None)
    def busy() -> str:
        raise Busy(7)

    @made.app.get("/down")
    @made.jafsec.public(limit=None)
    def down() -> str:
        raise StoreUnavailable("the database at secret-host does not answer")

    return made


def test_a_busy_service_is_429_with_the_time_to_wait(place: Place) -> None:
    answer = place.client.get("/busy")

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert answer.get_json()["code"] == "rate_exceeded"
    (event,) = place.events(EventType.LIMIT_EXCEEDED)
    assert (event.id, event.reason) == (answer.get_json()["decision"], "service_busy")


def test_a_store_that_does_not_answer_is_503_and_its_name_is_not_shown(place: Place) -> None:
    answer = place.client.get("/down")

    assert answer.status_code == 503
    assert answer.get_json()["code"] == "security_unavailable"
    assert "secret-host" not in answer.text
    assert "Retry-After" in answer.headers


@pytest.mark.parametrize("kind", [Busy, JafsecError, Exception])
def test_a_handler_of_the_host_is_asked_instead(place: Place, kind: type[Exception]) -> None:
    place.app.register_error_handler(kind, lambda error: ("mine", 418))

    assert place.client.get("/busy").status_code == 418


def test_a_handler_that_was_there_before_us_stays() -> None:
    app = Flask("older")
    app.testing = True
    app.register_error_handler(Busy, lambda error: ("mine", 418))
    jafsec = JafSecurity(app, store=MemoryStore(), sinks=[])

    @app.get("/busy")
    @jafsec.public(limit=None)
    def busy() -> str:
        raise Busy(7)

    assert app.test_client().get("/busy").status_code == 418
