"""Says once what an operator must hear: the store is down or up, the application has changed."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Final

from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.events import Event, EventType, Outcome, Severity
from flask_jafsec.ids import new_id

if TYPE_CHECKING:
    from flask_jafsec.encryption.keyring import Keyring
    from flask_jafsec.protocols import Clock, Recorder, Store

_log = logging.getLogger("flask_jafsec")

#: The fact that holds the fingerprint of each root key under this application's id.
FINGERPRINTS: Final = "fingerprints"


class StoreWatch:
    """Records when the store stops answering and when it answers again, once each."""

    def __init__(self, recorder: Recorder, clock: Clock) -> None:
        self._recorder = recorder
        self._clock = clock

    def note(self, error: StoreUnavailable | None) -> None:
        """Take note of a change; *error* is None where the store is back."""
        if error is None:
            self._record(EventType.STORE_UP, Severity.NOTICE, Outcome.DONE)
            return
        _log.error("the store does not answer: %s", error)
        self._record(EventType.STORE_DOWN, Severity.ERROR, Outcome.FAIL, error.code)

    def _record(
        self, kind: EventType, severity: Severity, outcome: Outcome, reason: str = ""
    ) -> None:
        self._recorder.record(
            Event(
                id=new_id(),
                type=kind,
                at=self._clock.now(),
                severity=severity,
                outcome=outcome,
                actor="system",
                reason=reason,
            )
        )


class IdentityCheck:
    """Finds out, once, whether the application's id or a root key is another than before.

    Tokens, keys and sealed values made under the old one can then not be read, and nobody would
    know why.
    """

    def __init__(self, store: Store, keyring: Keyring, recorder: Recorder, clock: Clock) -> None:
        self._store = store
        self._keyring = keyring
        self._recorder = recorder
        self._clock = clock
        self._is_done = False

    def run(self) -> None:
        """Compare and remember; tried again later while the store does not answer."""
        if self._is_done:
            return
        present = {root: self._keyring.fingerprint(root) for root in self._keyring.root_ids}
        with self._store.reading() as tables:
            before = _read(tables.facts.get(FINGERPRINTS))
        changed = sorted(root for root, mark in present.items() if before.get(root, mark) != mark)
        if before != present:
            with self._store.writing() as tables:
                tables.facts.put(FINGERPRINTS, json.dumps(present, sort_keys=True))
        self._is_done = True
        if changed:
            self._say(changed)

    def _say(self, changed: list[str]) -> None:
        _log.warning(
            "JAFSEC_APP_ID, or the root key(s) %s, are not what they were at the last start: what "
            "was made under the old ones cannot be read.",
            ", ".join(changed),
        )
        event = Event(
            id=new_id(),
            type=EventType.CONFIG_IDENTITY_CHANGED,
            at=self._clock.now(),
            severity=Severity.WARNING,
            actor="system",
            facts={"roots": changed},
        )
        self._recorder.record(event)


def _read(text: str | None) -> dict[str, str]:
    found = json.loads(text) if text else {}
    return found if isinstance(found, dict) else {}
