"""A process that forks: the child neither waits for the parent's locks nor repeats its ids."""

from __future__ import annotations

import os

import pytest

from tests.apps import Place

# Python 3.12 and newer warn of what is tested here: a fork while other threads run.
pytestmark = pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded:DeprecationWarning"
)


def _in_child(place: Place) -> tuple[str, int]:
    """Fork; return what the child's first request was answered with."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        answer = place.client.get("/agents", headers={"Authorization": "Bearer x"})
        os.write(writing, f"{answer.headers['X-Request-ID']} {answer.status_code}".encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as told:
        request_id, status = told.read().split()
    return request_id, int(status)


def test_the_child_of_a_fork_answers_and_makes_request_ids_of_its_own(place: Place) -> None:
    ours = place.client.get("/public").headers["X-Request-ID"]

    theirs, status = _in_child(place)

    assert status == 401
    assert theirs.split("-")[0] != ours.split("-")[0]


def test_the_child_is_not_stopped_by_a_lock_the_parent_held(place: Place) -> None:
    from flask_jafsec.web.extension import state_of

    rates = state_of(place.app).services.address_rates
    shards = rates._shards  # type: ignore[attr-defined]
    for shard in shards:
        shard.lock.acquire()
    try:
        _, status = _in_child(place)
    finally:
        for shard in shards:
            shard.lock.release()

    assert status == 401


def test_the_child_writes_events_of_its_own(place: Place) -> None:
    place.client.get("/agents")
    before = len(place.events())

    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        place.captured._events.clear()
        place.client.get("/agents")
        os.write(writing, str(len(place.events())).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as told:
        assert told.read() == "1"

    assert len(place.events()) == before
