"""One event as one line of JSON for the world outside. Nothing personal can stand in it.

Persons and addresses are references in an envelope, and what is sealed is not read here. Every
member of the envelope stands in the record under a longer name, so that whoever keeps the records
can write the envelope again, byte for byte, and check it against the tree.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from flask_jafsec.audit.envelope import MAX_BYTES, EnvelopeInvalid, micros_of, read
from flask_jafsec.audit.rows import StoredEvent
from flask_jafsec.events import Severity

#: What the envelope's members are called in a record. Source: audit-log specification, 5.4.
NAMES: Final = {
    "id": "id",
    "ts": "at",
    "type": "type",
    "out": "outcome",
    "act": "actor",
    "ak": "actor_kind",
    "sub": "subject",
    "ip": "address",
    "key": "key_id",
    "m": "method",
    "p": "route",
    "st": "status",
    "req": "request_id",
    "ten": "tenant",
    "d": "details",
    "app": "app",
    "log": "log",
    "w": "writer",
    "n": "n",
    "prev": "prev",
    "pdh": "sealed_hash",
    "pdk": "sealed_key",
    "v": "v",
}

_LEVELS: Final = {severity.value: severity.name.lower() for severity in Severity}

#: Members that are left out first where a record must be short, largest first in practice.
_DISPENSABLE: Final = ("details", "other", "route", "request_id", "tenant", "log", "app", "prev")


@dataclass(frozen=True, slots=True)
class ExportRecord:
    """One event, ready to leave."""

    leaf_index: int
    line: str
    """The record as JSON: printable ASCII, no line break."""
    values: Mapping[str, Any] = field(repr=False)
    """The same as values."""
    severity: int = Severity.CRITICAL
    ts: int | None = None
    """Microseconds since 1970 UTC; None where the event's time cannot be read."""

    def text(self, name: str) -> str:
        """Return the member called *name* as text; empty if it is not there."""
        value = self.values.get(name)
        return "" if value is None else str(value)


def record_of(stored: StoredEvent) -> ExportRecord:
    """Return the record of a sequenced event. One that is damaged gives a record that says so."""
    leaf_index = stored.leaf_index
    if leaf_index is None:
        raise ValueError("an event that is not sequenced has no place outside yet")
    try:
        return _record(leaf_index, stored.row.envelope)
    except (EnvelopeInvalid, ValueError, TypeError, RecursionError):
        damaged = {"writer": str(stored.row.writer_id), "n": stored.row.n, "error": "damaged"}
        return _marked(leaf_index, damaged)


def missing(leaf_index: int) -> ExportRecord:
    """Return the record that stands for an event that the tree names and nobody finds."""
    return _marked(leaf_index, {"error": "missing"})


def shortened(record: ExportRecord, max_bytes: int) -> str:
    """Return the record's line, in at most *max_bytes* bytes where they are 512 or more.

    What does not fit is left out; ``truncated`` holds the whole line's length then.
    """
    if len(record.line) <= max_bytes:
        return record.line
    values = {**record.values, "truncated": len(record.line)}
    for name in _DISPENSABLE:
        values.pop(name, None)
        line = _line(values)
        if len(line) <= max_bytes:
            return line
    return _line({"leaf_index": record.leaf_index, "truncated": len(record.line)})


def _record(leaf_index: int, envelope: bytes) -> ExportRecord:
    if len(envelope) > MAX_BYTES:
        raise EnvelopeInvalid("is longer than any of ours")
    members = read(envelope)
    severity = members.get("sev")
    if not isinstance(severity, int):
        raise EnvelopeInvalid("has no severity")
    level = _LEVELS.get(severity, str(severity))
    values: dict[str, Any] = {"leaf_index": leaf_index, "severity": level}
    for name, longer in NAMES.items():
        if members.get(name) is not None:
            values[longer] = members[name]
    # A later release may say more; it must not take the place of what stands here.
    if other := {name: members[name] for name in members if name not in NAMES and name != "sev"}:
        values["other"] = other
    line = _line(values)
    return ExportRecord(leaf_index, line, values, severity, micros_of(str(members.get("ts"))))


def _marked(leaf_index: int, values: Mapping[str, Any]) -> ExportRecord:
    marked = {"leaf_index": leaf_index, "severity": "critical", **values}
    return ExportRecord(leaf_index, _line(marked), marked)


def _line(values: Mapping[str, Any]) -> str:
    # Everything outside printable ASCII is escaped: line breaks of any alphabet, bidirectional
    # marks and terminal sequences stay inside their quotes (threat 22).
    line = json.dumps(values, separators=(",", ":"), allow_nan=False)
    if "\\ud" in line:
        # Half a surrogate pair is no character; a strict reader would refuse the whole record.
        json.dumps(values, ensure_ascii=False).encode()
    return line
