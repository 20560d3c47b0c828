"""An app whose log is in a database, and people who may look at it, more and less of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from flask_jafsec.audit.integrity import Integrity
from flask_jafsec.audit.opening import OpenedEvent
from flask_jafsec.audit.query import parse
from flask_jafsec.audit.searching import MAX_US
from flask_jafsec.events import Event, EventType, Outcome, Severity
from flask_jafsec.ids import new_id
from flask_jafsec.stores import schema
from flask_jafsec.stores.sql.store import SqlStore
from flask_jafsec.web.audit_log import AuditLog
from flask_jafsec.web.extension import state_of
from flask_jafsec.web.state import State
from tests.apps import OPERATOR, Place, make_place
from tests.console.test_door import BROWSER, CHOSEN, token_in

READ, EXPORT, VERIFY = "jafsec:audit:read", "jafsec:audit:export", "jafsec:audit:verify"
PERSONAL = "jafsec:personal:read"
ROLES = {
    "reader": [READ],
    "names": [READ, PERSONAL],
    "exporter": [READ, EXPORT],
    "verifier": [READ, VERIFY],
    "all": [READ, EXPORT, VERIFY, PERSONAL],
    "nothing": ["jafsec:console:view"],
}


@dataclass
class LogPlace:
    """The app, and ways to write into its log and to look at it."""

    place: Place
    store: SqlStore
    url: str
    _clients: dict[str, FlaskClient] = field(default_factory=dict)

    @property
    def state(self) -> State:
        return state_of(self.place.app)

    @property
    def log(self) -> AuditLog:
        log = self.state.audit_log
        assert log is not None
        return log

    @property
    def integrity(self) -> Integrity:
        integrity = self.state.integrity
        assert integrity is not None
        return integrity

    def record(self, event_type: EventType = EventType.KEY_MINTED, **fields: Any) -> str:
        """Have the log keep an event; return its id."""
        given: dict[str, Any] = {"id": new_id(), "at": self.place.clock.now(), "type": event_type}
        event = Event(**(given | fields))
        self.state.services.trail.record(event)
        return event.id

    def deny(self, **fields: Any) -> str:
        """Have the log keep a refusal."""
        given: dict[str, Any] = {
            "severity": Severity.WARNING,
            "outcome": Outcome.DENY,
            "code": "permission_denied",
            "method": "GET",
            "route": "/agents/<int:id>",
            "status": 403,
            "client": "192.0.2.7",
            "request_id": new_id(),
            "actor": "ada@example.org",
        }
        return self.record(EventType.PERMISSION_DENIED, **(given | fields))

    def settle(self) -> None:
        """Have everything written, sequenced and signed."""
        self.state.services.trail.close()

    def visitor(self, role: str) -> FlaskClient:
        """Return the browser of somebody who holds this role."""
        if role not in self._clients:
            state = self.state
            name = f"{role}@example.org"
            user = state.users.create(name, by=OPERATOR, password=CHOSEN).user
            state.roles.grant(user.id, role, by=OPERATOR)
            client = self.place.client
            client.set_cookie("jafsec_session", state.sessions.open(user).cookie)
            self._clients[role] = client
        return self._clients[role]

    def get(self, path: str, role: str = "reader", *, fragment: bool = False) -> TestResponse:
        """Open a page below the console's prefix."""
        headers = BROWSER | ({"X-Jafsec-Fragment": "1"} if fragment else {})
        return self.visitor(role).get(f"/security{path}", headers=headers)

    def send(self, path: str, role: str, action: str = "", **fields: str) -> TestResponse:
        """Open the page, fill its form in and send it."""
        token = token_in(self.get(path, role), action)
        data = {"jafsec_token": token, **fields}
        return self.visitor(role).post(f"/security{path}", headers=BROWSER, data=data)

    def kept(self, kind: EventType) -> list[Any]:
        """Return the members of all events of one type, newest first."""
        return [event.members for event in self.opened(kind)]

    def opened(self, kind: EventType) -> list[OpenedEvent]:
        """Return all events of one type with their personal parts, newest first."""
        self.settle()
        found = self.log.search.page(parse(f"type:{kind.value}"), 0, MAX_US, size=200)
        leaves = [entry.leaf_index for entry in found.entries]
        events = self.log.opener.at(leaves, open_personal=True)
        return [events[leaf] for leaf in leaves]


@contextmanager
def log_place(folder: Path, **settings: Any) -> Iterator[LogPlace]:
    """Open such an app on a new database in *folder*."""
    url = f"sqlite:///{folder / 'log.sqlite'}"
    schema.upgrade(url)
    with closing(SqlStore(url)) as store:
        settings = {
            "JAFSEC_LIMITS_ENABLED": False,
            "JAFSEC_ANCHORS": f"file:{folder / 'anchors.log'}",
            "JAFSEC_SPOOL_DIR": str(folder / "spool"),
            **settings,
        }
        place = make_place(store=store, **settings)
        for role, permissions in ROLES.items():
            state_of(place.app).roles.define(role, permissions, by=OPERATOR)
        opened = LogPlace(place, store, url)
        yield opened
        opened.settle()
