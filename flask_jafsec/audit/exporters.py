"""Runs exporters, each on a thread of its own, and tells how far behind they are."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from flask_jafsec.audit.export_pace import MAX_WAIT_S
from flask_jafsec.audit.exporting import Exporter
from flask_jafsec.audit.rows import StoredEvent
from flask_jafsec.audit.sinks.rendering import record_of
from flask_jafsec.audit.store import AuditExports

_log = logging.getLogger("flask_jafsec.audit")

#: How long ``stop`` waits for a batch on its way, in seconds. A thread that takes longer ends with
#: the process: its cursor has not moved, so nothing is lost.
STOP_WAIT_S: Final = 2.0


class Exporters:
    """The exporters of one process. Satisfies ``trail.Companion``.

    One slow target keeps nobody waiting: not a request, nor another target.
    """

    def __init__(self, exporters: Iterable[Exporter]) -> None:
        self._exporters = tuple(exporters)
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._turns = [threading.Lock() for _ in self._exporters]

    def start(self) -> None:
        """Start the threads, unless they run."""
        if os.getpid() != self._pid:
            self.begin_again()
        with self._lock:
            if self._threads:
                return
            self._stopping = threading.Event()
            self._threads = [
                self._thread(exporter, turn)
                for exporter, turn in zip(self._exporters, self._turns, strict=True)
            ]
            for thread in self._threads:
                thread.start()

    def stop(self) -> None:
        """Stop after the batch on its way; the next process takes over where this one ends."""
        with self._lock:
            threads, self._threads = self._threads, []
            self._stopping.set()
        for thread in threads:
            thread.join(STOP_WAIT_S)

    def begin_again(self) -> None:
        """Forget the parent's threads and leases in the child of a fork."""
        self._begin()
        for exporter in self._exporters:
            exporter.begin_again()

    def _thread(self, exporter: Exporter, turn: threading.Lock) -> threading.Thread:
        args = (exporter, self._stopping, turn)
        return threading.Thread(target=_run, args=args, name="jafsec-export", daemon=True)


@dataclass(frozen=True, slots=True)
class ExportLag:
    """How far one sink is behind."""

    sink: str
    events: int
    seconds: float
    """The age of the oldest event that waits."""
    error: str
    """What went wrong last; empty when nothing did."""
    failures: int


def export_lags(exports: AuditExports, now: int) -> Sequence[ExportLag]:
    """Return how far every sink is behind at *now*, in microseconds. Raises StoreUnavailable."""
    states, size = exports.states(), exports.size()
    found = []
    for state in states:
        behind = max(0, size - state.next_leaf)
        waiting = exports.events(state.next_leaf, 1) if behind else ()
        seconds = max((_age_s(event, now) for event in waiting), default=0.0)
        found.append(ExportLag(state.sink, behind, seconds, state.error, state.failures))
    return found


def _age_s(stored: StoredEvent, now: int) -> float:
    at = record_of(stored).ts
    return 0.0 if at is None else max(0.0, (now - at) / 1_000_000)


def _run(exporter: Exporter, stopping: threading.Event, turn: threading.Lock) -> None:
    # A thread that was stopped may still be busy with its last batch.
    with turn:
        _export(exporter, stopping)


def _export(exporter: Exporter, stopping: threading.Event) -> None:
    wait_s = 0.0
    while not stopping.wait(wait_s):
        try:
            wait_s = exporter.run_once().wait_s
        except Exception:  # noqa: BLE001 - the thread lives on and tries again; said in the log
            _log.exception("exporting to %s failed", exporter.name)
            wait_s = MAX_WAIT_S
    exporter.release()
