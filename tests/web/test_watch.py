"""What an operator hears once: the store is down or up, the application is another one."""

from __future__ import annotations

from typing import Any

import pytest

from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.events import EventType
from flask_jafsec.stores.memory import MemoryStore
from tests.apps import Place, make_place

KEY = "r1:KxJ0m2Rr3bqz8vWQe4u1TnYs6dLhPc9oGfA7iZkXwBE="
OTHER = "r1:b1R9cXq3mKz7vWQe4u1TnYs6dLhPc9oGfA7iZkXwBEA="


class Switched(MemoryStore):
    is_down = False

    def epoch(self) -> int:
        if self.is_down:
            raise StoreUnavailable("no answer")
        return super().epoch()


def kinds(place: Place) -> list[EventType]:
    wanted = {EventType.STORE_DOWN, EventType.STORE_UP, EventType.CONFIG_IDENTITY_CHANGED}
    return [event.type for event in place.events() if event.type in wanted]


def test_an_outage_is_said_once_and_its_end_once() -> None:
    store = Switched()
    place = make_place(store=store)
    headers = place.bearer()
    place.client.get("/chat", headers=headers)

    store.is_down = True
    for _ in range(3):
        place.clock.advance(2)
        place.client.get("/chat", headers=headers)
    store.is_down = False
    for _ in range(3):
        place.clock.advance(2)
        place.client.get("/chat", headers=headers)

    assert kinds(place) == [EventType.STORE_DOWN, EventType.STORE_UP]


def started(store: MemoryStore, **settings: str) -> Place:
    """Return an app whose trail has done its chores once."""
    chosen: dict[str, Any] = {"JAFSEC_ROOT_KEYS": KEY, **settings}
    place = make_place(store=store, **chosen)
    place.client.get("/public")
    place.chores()
    return place


@pytest.mark.parametrize(
    "changed", [{"JAFSEC_APP_ID": "another"}, {"JAFSEC_ROOT_KEYS": OTHER}], ids=["id", "key"]
)
def test_another_application_on_the_same_store_is_said(
    changed: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore()
    started(store)

    place = started(store, **changed)

    (event,) = place.events(EventType.CONFIG_IDENTITY_CHANGED)
    assert event.facts["roots"] == ["r1"]
    assert "cannot be read" in caplog.text


def test_the_same_application_and_a_new_root_key_are_no_news() -> None:
    store = MemoryStore()
    started(store)

    again = started(store)
    rotated = started(store, JAFSEC_ROOT_KEYS=f"r2:{OTHER[3:]},{KEY}")

    assert kinds(again) == kinds(rotated) == []
