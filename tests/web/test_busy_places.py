"""Places that are full or dead beside the request (fault matrix, rows 6 and 33)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from flask import Flask

from flask_jafsec import JafSecurity
from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.events import Event, EventType
from flask_jafsec.stores.sql.store import POOL_EXTRA, POOL_SIZE, SqlStore
from flask_jafsec.testing import CapturedEvents
from flask_jafsec.web.extension import state_of
from tests.apps import OPERATOR
from tests.load.crew import signed_in
from tests.stores.conftest import make_tables

#: How long a thread of a test may take, in seconds; only a broken rule takes it.
PATIENCE_S = 30.0


class Noting(CapturedEvents):
    """A sink that notes which threads it is called on."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[int] = set()

    def write(self, events: Sequence[Event]) -> None:
        self.threads.add(threading.get_ident())
        super().write(events)


def make_app(folder: Path, *sinks: CapturedEvents, **settings: object) -> Flask:
    app = Flask("site", instance_path=str(folder))
    app.config.from_mapping(settings, TESTING=True, JAFSEC_ROLES={"user": ["chat:basic"]})
    store = settings.pop("store", None)
    jafsec = JafSecurity(app, sinks=sinks, store=store)  # type: ignore[arg-type] # one of ours

    @app.get("/chat")
    @jafsec.require("chat:basic", limit=None)
    def chat() -> str:
        return "hello"

    return app


# -- row 6: every connection is in use --


@pytest.fixture
def app(postgres_url: str, tmp_path: Path) -> Iterator[Flask]:
    make_tables(postgres_url)
    app = make_app(tmp_path, store=SqlStore(postgres_url, pool_wait_s=0.1))
    yield app
    state_of(app).services.trail.close()
    state_of(app).store.close()


def test_with_every_connection_in_use_known_callers_and_the_log_go_on_and_others_are_503(
    app: Flask,
) -> None:
    state = state_of(app)
    state.roles.grant("ann", "user", by=OPERATOR)
    client = app.test_client()
    known = {"Authorization": f"Bearer {state.tokens.issue('ann').access}"}
    unknown = {"Authorization": f"Bearer {state.tokens.issue('bo').access}"}
    assert client.get("/chat", headers=known).status_code == 200

    with ExitStack() as stack:
        for _ in range(POOL_SIZE + POOL_EXTRA):
            stack.enter_context(state.store.reading())
        seen = client.get("/chat", headers=known)
        unseen = client.get("/chat", headers=unknown)
        # The log's writer has a connection of its own; a change that must read first has not.
        state.services.trail.record(signed_in(1))
        with pytest.raises(StoreUnavailable):
            state.roles.grant("bo", "user", by=OPERATOR)

    assert seen.status_code == 200
    assert unseen.status_code == 503
    assert int(unseen.headers["Retry-After"]) > 0
    state.roles.grant("bo", "user", by=OPERATOR)
    assert client.get("/chat", headers=unknown).status_code == 200


# -- row 33: a collector that never answers --


def test_requests_touch_no_sink_and_wait_for_no_collector(tmp_path: Path) -> None:
    noting = Noting()
    with socket.create_server(("127.0.0.1", 0)) as collector:
        collector.settimeout(PATIENCE_S)
        port = collector.getsockname()[1]
        app = make_app(
            tmp_path, noting, JAFSEC_AUDIT_EXPORTS=f"http://127.0.0.1:{port}/in?plain=true"
        )
        state = state_of(app)
        state.roles.grant("ann", "user", by=OPERATOR)
        connection, _ = collector.accept()  # an exporter has begun to send, and gets no answer
        with connection:
            client = app.test_client()
            bearer = {"Authorization": f"Bearer {state.tokens.issue('ann').access}"}
            statuses = [client.get("/chat", headers=bearer).status_code for _ in range(50)]
            refused = [client.get("/chat").status_code for _ in range(50)]
            sending = [each for each in threading.enumerate() if each.name == "jafsec-export"]
        state.services.trail.close()
        state.store.close()

    assert (set(statuses), set(refused)) == ({200}, {401})
    assert len(sending) == 1
    assert noting.of(EventType.TOKEN_ISSUED)
    assert threading.get_ident() not in noting.threads
