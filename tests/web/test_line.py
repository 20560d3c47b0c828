"""A real request walks the line: who is let in, who is refused, and what is recorded."""

from __future__ import annotations

import pytest

from flask_jafsec.events import EventType, Outcome
from flask_jafsec.web.extension import state_of
from tests.apps import OPERATOR, Place


def test_a_token_with_the_permission_is_let_in(place: Place) -> None:
    answer = place.client.get("/chat", headers=place.bearer())

    assert answer.status_code == 200
    assert answer.json == {"reply": "hello"}


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
def test_an_api_key_with_the_scope_is_let_in(place: Place, header: str) -> None:
    key = place.key("chat:basic")
    value = f"Bearer {key}" if header == "Authorization" else key

    assert place.client.get("/chat", headers={header: value}).status_code == 200


def test_nobody_is_told_to_say_who_they_are(place: Place) -> None:
    answer = place.client.get("/chat")

    assert answer.status_code == 401
    assert answer.content_type == "application/problem+json"
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    assert answer.json is not None
    assert answer.json["code"] == "credential_missing"


def test_a_caller_without_the_permission_gets_403(place: Place) -> None:
    answer = place.client.get("/agents", headers=place.bearer())

    assert answer.status_code == 403
    assert answer.json is not None
    assert answer.json["code"] == "permission_denied"
    assert "WWW-Authenticate" not in answer.headers


def test_a_wildcard_covers_the_permission(place: Place) -> None:
    assert place.client.get("/agents", headers=place.bearer("bo", "manager")).status_code == 200


@pytest.mark.parametrize("subject", ["ann", "root"])
def test_a_route_that_declares_nothing_is_refused_for_everybody(place: Place, subject: str) -> None:
    headers = place.bearer(subject, "user", "manager")

    answer = place.client.get("/undeclared", headers=headers)

    assert answer.status_code == 403
    assert answer.json is not None
    assert answer.json["code"] == "route_undeclared"
    assert b"undeclared()" not in answer.data


def test_in_debug_the_refusal_names_the_view_and_the_line_to_add(place: Place) -> None:
    place.app.debug = True

    answer = place.client.get("/undeclared")

    assert answer.json is not None
    assert "test" not in answer.json["code"]
    assert "apps.py:" in answer.json["detail"]
    assert "@jafsec.require" in answer.json["detail"]


def test_a_public_route_knows_the_caller_who_says_who_they_are(place: Place) -> None:
    assert place.client.get("/public").text == "anonymous"
    assert place.client.get("/public", headers=place.bearer()).text == "ann"


def test_a_forged_token_is_refused_even_on_a_public_route(place: Place) -> None:
    head, claims, _ = place.token().split(".")
    forged = f"{head}.{claims}.{'A' * 43}"

    answer = place.client.get("/public", headers={"Authorization": f"Bearer {forged}"})

    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_an_expired_token_is_anonymous_on_a_public_route_and_refused_elsewhere(
    place: Place,
) -> None:
    headers = place.bearer(lifetime_s=60)
    assert place.client.get("/chat", headers=headers).status_code == 200

    place.clock.advance(91)

    assert place.client.get("/public", headers=headers).text == "anonymous"
    assert place.client.get("/chat", headers=headers).status_code == 401


def test_expired_revoked_and_forged_look_the_same_to_the_caller(place: Place) -> None:
    state = state_of(place.app)
    pair = state.tokens.issue("ann")
    state.tokens.revoke(pair.token_id, by="cli:tests")
    expired = place.bearer("bo", lifetime_s=1)
    place.clock.advance(60)

    answers = [
        place.client.get("/chat", headers=headers)
        for headers in (
            {"Authorization": f"Bearer {pair.access}"},
            expired,
            {"Authorization": f"Bearer {pair.access[:-8]}AAAAAAAA"},
        )
    ]

    documents = [answer.get_json() for answer in answers]
    for document in documents:
        del document["decision"]
    assert documents[0] == documents[1] == documents[2]
    assert len({answer.headers["WWW-Authenticate"] for answer in answers}) == 1


def test_the_operator_reads_the_reasons_apart(place: Place) -> None:
    state = state_of(place.app)
    pair = state.tokens.issue("ann")
    state.tokens.revoke(pair.token_id, by="cli:tests")
    place.clock.advance(6)

    place.client.get("/chat", headers={"Authorization": f"Bearer {pair.access}"})

    (event,) = place.events(EventType.TOKEN_REJECTED)
    assert event.reason == "token_revoked"
    assert event.code == "credential_invalid"
    assert event.outcome is Outcome.DENY


