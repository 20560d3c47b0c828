"""Events as JSON lines on a stream, one line each, written with structlog."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final, TextIO

from flask_jafsec.audit.plain import plain
from flask_jafsec.audit.sinks.lines import Lines
from flask_jafsec.audit.soundness import check, sound
from flask_jafsec.events import Event, Severity

#: Everything but what only the audit log keeps, sealed.
_FIELDS: Final = tuple(field.name for field in fields(Event) if field.name != "personal")

#: Always written, even when empty or zero.
_ALWAYS: Final = frozenset({"id", "type", "at", "severity", "outcome", "actor"})

#: What stands for a time that is none.
_START: Final = datetime(1970, 1, 1, tzinfo=UTC)

_LEVELS: Final = {
    "DEBUG": Severity.DEBUG,
    "INFO": Severity.INFO,
    "WARNING": Severity.WARNING,
    "ERROR": Severity.ERROR,
    "CRITICAL": Severity.CRITICAL,
}


class JsonLog:
    """Writes each event as one line of JSON.

    Everything outside printable ASCII is escaped, so a name that holds a line break or a
    terminal sequence stays inside its line and its quotes (threat 22).

    Args:
        stream: Where to; standard error when left out, looked up at each write.
        level: The least severity that is written, by the name logging uses.
    """

    def __init__(self, stream: TextIO | None = None, level: str = "DEBUG") -> None:
        self._stream = stream
        self._least = _LEVELS[level.upper()]
        self._lines = Lines()
        self._logger: Any = None
        self._is_quiet = False

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Write nothing until the end of the block: events are kept elsewhere meanwhile."""
        self._is_quiet = True
        try:
            yield
        finally:
            self._is_quiet = False

    def write(self, events: Sequence[Event]) -> None:
        """Write *events*, in order.

        Raises:
            StreamStuck: Nobody reads the stream.
        """
        if self._is_quiet:
            return
        logger = self._logger = self._logger or _make_logger()
        lines = [self._line(logger, event) for event in events]
        self._lines.write(self._stream or sys.stderr, [line for line in lines if line])

    def _line(self, logger: Any, event: Event) -> str:
        """Return the line of *event*; "" below the level."""
        try:
            check(event)
            return self._written(logger, event)
        except BaseException:  # noqa: BLE001 - an event's values may raise whatever they like
            # One event that is none must not cost the others their lines.
            made = sound(event, _START)
            return self._written(logger, replace(made, facts=_bare(made.facts)))

    def _written(self, logger: Any, event: Event) -> str:
        if event.severity < self._least:
            return ""
        return f"{logger.msg(event.type.value, **as_values(event))}\n"


def _make_logger() -> Any:
    # Its own chain of processors: the host's structlog configuration stays the host's. It only
    # renders: structlog's own writers hold a lock that a fork would keep.
    import structlog

    return structlog.wrap_logger(
        structlog.ReturnLogger(),
        processors=[
            structlog.processors.EventRenamer("type"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.BoundLogger,
        cache_logger_on_first_use=True,
    )


def as_values(event: Event) -> dict[str, object]:
    """Return the fields of *event* that say something, as JSON values."""
    values: dict[str, object] = {}
    for name in _FIELDS:
        value = getattr(event, name)
        if (
            name == "type"
            or (not value and name not in _ALWAYS)
            or (name == "count" and value == 1)
        ):
            continue
        values[name] = _plain(value)
    return values


def _bare(facts: object) -> dict[str, object]:
    made = plain(facts)
    return made if isinstance(made, dict) else {"error": "facts_unreadable"}


def _plain(value: object) -> object:
    if isinstance(value, Severity):
        return value.name.lower()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return dict(value) if isinstance(value, Mapping) else value
