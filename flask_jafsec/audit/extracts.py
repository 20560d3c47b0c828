"""Copies of what a search finds, to be handed over: a table or JSON lines, and a signed manifest.

One archive holds both, written while it is sent: nothing is kept, and the memory needed does not
grow with the rows. An archive that was cut off has no end, and no program opens it as whole.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from flask_jafsec.audit.envelope import time_text
from flask_jafsec.audit.extract_rows import csv_heads, csv_line, json_line
from flask_jafsec.audit.note_keys import NoteInvalid, NoteSigner, NoteVerifier
from flask_jafsec.audit.notes import open_note, signed_note
from flask_jafsec.audit.opening import OpenedEvent, Opener
from flask_jafsec.audit.query import Query
from flask_jafsec.audit.searching import MAX_PAGE_SIZE, LogSearch
from flask_jafsec.events import Event, EventType
from flask_jafsec.ids import new_id
from flask_jafsec.protocols import Clock, Recorder

#: The first line of a manifest. No checkpoint begins like it: its first line is a log's name.
FORMAT: Final = "flask-jafsec/export@v1"

#: Rows of one copy at most. Source: console specification, B5.
MAX_ROWS: Final = 50_000

#: Rows of the log that one copy may look at: a word that is nowhere must not keep it busy.
MAX_LOOKED_AT: Final = 1_000_000

MANIFEST: Final = "manifest.txt"


class Form(StrEnum):
    """How rows are written; also how the file's name ends."""

    CSV = "csv"
    JSON_LINES = "jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody wants a copy of."""

    query: Query
    from_us: int
    """First microsecond since 1970 UTC."""
    to_us: int
    """First microsecond that is not part of it."""
    form: Form
    by: str
    """Who wants it."""
    with_names: bool = False
    """Whether names and addresses are opened."""


@dataclass(frozen=True, slots=True)
class Extract:
    """One copy, ready to be sent."""

    id: str
    file_name: str
    body: Iterator[bytes]
    """The archive. Raises StoreUnavailable where the database goes away meanwhile."""


class Extracts:
    """Makes copies, and records each before it gives anything away."""

    def __init__(
        self,
        search: LogSearch,
        opener: Opener,
        recorder: Recorder,
        clock: Clock,
        signers: Sequence[NoteSigner],
        origin: str,
    ) -> None:
        self._search = search
        self._opener = opener
        self._recorder = recorder
        self._clock = clock
        self._signers = signers
        self._origin = origin

    def begin(self, wanted: Wanted) -> Extract:
        """Record that somebody takes a copy, and return it.

        Raises:
            StoreUnavailable: The log cannot be read, or cannot take the record.
        """
        total = self._search.total(wanted.query, wanted.from_us, wanted.to_us)
        made = new_id()
        facts = {
            "export": made,
            "kind": wanted.form.value,
            "rows": min(total.events, MAX_ROWS),
            "query": str(wanted.query),
            "from": time_text(wanted.from_us),
            "to": time_text(wanted.to_us),
        }
        self._record(EventType.AUDIT_EXPORTED, wanted.by, facts)
        if wanted.with_names:
            opened = {name: facts[name] for name in ("export", "rows", "query")}
            self._record(EventType.AUDIT_PERSONAL_OPENED, wanted.by, opened)
        return Extract(made, f"audit-{made}.zip", self._body(wanted, made))

    def _record(self, kind: EventType, by: str, facts: Mapping[str, object]) -> None:
        self._recorder.record(
            Event(id=new_id(), type=kind, at=self._clock.now(), actor=by, facts=facts)
        )

    def _body(self, wanted: Wanted, made: str) -> Iterator[bytes]:
        sent = _Sent()
        count = _Count()
        name = f"events.{wanted.form.value}"
        with zipfile.ZipFile(sent, "w", zipfile.ZIP_DEFLATED) as archive:
            with archive.open(name, "w") as file:
                for portion in self._portions(wanted, count):
                    count.digest.update(portion)
                    file.write(portion)
                    yield sent.take()
            archive.writestr(MANIFEST, self._manifest(wanted, made, name, count))
        yield sent.take()

    def _portions(self, wanted: Wanted, count: _Count) -> Iterator[bytes]:
        if wanted.form is Form.CSV:
            yield csv_heads(with_names=wanted.with_names)
        after, looked_at = None, 0
        while True:
            page = self._search.page(
                wanted.query,
                wanted.from_us,
                wanted.to_us,
                after=after,
                size=min(MAX_PAGE_SIZE, MAX_ROWS - count.rows),
            )
            leaves = [entry.leaf_index for entry in page.entries]
            found = self._opener.at(leaves, open_personal=wanted.with_names)
            events = [found[leaf] for leaf in leaves if leaf in found]
            count.take(events)
            yield b"".join(_line(wanted, event) for event in events)
            after, looked_at = page.older, looked_at + page.looked_at
            if after is None:
                return
            if count.rows >= MAX_ROWS or looked_at >= MAX_LOOKED_AT:
                count.is_complete = False
                return

    def _manifest(self, wanted: Wanted, made: str, name: str, count: _Count) -> str:
        said = {
            "export": made,
            "log": self._origin,
            "made": f"{self._clock.now():%Y-%m-%dT%H:%M:%SZ}",
            "query": str(wanted.query),
            "from": time_text(wanted.from_us),
            "to": time_text(wanted.to_us),
            "names": wanted.with_names,
            "rows": count.rows,
            "complete": count.is_complete,
            "first": count.first,
            "last": count.last,
            "file": name,
            "sha256": count.digest.hexdigest(),
        }
        # One line of ASCII: a note holds no blank lines and no control characters.
        return signed_note(f"{FORMAT}\n{json.dumps(said)}\n", self._signers)


def open_manifest(note: str, verifiers: Sequence[NoteVerifier]) -> Mapping[str, Any]:
    """Return what a manifest says, if one of *verifiers* has signed it.

    Raises:
        NoteInvalid: It is none, was changed, or is signed by nobody known.
    """
    lines = open_note(note, verifiers).text.split("\n")
    if lines[0] != FORMAT:
        raise NoteInvalid(f"this is not a manifest: its first line is not {FORMAT}")
    said: Mapping[str, Any] = json.loads(lines[1])
    return said


def _line(wanted: Wanted, event: OpenedEvent) -> bytes:
    if wanted.form is Form.CSV:
        return csv_line(event, with_names=wanted.with_names)
    return json_line(event)


class _Count:
    """What the manifest says about the rows, counted while they pass."""

    def __init__(self) -> None:
        self.rows = 0
        self.first = ""
        self.last = ""
        self.is_complete = True
        self.digest = hashlib.sha256()

    def take(self, events: Sequence[OpenedEvent]) -> None:
        """Take the next rows."""
        if events:
            self.first = self.first or str(events[0].members.get("id"))
            self.last = str(events[-1].members.get("id"))
        self.rows += len(events)


class _Sent:
    """A file that only grows, and gives away what it has."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, raw: bytes) -> int:
        """Take bytes."""
        self._parts.append(bytes(raw))
        return len(raw)

    def flush(self) -> None:
        """Do nothing: what is written is there."""

    def close(self) -> None:
        """Do nothing: what is left is taken by whoever sends it."""

    def take(self) -> bytes:
        """Return what was written since the last time."""
        taken, self._parts = b"".join(self._parts), []
        return taken
