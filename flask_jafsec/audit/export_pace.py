"""How many events leave at once, and how long to wait after a failure. Nothing is sent here."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

from flask_jafsec.audit.sinks.rendering import ExportRecord

#: Events of one batch.
MAX_EVENTS: Final = 500

#: Bytes of the lines of one batch: below the mebibyte many collectors take, with room for commas.
MAX_BYTES: Final = 1_000_000

#: The first wait after a failure and the longest, in seconds.
FIRST_WAIT_S: Final = 1.0
MAX_WAIT_S: Final = 300.0

#: How long a target may ask to be left alone, in seconds; a hostile one would say a year.
MAX_RETRY_AFTER_S: Final = 3_600.0

_RANDOM: Final = random.SystemRandom()


def jitter(most_s: float) -> float:
    """Return a random wait up to *most_s*, so that many processes do not come back together.

    Source: M. Brooker, "Exponential Backoff And Jitter" (full jitter).
    """
    return _RANDOM.uniform(0.0, most_s)


def longest_wait(failures: int) -> float:
    """Return the seconds a wait may last after so many failures in a row."""
    return min(MAX_WAIT_S, FIRST_WAIT_S * 2.0 ** min(max(failures - 1, 0), 16))


def fitting(records: Sequence[ExportRecord]) -> Sequence[ExportRecord]:
    """Return as many of *records*, from the first on, as fit into one batch; at least one."""
    total = 0
    for number, record in enumerate(records):
        total += len(record.line) + 1
        if total > MAX_BYTES and number:
            return records[:number]
    return records


class Pace:
    """The size of the next batch: halved by a failure, doubled by a success.

    When a batch is refused because of one event in it, batches stay inside that range and halve it
    until the event stands alone.
    """

    def __init__(self) -> None:
        self._size = MAX_EVENTS
        self._suspect_from = 0
        self._suspect_to = 0

    def limit(self, cursor: int) -> int:
        """Return how many events to send from leaf *cursor* on, at most."""
        if cursor < self._suspect_from:
            return min(self._size, self._suspect_from - cursor)
        if cursor < self._suspect_to:
            return max(1, min(self._size, (self._suspect_to - cursor) // 2))
        return self._size

    def accepted(self) -> None:
        """Take note that a batch was confirmed."""
        self._size = min(MAX_EVENTS, self._size * 2)

    def failed(self, count: int) -> None:
        """Take note that a batch of *count* events was not."""
        self._size = max(1, min(self._size, count) // 2)

    def refused(self, cursor: int, count: int, index: int | None) -> None:
        """Take note that one event from *cursor* on is refused, and which, where that is known."""
        if index is None or not 0 <= index < count:
            self._suspect_from, self._suspect_to = cursor, cursor + count
        else:
            self._suspect_from, self._suspect_to = cursor + index, cursor + index + 1