def test_the_decision_id_of_a_refusal_is_its_events_id(place: Place) -> None:
    answer = place.client.get("/agents", headers=place.bearer())

    (event,) = place.events(EventType.PERMISSION_DENIED)
    assert answer.json is not None
    assert answer.json["decision"] == event.id
    assert event.actor == "ann"
    assert event.route == "/agents"
    assert event.at == place.clock.now()


def test_an_allowed_request_is_recorded_once_with_its_route_and_status(place: Place) -> None:
    place.client.get("/chat", headers=place.bearer())

    (event,) = place.events(EventType.REQUEST_ALLOWED)
    assert (event.actor, event.route, event.status) == ("ann", "/chat", 200)
    assert event.credential == "token"


def test_equal_requests_of_a_minute_are_one_event_and_one_count(place: Place) -> None:
    headers = place.bearer()
    for _ in range(50):
        place.client.get("/chat", headers=headers)

    counts = [event.count for event in place.events(EventType.REQUEST_ALLOWED)]
    assert counts == [1, 49]


def test_equal_refusals_are_twenty_events_and_one_count(place: Place) -> None:
    decisions = []
    for _ in range(50):
        answer = place.client.get("/chat")
        assert answer.json is not None
        decisions.append(answer.json["decision"])

    events = place.events(EventType.CREDENTIAL_MISSING)
    assert [event.count for event in events] == [1] * 20 + [30]
    assert set(decisions) == {event.id for event in events}


def test_no_event_holds_the_credential(place: Place) -> None:
    token, key = place.token(), place.key("chat:basic")
    for value in (token, key, token[:-4] + "AAAA", key[:-1] + "0"):
        place.client.get("/chat", headers={"Authorization": f"Bearer {value}"})
        place.client.get("/agents", headers={"Authorization": f"Bearer {value}"})

    text = repr(place.events())
    assert token.split(".")[2] not in text
    assert key.split("_")[3] not in text


def test_a_changed_role_acts_without_a_new_token(place: Place) -> None:
    state = state_of(place.app)
    headers = place.bearer()
    assert place.client.get("/agents", headers=headers).status_code == 403

    state.roles.grant("ann", "manager", by=OPERATOR)
    place.clock.advance(2)
    assert place.client.get("/agents", headers=headers).status_code == 200

    state.roles.withdraw("ann", "manager", by=OPERATOR)
    place.clock.advance(2)
    assert place.client.get("/agents", headers=headers).status_code == 403


def test_scopes_bound_what_a_token_may_do(place: Place) -> None:
    headers = place.bearer("ann", "manager", scopes=frozenset({"chat:basic"}))

    assert place.client.get("/chat", headers=headers).status_code == 200
    assert place.client.get("/agents", headers=headers).status_code == 403


def test_a_revoked_token_is_refused_even_if_remembered(place: Place) -> None:
    state = state_of(place.app)
    pair = state.tokens.issue("ann")
    state.roles.grant("ann", "user", by=OPERATOR)
    headers = {"Authorization": f"Bearer {pair.access}"}
    assert place.client.get("/chat", headers=headers).status_code == 200

    state.tokens.revoke(pair.token_id, by="cli:tests")
    place.clock.advance(2)

    assert place.client.get("/chat", headers=headers).status_code == 401


def test_a_revoked_key_is_refused_even_if_remembered(place: Place) -> None:
    state = state_of(place.app)
    minted = state.keys.mint("ci", scopes=frozenset({"chat:basic"}), by=OPERATOR)
    headers = {"X-API-Key": minted.secret}
    assert place.client.get("/chat", headers=headers).status_code == 200

    state.keys.revoke(minted.key.id, by=OPERATOR, why="leaked")
    place.clock.advance(2)

    assert place.client.get("/chat", headers=headers).status_code == 401
    assert [e.reason for e in place.events(EventType.KEY_REJECTED)] == ["key_revoked"]


def test_every_answer_has_a_request_id_and_takes_over_a_harmless_one(place: Place) -> None:
    assert place.client.get("/public").headers["X-Request-ID"]
    answer = place.client.get("/public", headers={"X-Request-ID": "abc-1"})
    assert answer.headers["X-Request-ID"] == "abc-1"
    answer = place.client.get("/public", headers={"X-Request-ID": 'a" <b>'})
    assert answer.headers["X-Request-ID"] != 'a" <b>'


def test_a_browser_gets_a_page(place: Place) -> None:
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

    answer = place.client.get("/chat", headers={"Accept": browser})

    assert answer.status_code == 401
    assert answer.mimetype == "text/html"
    assert "Authentication needed" in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("accept", ["application/json", "*/*", "", "text/*;q=0.1,application/json"])
def test_a_program_gets_a_document(place: Place, accept: str) -> None:
    answer = place.client.get("/chat", headers={"Accept": accept})

    assert answer.content_type == "application/problem+json"
