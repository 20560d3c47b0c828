"""Rates of routes, callers, keys and addresses, and what is said about them."""

from __future__ import annotations

from typing import Any

import pytest
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from flask_jafsec.events import EventType
from flask_jafsec.web.extension import state_of
from tests.apps import Place, make_place


@pytest.fixture
def place() -> Place:
    place = make_place(JAFSEC_LIMITS={"chat": "3/minute"})
    limits: dict[str, Any] = {
        "caller": "3/minute",
        "address": "3/minute by address",
        "route": "3/minute by route",
        "two": ("10/minute", "2/second"),
    }
    for name, limit in limits.items():
        view = place.jafsec.require("chat:basic", limit=limit)(lambda: "ok")
        place.app.add_url_rule(f"/{name}", name, view)
    for name in ("named-1", "named-2"):
        view = place.jafsec.require("chat:basic", limit="chat")(lambda: "ok")
        place.app.add_url_rule(f"/{name}", name, view)
    costly = place.jafsec.require("chat:basic", limit="10/minute", cost=4)(lambda: "ok")
    place.app.add_url_rule("/costly", "costly", costly)
    return place


def codes(place: Place, path: str, headers: dict[str, str], number: int = 4) -> list[int]:
    return [place.client.get(path, headers=headers).status_code for _ in range(number)]


def test_each_caller_has_a_count_of_its_own(place: Place) -> None:
    assert codes(place, "/caller", place.bearer("ann")) == [200, 200, 200, 429]
    assert codes(place, "/caller", place.bearer("bob")) == [200, 200, 200, 429]


def test_a_new_token_does_not_buy_a_new_count(place: Place) -> None:
    assert codes(place, "/caller", place.bearer("ann"), 3) == [200] * 3
    assert codes(place, "/caller", place.bearer("ann"), 1) == [429]


def test_a_rate_by_address_counts_all_callers_there(place: Place) -> None:
    codes(place, "/address", place.bearer("ann"), 3)

    assert codes(place, "/address", place.bearer("bob"), 1) == [429]


def test_a_rate_by_route_counts_everybody(place: Place) -> None:
    codes(place, "/route", place.bearer("ann"), 3)

    assert codes(place, "/route", place.bearer("bob"), 1) == [429]


def test_a_named_rate_is_one_count_for_all_its_routes(place: Place) -> None:
    headers = place.bearer()
    codes(place, "/named-1", headers, 3)

    assert codes(place, "/named-2", headers, 1) == [429]


def test_a_request_may_cost_more_than_one(place: Place) -> None:
    assert codes(place, "/costly", place.bearer(), 3) == [200, 200, 429]


def test_retry_after_is_exact(place: Place) -> None:
    headers = place.bearer()
    codes(place, "/caller", headers, 3)
    refused = place.client.get("/caller", headers=headers)
    wait = int(refused.headers["Retry-After"])
    assert wait == 20

    place.clock.advance(wait - 0.5)
    assert codes(place, "/caller", headers, 1) == [429]
    place.clock.advance(0.5)
    assert codes(place, "/caller", headers, 2) == [200, 429]


def test_an_answer_says_what_is_left(place: Place) -> None:
    answer = place.client.get("/named-1", headers=place.bearer())

    assert answer.headers["RateLimit-Policy"] == '"chat";q=3;w=60'
    assert answer.headers["RateLimit"] == '"chat";r=2;t=20'
    assert answer.headers["X-RateLimit-Limit"] == "3"
    assert answer.headers["X-RateLimit-Remaining"] == "2"
    assert int(answer.headers["X-RateLimit-Reset"]) == int(place.clock.time()) + 20


def test_a_refusal_says_the_same_and_when_to_come_back(place: Place) -> None:
    headers = place.bearer()
    codes(place, "/named-1", headers, 3)

    answer = place.client.get("/named-1", headers=headers)

    assert answer.status_code == 429
    assert answer.get_json()["code"] == "rate_exceeded"
    assert answer.headers["X-RateLimit-Remaining"] == "0"
    assert place.events(EventType.LIMIT_EXCEEDED)[0].reason == "chat"


