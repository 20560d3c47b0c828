"""Refusals that come again: a ready answer says what a fresh one would, and counts the same."""

from __future__ import annotations

import pytest

from flask_jafsec.events import EventType
from flask_jafsec.web.gate import Gate
from flask_jafsec.web.repeats import MAX_KEPT
from tests.apps import Place, make_place


def kept(place: Place) -> int:
    """Return how many answers are ready."""
    gate = place.app.wsgi_app
    assert isinstance(gate, Gate)
    return len(gate._repeats.kept)


@pytest.fixture
def spent() -> Place:
    """An app whose one client has used its rate and was refused often enough to be counted."""
    place = make_place(JAFSEC_ADDRESS_RATE="2/hour")
    statuses = [place.client.get("/public").status_code for _ in range(30)]
    assert statuses == [200] * 2 + [429] * 28
    assert kept(place) == 1
    return place


def test_a_ready_answer_counts_retry_after_down_to_the_second(spent: Place) -> None:
    waits = []
    for _ in range(4):
        waits.append(spent.client.get("/public").headers.getlist("Retry-After"))
        spent.clock.advance(0.5)

    assert waits == [["1800"], ["1800"], ["1799"], ["1799"]]


def test_a_ready_answer_ends_when_the_rate_lets_one_through() -> None:
    place = make_place(JAFSEC_ADDRESS_RATE="2/minute")
    for _ in range(30):
        place.client.get("/public")
    place.clock.advance(29.5)
    assert place.client.get("/public").headers["Retry-After"] == "1"
    assert kept(place) == 1

    place.clock.advance(0.5)

    statuses = [place.client.get("/public").status_code for _ in range(3)]
    assert statuses == [200, 429, 429]


def test_a_clock_set_back_makes_no_refusal_last_longer(spent: Place) -> None:
    wait = spent.client.get("/public").headers["Retry-After"]

    spent.clock.time = lambda: 1_000_000.0  # type: ignore[method-assign]

    assert spent.client.get("/public").headers["Retry-After"] == wait


def test_ready_and_fresh_answers_are_counted_alike(spent: Place) -> None:
    for _ in range(10):
        spent.client.get("/public")
    spent.clock.advance(120)

    counted = [event.count for event in spent.events(EventType.LIMIT_EXCEEDED)]

    assert sum(counted) == 38


def test_what_never_comes_again_is_not_kept() -> None:
    place = make_place(JAFSEC_ADDRESS_RATE="100000/minute")
    signed = place.token().rpartition(".")[0]
    for number in range(40):
        forged = {"Authorization": f"Bearer {signed}.{number:043}"}
        assert place.client.get("/public", headers=forged).status_code == 401
    assert kept(place) == 0

    for _ in range(2):
        place.client.get("/public", headers=forged)
    assert kept(place) == 1


def test_the_memory_of_what_was_refused_is_bounded() -> None:
    place = make_place(JAFSEC_ADDRESS_RATE="100000/minute")
    gate = place.app.wsgi_app
    assert isinstance(gate, Gate)
    for number in range(MAX_KEPT + 10):
        gate._repeats._was_refused((number,))

    assert len(gate._repeats._refused) <= MAX_KEPT


def test_a_ready_answer_tells_the_rate_as_a_fresh_one_would(spent: Place) -> None:
    first = spent.client.get("/public").headers
    spent.clock.advance(600.5)

    later = spent.client.get("/public").headers

    assert kept(spent) == 1
    assert later["RateLimit"] == '"address";r=0;t=3000'
    for name in ("RateLimit-Policy", "X-RateLimit-Remaining", "X-RateLimit-Reset"):
        assert later.getlist(name) == first.getlist(name)
    assert len(later.getlist("RateLimit")) == 1
