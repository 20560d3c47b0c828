"""A trail on a durable log, and a gate before its database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from flask_jafsec.audit.store import AuditBatch, AuditStore
from flask_jafsec.audit.trail import Trail
from flask_jafsec.clock import SystemClock
from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.events import Event, EventType
from flask_jafsec.testing import CapturedEvents
from tests.audit.log_setting import Setting, event, log_on


class Gate:
    """A database whose transactions can be held, counted and refused."""

    def __init__(self, store: AuditStore) -> None:
        self._store = store
        self.open = threading.Event()
        self.open.set()
        self.arrived = threading.Event()
        self.two_at_once = threading.Event()
        self._inside = 0
        self.transactions = 0
        self.is_away = False

    @contextmanager
    def appending(self) -> Iterator[AuditBatch]:
        self._inside += 1
        if self._inside > 1:
            self.two_at_once.set()
        self.arrived.set()
        self.open.wait()
        self._inside -= 1
        self.transactions += 1
        if self.is_away:
            raise StoreUnavailable("away")
        with self._store.appending() as batch:
            yield batch

    def importing(self) -> AbstractContextManager[AuditBatch]:
        return self._store.importing()


Opened = tuple[Trail, Gate, Setting, CapturedEvents]


@contextmanager
def trail_on(url: str, folder: Path | None, **more: Any) -> Iterator[Opened]:
    gates: list[Gate] = []

    def wrap(store: AuditStore) -> AuditStore:
        gates.append(Gate(store))
        return gates[0]  # type: ignore[return-value] # the writer needs no more of it

    sink = CapturedEvents()
    with log_on(url, folder, wrap=wrap) as log:
        trail = Trail(log.store, [sink], SystemClock(), writer=log.writer, **more)
        yield trail, gates[0], log, sink
        gates[0].open.set()
        trail.close()


def refusal(**fields: Any) -> Event:
    return event(type=EventType.TOKEN_REJECTED, **fields)
