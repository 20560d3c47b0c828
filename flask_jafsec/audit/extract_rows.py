"""One event as a row of a copy: of a table that a spreadsheet may open, or a line of JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any, Final

from flask_jafsec.audit.opening import OpenedEvent
from flask_jafsec.audit.query_reading import is_hidden

#: Heads of the table, and the members of the envelope that stand below them.
_COLUMNS: Final = (
    *(("time", "ts"), ("id", "id"), ("type", "type"), ("outcome", "out"), ("severity", "sev")),
    *(("actor", "act"), ("kind", "ak"), ("subject", "sub"), ("address", "ip"), ("key", "key")),
    *(("request", "req"), ("method", "m"), ("route", "p"), ("status", "st"), ("tenant", "ten")),
)
_DETAILS: Final = ("code", "reason", "credential", "count", "until")
_ENDS: Final = ("leaf", "sha256")

#: What is sealed, and named in the table only for who may see it.
_NAMES: Final = ("user_id", "subject_id", "ip")
_NAME_HEADS: Final = ("actor_name", "subject_name", "address_name")

#: What makes a spreadsheet compute a cell. Source: OWASP, CSV Injection.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def csv_heads(*, with_names: bool) -> bytes:
    """Return the first line of a table."""
    names = _NAME_HEADS if with_names else ()
    return _written([*(head for head, _ in _COLUMNS), *_DETAILS, *_ENDS, *names])


def csv_line(event: OpenedEvent, *, with_names: bool) -> bytes:
    """Return an event as a line of the table; no cell is a formula or hides anything."""
    members = event.members
    details = members.get("d") or {}
    cells = [members.get(member) for _, member in _COLUMNS]
    cells += [details.get(name) for name in _DETAILS]
    cells += [event.leaf_index, event.digest]
    if with_names:
        cells += [event.personal.get(name) for name in _NAMES]
    return _written(["" if cell is None else cell_text(str(cell)) for cell in cells])


def json_line(event: OpenedEvent) -> bytes:
    """Return an event as a line of JSON, in ASCII: the envelope's members and where it stands."""
    row: dict[str, Any] = dict(event.members)
    row |= {"leaf": event.leaf_index, "sha256": event.digest}
    if event.personal:
        row["personal"] = dict(event.personal)
    return json.dumps(row, separators=(",", ":")).encode() + b"\n"


def cell_text(text: str) -> str:
    """Return *text* as it may stand in a cell: nothing is computed, nothing is hidden."""
    safe = f"'{text}" if text.startswith(_FORMULA) else text
    if safe.isascii() and safe.isprintable():
        return safe
    return "".join(_escaped(c) if is_hidden(c) or c in "\u2028\u2029" else c for c in safe)


def _escaped(character: str) -> str:
    return f"\\u{{{ord(character):x}}}"


def _written(cells: Sequence[str]) -> bytes:
    line = io.StringIO(newline="")
    csv.writer(line, quoting=csv.QUOTE_ALL).writerow(cells)
    return line.getvalue().encode("utf-8", "backslashreplace")
