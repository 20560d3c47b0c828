"""Shows events to people. Opening what says who it was is itself recorded.

The names are given back only once the record of it is kept.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final

from flask_jafsec.audit.opening import OpenedEvent, Opener, Personal
from flask_jafsec.events import Event, EventType
from flask_jafsec.ids import new_id
from flask_jafsec.protocols import Clock, Recorder

#: How long looking again at the same is the same act, in seconds.
SAME_ACT_S: Final = 15 * 60.0

#: Acts that one process remembers. Beyond that the oldest are forgotten, and recorded once more.
MAX_REMEMBERED: Final = 10_000

#: What stands for lists among the acts of one person.
LISTS: Final = "lists"


class Looks:
    """Opens events for people, and records who has seen names and addresses."""

    def __init__(self, opener: Opener, recorder: Recorder, clock: Clock) -> None:
        self._opener = opener
        self._recorder = recorder
        self._clock = clock
        self.begin_again()

    def begin_again(self) -> None:
        """Take a lock of one's own in the child of a fork, and remember nothing."""
        self._lock = threading.Lock()
        self._acts: OrderedDict[tuple[str, str], float] = OrderedDict()

    def listed(
        self, leaf_indexes: Sequence[int], *, names_for: str = "", asked: str = ""
    ) -> Mapping[int, OpenedEvent]:
        """Return the events of a list.

        Args:
            names_for: Who is to see names and addresses; without anybody they stay sealed.
            asked: The query in words; it is sealed with the record of the act.

        Raises:
            StoreUnavailable: The log cannot be read, or cannot take the record.
        """
        found = self._opener.at_leaves(leaf_indexes, open_personal=bool(names_for))
        number = sum(1 for event in found.values() if event.state is Personal.OPENED)
        if number:
            self._note(names_for, LISTS, {"rows": number, "query": asked})
        return found

    def one(self, event_id: str, *, names_for: str = "") -> OpenedEvent:
        """Return one event. Raises NotFound, StoreUnavailable."""
        found = self._opener.find(event_id, open_personal=bool(names_for))
        if found.state is Personal.OPENED:
            named = str(found.members.get("id"))
            self._note(names_for, named, {"rows": 1, "leaf_index": found.leaf_index})
        return found

    def _note(self, viewer: str, what: str, facts: Mapping[str, object]) -> None:
        now = self._clock.monotonic()
        with self._lock:
            began = self._acts.get((viewer, what))
            if began is not None and now - began < SAME_ACT_S:
                return
        self._recorder.record(
            Event(
                id=new_id(),
                type=EventType.AUDIT_PERSONAL_OPENED,
                at=self._clock.now(),
                actor=viewer,
                facts=facts,
            )
        )
        with self._lock:
            self._acts[viewer, what] = now
            self._acts.move_to_end((viewer, what))
            while len(self._acts) > MAX_REMEMBERED:
                self._acts.popitem(last=False)
