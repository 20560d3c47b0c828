"""Errors of the services that no view handles: the answer they mean, in any host."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from flask import Flask

from flask_jafsec import JafSecurity
from flask_jafsec.errors import Busy, JafsecError, StoreUnavailable
from flask_jafsec.events import EventType
from flask_jafsec.stores.memory import MemoryStore
from flask_jafsec.web.extension import state_of
from tests.apps import OPERATOR, Place, make_place

KEY = "r1:KxJ0m2Rr3bqz8vWQe4u1TnYs6dLhPc9oGfA7iZkXwBE="


@pytest.fixture
def place() -> Place:
    made = make_place()
    add_routes(made.app, made.jafsec)
    return made


def add_routes(app: Flask, jafsec: JafSecurity) -> None:
    @app.get("/busy")
    @jafsec.public(limit=None)
    def busy() -> str:
        raise Busy(7)

    @app.get("/down")
    @jafsec.public(limit=None)
    def down() -> str:
        raise StoreUnavailable("the database at secret-host does not answer")


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


@pytest.mark.parametrize("path", ["/busy", "/down"])
def test_a_refusal_that_cannot_be_recorded_either_is_503(tmp_path: Path, path: str) -> None:
    # Answers wait for their events, in a database that takes none, and there are no journals.
    app = Flask("full", instance_path=str(tmp_path))
    app.config.update(
        JAFSEC_ROOT_KEYS=KEY,
        JAFSEC_LOG_ENABLED=False,
        JAFSEC_AUDIT_WAIT="all",
        JAFSEC_SPOOL_DIR="",
    )
    add_routes(app, JafSecurity(app))
    state_of(app).roles.define("user", ["chat:basic"], by=OPERATOR)
    with sqlite3.connect(tmp_path / "jafsec.sqlite3") as connection:
        connection.execute("ALTER TABLE jafsec_audit_event RENAME TO gone")

    answer = app.test_client().get(path)

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
