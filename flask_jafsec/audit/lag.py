"""How long events have been waiting for the tree: what a process can tell that may not sequence."""

from __future__ import annotations

from flask_jafsec.audit.envelope import EnvelopeInvalid, micros_of, read
from flask_jafsec.audit.rows import StoredEvent
from flask_jafsec.audit.store import AuditView


def oldest_waiting(view: AuditView) -> int | None:
    """Return the time of the oldest event that has no leaf, in microseconds; None without one."""
    times: list[int] = []
    for writer in view.writers():
        times += map(_time_of, view.waiting(writer.writer_id, writer.sequenced_n, 1))
    return min(times, default=None)


def _time_of(event: StoredEvent) -> int:
    try:
        return micros_of(read(event.row.envelope)["ts"])
    except (EnvelopeInvalid, KeyError, TypeError, ValueError):
        return 0  # what cannot be read will wait for ever
