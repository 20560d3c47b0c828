"""Our own variants, on the public names of the extension. The others' stand in baselines.py."""

import base64
import secrets
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count, cycle
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from flask import Flask

from benchmarks.baselines import AMPLE_LIMIT, PERMISSION, chat, forgeries, null_stream, spent
from benchmarks.browser import (
    CLIENTS,
    ORIGIN,
    PATH,
    Extras,
    api_key_each,
    bearer,
    bearer_each,
    browser_requests,
)
from benchmarks.measuring import WARM_UP, App, Subject

if TYPE_CHECKING:
    from flask_jafsec.events import Event
    from flask_jafsec.identity.permissions import Actor
    from flask_jafsec.web.state import State

ROLE = "chatter"
#: How our API keys begin. Source: answers.md, "Prefixes people see".
KEY_PREFIX = "jfk_"
#: Callers of the row in which none comes twice in a minute: more than a run sends it in that time,
#: fewer than the table of seen tokens holds.
MANY = 4096
#: A refusal is written singly 20 times a client and minute, then counted, and kept ready once it
#: came twice more; 64 clients reach the steady state of an attack after this many requests, and
#: leave it when the minute ends. Source: audit/counting.py, web/repeats.py.
REPEATED = 23 * CLIENTS
#: How long the sink may take for what one lap left to it.
SINK_TIMEOUT_S = 10


class WatchedLog:
    """Writes lines of JSON to the null device, and knows when all that waited is written."""

    MARK = "benchmarks-mark"

    def __init__(self) -> None:
        from flask_jafsec.audit.sinks.log_line import JsonLog

        self._log = JsonLog(null_stream())
        self.reached = threading.Event()

    def write(self, events: "Sequence[Event]") -> None:
        """Writes *events*."""
        self._log.write([event for event in events if event.id != self.MARK])
        if any(event.id == self.MARK for event in events):
            self.reached.set()


@dataclass(frozen=True)
class House:
    """An app with the whole line on and one guarded view, its database in a folder of its own."""

    state: "State"
    log: WatchedLog
    serial: Iterator[int]
    app: App
    operator: "Actor"

    def settle(self) -> None:
        """Waits until every event recorded so far is written.

        Raises:
            TimeoutError: The writer did not come to it.
        """
        from flask_jafsec.events import Event, EventType

        self.log.reached.clear()
        mark = Event(
            id=WatchedLog.MARK, type=EventType.CONFIG_IDENTITY_CHANGED, at=datetime.now(UTC)
        )
        self.state.services.trail.record(mark)
        if not self.log.reached.wait(SINK_TIMEOUT_S):
            raise TimeoutError(f"events were not written within {SINK_TIMEOUT_S} s")

    def new_caller(self) -> str:
        """Returns a subject nobody has seen, who may use the view."""
        subject = f"caller-{next(self.serial)}"
        self.state.roles.grant(subject, ROLE, by=self.operator)
        return subject

    def token(self, subject: str) -> str:
        """Returns a new access token of *subject*."""
        return self.state.tokens.issue(subject).access

    def key(self) -> str:
        """Returns a new API key that may use the view."""
        scopes = frozenset({PERMISSION})
        return self.state.keys.mint("benchmark", scopes=scopes, by=self.operator).secret

    def meets(self, extras: Extras, warm_up: int = WARM_UP) -> Subject:
        """Returns this app, meeting requests with *extras* and answering them."""
        return Subject(self.app, browser_requests(extras), "200", warm_up, settle=self.settle)

    def refuses(self, extras: Extras, status: str) -> Subject:
        """Returns this app in the steady state of an attack with *extras*, answering *status*."""
        requests = browser_requests(extras)
        return Subject(self.app, requests, status, REPEATED, REPEATED, self.settle)


#: Holds the folders of the apps until the program ends.
FOLDERS: list[tempfile.TemporaryDirectory[str]] = []


def house(address_rate: str = AMPLE_LIMIT, token_keys: str | None = None) -> House:
    """Returns an app with address and route limits, headers, CORS and events on."""
    from flask_jafsec import JafSecurity
    from flask_jafsec.identity.permissions import Actor

    FOLDERS.append(tempfile.TemporaryDirectory(prefix="jafsec-bench-"))
    app = Flask("ours", instance_path=FOLDERS[-1].name)
    app.config.update(
        JAFSEC_ROOT_KEYS="bench1:" + base64.b64encode(secrets.token_bytes(32)).decode("ascii"),
        JAFSEC_ADDRESS_RATE=address_rate,
        JAFSEC_CORS_ORIGINS=[ORIGIN],
        JAFSEC_ROLES={ROLE: [PERMISSION]},
        JAFSEC_TOKEN_KEYS=token_keys,
    )
    log = WatchedLog()
    jafsec = JafSecurity(app, sinks=[log])

    @app.get(PATH)
    @jafsec.require(PERMISSION, limit=AMPLE_LIMIT)
    def guarded() -> dict[str, object]:
        return chat()

    operator = Actor.operator("benchmarks")
    return House(jafsec.for_app(app), log, count(), app.wsgi_app, operator)


def seen_token() -> Subject:
    """Returns the whole line; every client has a token that was seen before."""
    ours = house()
    tokens = [ours.token(ours.new_caller()) for _ in range(CLIENTS)]
    return ours.meets(bearer_each(cycle(tokens)))


def seen_token_of_many() -> Subject:
    """Returns the whole line with tokens seen before, of so many callers that hardly one of them
    comes twice in a minute: every request is an event of its own."""
    ours = house()
    tokens = [ours.token(ours.new_caller()) for _ in range(MANY)]
    return ours.meets(bearer_each(cycle(tokens)), warm_up=MANY)


def seen_key() -> Subject:
    """Returns the whole line; every client has an API key that was seen before."""
    ours = house()
    keys = [ours.key() for _ in range(CLIENTS)]
    return ours.meets(api_key_each(cycle(keys)))


def first_token(token_keys: str | None = None) -> Subject:
    """Returns the whole line, meeting each token once; the callers themselves are known."""
    ours = house(token_keys=token_keys)
    callers = cycle([ours.new_caller() for _ in range(CLIENTS)])
    return ours.meets(bearer_each(ours.token(caller) for caller in callers))


def first_rs256() -> Subject:
    """Returns the same with tokens signed by an RSA key of 2048 bits."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    folder = tempfile.TemporaryDirectory(prefix="jafsec-bench-")
    FOLDERS.append(folder)
    path = Path(folder.name) / "bench-rs256.pem"
    path.touch(mode=0o600)
    path.write_bytes(pem)
    return first_token(token_keys=f"bench-rs256:{path}")


def first_caller() -> Subject:
    """Returns the whole line, meeting each caller once: the roles are read from the database."""
    ours = house()
    return ours.meets(bearer_each(ours.token(ours.new_caller()) for _ in count()))


def limited() -> Subject:
    """Returns the gate, meeting addresses whose limit is spent."""
    ours = house(address_rate="1/hour")
    token = ours.token(ours.new_caller())
    spent(ours.app, token)
    return ours.refuses(bearer(token), "429")


def malformed_key() -> Subject:
    """Returns the gate, meeting what has the prefix of our keys and is none."""
    return house().refuses(api_key_each(cycle([KEY_PREFIX + "none-of-ours"])), "401")


def forged() -> Subject:
    """Returns the gate, meeting tokens with our key's name and a made-up signature."""
    ours = house()
    token = ours.token(ours.new_caller())
    return ours.refuses(bearer_each(forgeries(token)), "401")
