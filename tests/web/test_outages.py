"""What is promised when a part is down: nobody is let in on a guess, and health still answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from flask_jafsec.audit.direct import InTurn
from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.events import EventType, Severity
from flask_jafsec.stores.memory import MemoryStore
from flask_jafsec.stores.memory_tables import MemoryTables
from flask_jafsec.web.extension import state_of
from tests.apps import OPERATOR, Place, make_place


class Unreliable(MemoryStore):
    """A store that can be switched off."""

    is_down = False

    @contextmanager
    def reading(self) -> Iterator[MemoryTables]:
        self._refuse()
        with super().reading() as tables:
            yield tables

    @contextmanager
    def writing(self) -> Iterator[MemoryTables]:
        self._refuse()
        with super().writing() as tables:
            yield tables

    def epoch(self) -> int:
        self._refuse()
        return super().epoch()

    def _refuse(self) -> None:
        if self.is_down:
            raise StoreUnavailable("the database does not answer")


@pytest.fixture
def store() -> Unreliable:
    return Unreliable()


@pytest.fixture
def place(store: Unreliable) -> Place:
    return make_place(store=store)


def test_a_seen_token_is_good_for_a_minute_without_the_database_and_then_503(
    place: Place, store: Unreliable
) -> None:
    headers = place.bearer()
    assert place.client.get("/chat", headers=headers).status_code == 200
    store.is_down = True

    statuses = []
    for _ in range(13):
        place.clock.advance(5)
        statuses.append(place.client.get("/chat", headers=headers).status_code)

    assert statuses[:11] == [200] * 11
    assert statuses[12] == 503


def test_a_503_says_when_to_come_back_and_nothing_else(place: Place, store: Unreliable) -> None:
    headers = place.bearer()
    store.is_down = True

    answer = place.client.get("/chat", headers=headers)

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert "database" not in answer.text
    assert answer.get_json()["code"] == "security_unavailable"


@pytest.mark.parametrize("kind", ["token", "key"])
def test_an_unseen_credential_is_503_and_not_let_in(
    place: Place, store: Unreliable, kind: str
) -> None:
    headers = place.bearer() if kind == "token" else {"X-API-Key": place.key("chat:basic")}
    store.is_down = True

    assert place.client.get("/chat", headers=headers).status_code == 503


def test_a_seen_key_is_good_for_a_minute_without_the_database(
    place: Place, store: Unreliable
) -> None:
    headers = {"X-API-Key": place.key("chat:basic")}
    assert place.client.get("/chat", headers=headers).status_code == 200
    store.is_down = True

    place.clock.advance(30)
    assert place.client.get("/chat", headers=headers).status_code == 200
    place.clock.advance(31)
    assert place.client.get("/chat", headers=headers).status_code == 503


def test_a_forged_token_and_a_malformed_key_need_no_database(
    place: Place, store: Unreliable
) -> None:
    token = place.token()
    store.is_down = True

    for value in (f"{token[:-8]}AAAAAAAA", "jfk_live_nothing"):
        answer = place.client.get("/chat", headers={"Authorization": f"Bearer {value}"})
        assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/public", "/health"])
def test_a_public_route_answers_without_the_database(
    place: Place, store: Unreliable, path: str
) -> None:
    place.app.add_url_rule("/health", "health", place.jafsec.public()(lambda: "anonymous"))
    headers = place.bearer()
    store.is_down = True

    answer = place.client.get(path, headers=headers)

    assert answer.status_code == 200
    assert answer.text == "anonymous"


def test_a_session_is_503_without_the_database(place: Place, store: Unreliable) -> None:
    state = state_of(place.app)
    user = state.users.create("Ann", by=OPERATOR, password="a long enough one").user
    cookie = state.sessions.open(user).cookie
    store.is_down = True

    answer = place.raw.get("/chat", headers={"Cookie": f"jafsec_session={cookie}"})

    assert answer.status_code == 503


def test_when_the_database_is_back_so_are_the_callers(place: Place, store: Unreliable) -> None:
    headers = place.bearer()
    store.is_down = True
    assert place.client.get("/chat", headers=headers).status_code == 503
    store.is_down = False
    place.clock.advance(2)

    assert place.client.get("/chat", headers=headers).status_code == 200


def test_a_change_that_cannot_be_written_is_not_made_and_not_recorded(
    place: Place, store: Unreliable
) -> None:
    state = state_of(place.app)
    store.is_down = True

    with pytest.raises(StoreUnavailable):
        state.roles.grant("ann", "user", by=OPERATOR)

    assert place.events(EventType.ROLE_GRANTED) == []
    store.is_down = False
    assert state.roles.roles_of("ann") == frozenset()


def test_a_role_loader_that_breaks_lets_nobody_in() -> None:
    def load_roles(subject: str) -> list[str]:
        raise LookupError(subject)

    place = make_place(load_roles=load_roles)
    token = state_of(place.app).tokens.issue("ann").access

    answer = place.client.get("/chat", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 503


def test_a_role_loader_is_asked_again_after_five_seconds() -> None:
    roles = ["user"]
    place = make_place(load_roles=lambda _: roles)
    token = state_of(place.app).tokens.issue("ann").access
    headers = {"Authorization": f"Bearer {token}"}
    assert place.client.get("/chat", headers=headers).status_code == 200

    roles.clear()
    place.clock.advance(5.1)

    assert place.client.get("/chat", headers=headers).status_code == 403


def test_a_step_that_breaks_is_503_and_a_critical_event(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    rule = place.jafsec.require("chat:basic", owner=lambda identity: 1 / 0 > 0)
    place.app.add_url_rule("/broken", "broken", rule(lambda: "never"))

    answer = place.client.get("/broken", headers=place.bearer())

    assert answer.status_code == 503
    (event,) = place.events(EventType.SECURITY_FAILED)
    assert event.severity is Severity.CRITICAL
    assert event.reason == "step_failed:ZeroDivisionError"
    assert "division by zero" in caplog.text


def test_a_sink_that_breaks_costs_no_request(caplog: pytest.LogCaptureFixture) -> None:
    place = make_place()

    class Broken:
        def write(self, events: object) -> None:
            raise OSError("disk full")

    trail = state_of(place.app).services.trail
    trail._direct = InTurn([Broken(), place.captured], trail._losses)

    assert place.client.get("/chat", headers=place.bearer()).status_code == 200
    assert len(place.events(EventType.REQUEST_ALLOWED)) == 1
    assert "disk full" in caplog.text


def test_limits_that_cannot_be_kept_limit_nobody_and_say_so_once_a_minute() -> None:
    place = make_place(JAFSEC_LIMITS_STORE="redis+unix:///nonexistent/valkey.sock")

    statuses = {
        place.client.get("/agents", headers=place.bearer("bo", "manager")).status_code
        for _ in range(150)
    }

    assert statuses == {200}
    events = place.events(EventType.LIMITS_DEGRADED)
    assert [event.count for event in events] == [1, 149]