def test_a_key_may_have_a_rate_of_its_own(place: Place) -> None:
    headers = {"X-API-Key": place.key("chat:basic", rate="2/minute")}

    assert codes(place, "/chat", headers, 3) == [200, 200, 429]


def test_the_guides_types_are_there_without_a_setting() -> None:
    named = state_of(make_place().app).settings.limits.named

    assert {"default", "chat", "api", "upload"} <= set(named)


def test_a_route_that_says_nothing_has_the_default_rate() -> None:
    place = make_place(JAFSEC_LIMITS={"default": "2/minute"})
    headers = place.bearer("bo", "manager")

    assert codes(place, "/agents", headers, 3) == [200, 200, 429]


def test_guessing_credentials_is_slow(place: Place) -> None:
    place = make_place(JAFSEC_ADDRESS_RATE="5/minute")
    guesses = [{"X-API-Key": f"jfk_live_guess{number}"} for number in range(8)]

    statuses = [place.client.get("/public", headers=guess).status_code for guess in guesses]

    assert statuses == [401] * 5 + [429] * 3


def test_a_repeated_refusal_still_counts_and_still_ends(place: Place) -> None:
    place = make_place(JAFSEC_ADDRESS_RATE="30/minute")
    guess = {"X-API-Key": "jfk_live_wrong"}
    statuses = [place.client.get("/public", headers=guess).status_code for _ in range(60)]
    assert statuses == [401] * 30 + [429] * 30

    place.clock.advance(60)

    assert place.client.get("/public").status_code == 200
    assert sum(e.count for e in place.events(EventType.KEY_REJECTED)) == 30
    assert sum(e.count for e in place.events(EventType.LIMIT_EXCEEDED)) == 30


def test_a_flood_is_answered_from_a_ready_answer_that_says_the_truth(place: Place) -> None:
    place = make_place(JAFSEC_ADDRESS_RATE="2/minute")
    answers = [place.client.get("/public") for _ in range(40)]
    assert {answer.status_code for answer in answers[2:]} == {429}
    assert answers[-1].headers["Retry-After"] == "30"
    assert answers[-1].headers["X-Request-ID"] != answers[-2].headers["X-Request-ID"]

    place.clock.advance(10)
    assert place.client.get("/public").headers["Retry-After"] == "20"
    place.clock.advance(20)
    assert place.client.get("/public").status_code == 200


def test_health_checks_are_never_limited_at_the_gate() -> None:
    place = make_place(JAFSEC_ADDRESS_RATE="2/minute")
    view = place.jafsec.public(limit=None)(lambda: "ok")
    place.app.add_url_rule("/health", "health", view)

    assert codes(place, "/health", {}, 9) == [200] * 9


def test_limits_can_be_switched_off() -> None:
    place = make_place(JAFSEC_LIMITS_ENABLED=False, JAFSEC_ADDRESS_RATE="1/minute")

    assert codes(place, "/agents", place.bearer("bo", "manager"), 150) == [200] * 150


def test_a_flood_of_wrong_credentials_from_one_address_does_not_stop_another(
    place: Place,
) -> None:
    place = make_place(JAFSEC_ADDRESS_RATE="3/minute")
    for _ in range(9):
        place.client.get("/public", headers={"X-API-Key": "jfk_live_x"})

    other = place.client.get("/public", environ_base={"REMOTE_ADDR": "192.0.2.7"})

    assert other.status_code == 200


def test_a_hosts_own_flask_limiter_keeps_working_beside_ours() -> None:
    place = make_place(bare=True)
    limiter = Limiter(get_remote_address, app=place.app, storage_uri="memory://")

    @place.app.get("/both")
    @place.jafsec.require("chat:basic", limit="3/minute")
    @limiter.limit("2/minute")
    def both() -> str:
        return "ok"

    headers = place.bearer()
    assert codes(place, "/both", headers, 3) == [200, 200, 429]
    last = place.client.get("/both", headers=place.bearer("bob"))
    assert last.status_code == 429
    assert last.content_type != "application/problem+json"


