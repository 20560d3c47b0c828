"""What the console says when a service cannot do what was asked: a page, never a 500."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.stores.memory import MemoryStore
from flask_jafsec.stores.memory_tables import MemoryTables
from flask_jafsec.web.extension import state_of
from tests.apps import OPERATOR, Place, make_place
from tests.console.test_door import BROWSER, CHOSEN, send, sign_in, token_in

SECRET_DETAIL = "host db7.internal refused"


class Unplugged(MemoryStore):
    """A store in memory that can be pulled out."""

    def __init__(self) -> None:
        super().__init__()
        self.is_down = False
        self.before_writing: Callable[[], object] | None = None
        """Done once, in front of the next change."""

    @contextmanager
    def reading(self) -> Iterator[MemoryTables]:
        self._check()
        with super().reading() as tables:
            yield tables

    @contextmanager
    def writing(self) -> Iterator[MemoryTables]:
        self._check()
        first, self.before_writing = self.before_writing, None
        if first is not None:
            first()
        with super().writing() as tables:
            yield tables

    def _check(self) -> None:
        if self.is_down:
            raise StoreUnavailable(SECRET_DETAIL)


@pytest.fixture
def store() -> Unplugged:
    return Unplugged()


@pytest.fixture
def place(store: Unplugged) -> Place:
    place = make_place(store=store)
    state = state_of(place.app)
    made = state.users.create("admin", by=OPERATOR)
    state.roles.grant(made.user.id, "jafsec_admin", by=OPERATOR)
    place.app.config["ONE_TIME"] = made.one_time_password
    return place


def test_guessing_the_present_password_must_wait(place: Place) -> None:
    client = place.client
    send(client, "/security/sign-in", name="admin", password=place.app.config["ONE_TIME"])
    wrong = {"old": "not this one", "new": CHOSEN, "again": CHOSEN}
    for _ in range(5):
        assert send(client, "/security/password", **wrong).status_code == 400

    answer = send(client, "/security/password", **wrong)

    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert "<form" in answer.text
    assert "try again" in answer.text


def test_a_password_that_was_reset_meanwhile_leads_to_the_door(
    place: Place, store: Unplugged
) -> None:
    client = place.client
    old = place.app.config["ONE_TIME"]
    send(client, "/security/sign-in", name="admin", password=old)
    users = state_of(place.app).users
    user = users.list()[0]

    store.before_writing = lambda: users.reset_password(user.id, by=OPERATOR)
    answer = send(client, "/security/password", old=old, new=CHOSEN, again=CHOSEN)

    # The reset has ended the session too, so there is no form left to show.
    assert users.get(user.id).password_hash != user.password_hash
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/security/sign-in"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/security/sign-in"),
        ("POST", "/security/sign-in"),
        ("GET", "/security/password"),
        ("POST", "/security/password"),
        ("POST", "/security/sign-out"),
    ],
)
def test_without_the_database_the_door_says_so(
    place: Place, store: Unplugged, method: str, path: str
) -> None:
    client = sign_in(place)
    client.get("/security/sign-in", headers=BROWSER)
    fields: dict[str, Any] = {"name": "admin", "password": CHOSEN}
    if path == "/security/sign-in":
        fields["jafsec_token"] = token_in(client.get(path, headers=BROWSER))
    store.is_down = True

    answer = client.open(path, method=method, headers=BROWSER, data=fields)

    assert answer.status_code == 503
    assert "database unavailable" in answer.text.lower()
    assert SECRET_DETAIL not in answer.text
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["Cache-Control"] == "no-store"
