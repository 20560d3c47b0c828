"""Traps that were met once; each forces a rule, and each rule has its test here."""

from __future__ import annotations

from collections.abc import Iterator

import flask
import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import EnvironBuilder, run_wsgi_app

from flask_jafsec.events import EventType
from tests.apps import Place, make_place


def test_three_callers_in_one_context_are_three_callers(place: Place) -> None:
    headers = [place.bearer("ann"), {}, place.bearer("bob")]

    with place.app.app_context():
        callers = [place.client.get("/public", headers=each).text for each in headers]

    assert callers == ["ann", "anonymous", "bob"]


@pytest.mark.parametrize("propagates", [True, False])
def test_a_crashing_view_is_recorded_once(place: Place, propagates: bool) -> None:
    place.app.config["PROPAGATE_EXCEPTIONS"] = propagates
    place.app.testing = propagates

    if propagates:
        with pytest.raises(RuntimeError):
            place.client.get("/crash")
    else:
        assert place.client.get("/crash").status_code == 500

    (event,) = place.events(EventType.REQUEST_CRASHED)
    assert event.route == "/crash"
    assert place.events(EventType.REQUEST_ALLOWED) == []


def test_a_streamed_answer_is_recorded_after_its_last_piece() -> None:
    place = make_place(bare=True)
    seen: list[int] = []

    @place.app.get("/stream")
    @place.jafsec.public()
    def stream() -> Response:
        def pieces() -> Iterator[str]:
            for number in range(3):
                seen.append(len(place.captured.all()))
                yield str(number)

        return Response(pieces(), mimetype="text/event-stream")

    answer = place.client.get("/stream", buffered=True)

    assert answer.text == "012"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert seen == [0, 0, 0]
    assert len(place.events(EventType.REQUEST_ALLOWED)) == 1


def test_a_stream_that_breaks_is_recorded_as_a_crash() -> None:
    place = make_place(bare=True)

    @place.app.get("/stream")
    @place.jafsec.public()
    def stream() -> Response:
        def pieces() -> Iterator[str]:
            yield "0"
            raise RuntimeError("broke")

        return Response(pieces())

    with pytest.raises(RuntimeError):
        place.client.get("/stream", buffered=True)

    assert len(place.events(EventType.REQUEST_CRASHED)) == 1


def test_a_stream_the_client_leaves_is_recorded_and_closed() -> None:
    place = make_place(bare=True)
    closed: list[bool] = []

    @place.app.get("/stream")
    @place.jafsec.public()
    def stream() -> Response:
        def pieces() -> Iterator[bytes]:
            try:
                while True:
                    yield b"x"
            finally:
                closed.append(True)

        return Response(pieces())

    answer = place.app.test_client().get("/stream", buffered=False)
    next(answer.iter_encoded())
    answer.close()

    assert closed == [True]
    assert len(place.events(EventType.REQUEST_ALLOWED)) == 1


def test_two_apps_in_one_process_know_nothing_of_each_other() -> None:
    one, two = make_place(), make_place()

    assert one.client.get("/chat", headers=two.bearer()).status_code == 401
    assert one.client.get("/chat", headers={"X-API-Key": two.key("chat:basic")}).status_code == 401
    assert two.client.get("/chat", headers=two.bearer()).status_code == 200


def test_an_app_below_another_has_a_caller_of_its_own() -> None:
    outer, inner = make_place(), make_place()
    outer.app.wsgi_app = DispatcherMiddleware(  # type: ignore[method-assign]
        outer.app.wsgi_app, {"/inner": inner.app}
    )
    client = FlaskClient(outer.app, Response)

    assert client.get("/inner/public", headers=inner.bearer("ann")).text == "ann"
    assert client.get("/inner/chat", headers=outer.bearer("ann")).status_code == 401


def test_an_app_below_another_is_not_fooled_by_the_outer_gate() -> None:
    outer, inner = make_place(), make_place()
    plain = Flask.wsgi_app.__get__(inner.app)  # as if a host had thrown our gate away
    inner.app.wsgi_app = plain  # type: ignore[method-assign]
    outer.app.wsgi_app.__dict__["_app"] = inner.app

    answer = FlaskClient(outer.app, Response).get("/chat", headers=outer.bearer("ann"))

    assert answer.status_code == 401


def test_a_host_that_throws_the_gate_away_is_still_protected(place: Place) -> None:
    place.app.wsgi_app = Flask.wsgi_app.__get__(place.app)  # type: ignore[method-assign]

    assert place.client.get("/chat").status_code == 401
    answer = place.client.get("/chat", headers=place.bearer())
    assert answer.status_code == 200
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert len(place.events(EventType.REQUEST_ALLOWED)) == 1


def test_preprocess_request_outside_of_wsgi_is_refused_the_same(place: Place) -> None:
    with place.app.test_request_context("/chat"):
        answer = place.app.preprocess_request()

    assert isinstance(answer, flask.Response)
    assert answer.status_code == 401


@pytest.mark.parametrize("order", ["before us", "after us"])
def test_the_client_is_the_socket_peer_with_proxy_fix_on_either_side(order: str) -> None:
    app = Flask("proxied")
    app.testing = True
    if order == "before us":
        app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    place = _join(app)
    if order == "after us":
        app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]

    for number in range(3):
        answer = place.client.get("/x", headers={"X-Forwarded-For": f"198.51.100.{number}"})
    assert answer.status_code == 429

    clients = {event.client for event in place.events() if event.request_id}
    assert clients == {"127.0.0.1"}


@pytest.mark.parametrize("order", ["before us", "after us"])
def test_hsts_is_sent_on_https_behind_a_proxy_on_either_side(order: str) -> None:
    app = Flask("proxied")
    app.testing = True
    app.config["JAFSEC_HTTPS_REDIRECT"] = True
    if order == "before us":
        app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    place = _join(app)
    if order == "after us":
        app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]

    secure = place.client.get("/x", headers={"X-Forwarded-Proto": "https"})
    plain = place.client.get("/x")

    assert secure.status_code == 200
    assert "Strict-Transport-Security" in secure.headers
    assert plain.status_code == 308
    assert "Strict-Transport-Security" not in plain.headers


def _join(app: Flask) -> Place:
    from flask_jafsec import JafSecurity
    from flask_jafsec.testing import CapturedEvents, FrozenClock

    app.config["JAFSEC_ADDRESS_RATE"] = "2/minute"
    clock, captured = FrozenClock(), CapturedEvents()
    jafsec = JafSecurity(app, sinks=[captured], clock=clock)
    app.add_url_rule("/x", "x", jafsec.public(limit=None)(lambda: "x"))
    return Place(app, jafsec, clock, captured)


def test_a_hosts_hook_that_is_registered_later_runs_after_ours(place: Place) -> None:
    ran: list[str] = []
    place.app.before_request(lambda: ran.append("host"))

    place.client.get("/chat")

    assert ran == []


def test_the_gate_asks_wsgi_for_nothing_it_may_not_have(place: Place) -> None:
    environ = EnvironBuilder(path="/public").get_environ()
    for name in ("REMOTE_ADDR", "HTTP_HOST", "SERVER_SOFTWARE", "QUERY_STRING"):
        environ.pop(name, None)

    _, status, _ = run_wsgi_app(place.app, environ)

    assert status == "200 OK"