@pytest.mark.parametrize("store", ["memory", "valkey"])
def test_both_stores_admit_exactly_the_limit(store: str, valkey_url: str) -> None:
    address = "memory" if store == "memory" else valkey_url
    place = make_place(bare=True, JAFSEC_LIMITS_STORE=address)
    view = place.jafsec.require("chat:basic", limit="5/hour")(lambda: "ok")
    place.app.add_url_rule("/few", "few", view)

    assert codes(place, "/few", place.bearer(), 8) == [200] * 5 + [429] * 3


def test_no_subject_and_no_address_stands_in_the_shared_store(valkey_url: str) -> None:
    import redis

    place = make_place(bare=True, JAFSEC_LIMITS_STORE=valkey_url)
    for by in ("caller", "address"):
        view = place.jafsec.require("chat:basic", limit=f"5/hour by {by}")(lambda: "ok")
        place.app.add_url_rule(f"/{by}", by, view)
    for by in ("caller", "address"):
        place.client.get(f"/{by}", headers=place.bearer("ann-canary"))

    with redis.Redis.from_url(valkey_url.removeprefix("redis+")) as client:
        stored = b" ".join(client.keys("*"))
    assert stored
    assert b"canary" not in stored
    assert b"127.0.0.1" not in stored


@pytest.mark.parametrize("stranger", ["nobody", "another person"])
def test_who_may_not_come_in_uses_up_nothing_of_the_others(place: Place, stranger: str) -> None:
    view = place.jafsec.require("agent:manage", limit="3/minute by route")(lambda: "ok")
    place.app.add_url_rule("/shared", "shared", view)
    headers = {} if stranger == "nobody" else place.bearer("eve")
    status = 401 if stranger == "nobody" else 403

    assert codes(place, "/shared", headers, 9) == [status] * 9

    assert codes(place, "/shared", place.bearer("ann", "manager")) == [200, 200, 200, 429]


def test_a_rate_by_address_limits_strangers_too(place: Place) -> None:
    assert codes(place, "/address", {}) == [401, 401, 401, 429]


def test_probing_a_route_one_may_not_call_is_limited(place: Place) -> None:
    view = place.jafsec.require("agent:manage", limit="3/minute")(lambda: "ok")
    place.app.add_url_rule("/probed", "probed", view)

    assert codes(place, "/probed", place.bearer("eve")) == [403, 403, 403, 429]


def test_a_public_route_counts_everybody(place: Place) -> None:
    view = place.jafsec.public(limit=("9/minute", "3/minute by route"))(lambda: "ok")
    place.app.add_url_rule("/open", "open", view)

    assert codes(place, "/open", {}) == [200, 200, 200, 429]


def test_all_rates_of_a_protected_route_are_told(place: Place) -> None:
    view = place.jafsec.require("chat:basic", limit=("9/minute", "3/minute by route"))(lambda: "ok")
    place.app.add_url_rule("/told", "told", view)

    answer = place.client.get("/told", headers=place.bearer())

    assert answer.headers["RateLimit"] == '"9/minute";r=8;t=7, "3/minute by route";r=2;t=20'


def test_the_gates_refusal_tells_the_rate_like_any_other() -> None:
    place = make_place(JAFSEC_ADDRESS_RATE="3/minute")
    assert codes(place, "/public", {}) == [200, 200, 200, 429]

    headers = place.client.get("/public").headers

    assert headers["RateLimit-Policy"] == '"address";q=3;w=60'
    assert headers["RateLimit"] == '"address";r=0;t=60'
    assert headers["X-RateLimit-Limit"] == "3"
    assert headers["X-RateLimit-Remaining"] == "0"
    assert headers["X-RateLimit-Reset"] == str(int(place.clock.time()) + 60)
