"""Looking at persons is an act: it is recorded, though not every page of somebody who pages on."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from flask_jafsec.events import Event, EventType
from flask_jafsec.ids import new_id
from flask_jafsec.protocols import Clock

#: How long one record stands for the same person looking at the same thing, in seconds.
LASTS_S: Final = 15 * 60

#: Looks that are remembered; beyond that the oldest are, and are recorded again.
MAX_REMEMBERED: Final = 4_096


class Looks:
    """Records who has opened what, once for each person, thing and quarter of an hour.

    Every process counts for itself: several may each record the same look once.

    Args:
        record: Keeps an event; it is durable when this returns. What it raises is not caught:
            nothing may be shown then.
    """

    def __init__(self, record: Callable[[Event], object], clock: Clock) -> None:
        self._record = record
        self._clock = clock
        self._until: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, viewer: str, what: str, *, events: int, request_id: str = "") -> None:
        """Record that *viewer* sees the personal parts of some events.

        Args:
            viewer: The subject who looks.
            what: The event's id, or the list's query in its normal form.
            events: How many are shown.
        """
        now = self._clock.monotonic()
        name = (viewer, what)
        with self._lock:
            if self._until.get(name, 0.0) > now:
                return
        self._record(
            Event(
                id=new_id(),
                type=EventType.AUDIT_PERSONAL_OPENED,
                at=self._clock.now(),
                actor=viewer,
                request_id=request_id,
                personal={"what": what},
                facts={"rows": events},
            )
        )
        with self._lock:
            self._until[name] = now + LASTS_S
            self._until.move_to_end(name)
            while len(self._until) > MAX_REMEMBERED:
                self._until.popitem(last=False)
