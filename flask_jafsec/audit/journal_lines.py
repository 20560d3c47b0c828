"""The lines of a journal: one event each, or one key or subject that events of the file refer to.

Every line ends with a digest of itself. A MAC would tell that an event was damaged, but not that a
wrapped key or a reference was, and what they sealed would be lost without a word.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from flask_jafsec.audit.rows import DataKey, EventRow, SealedRow, Subject

#: A line holds an envelope of 8 KiB and a sealed part in base64; more is not ours.
MAX_LINE_BYTES: Final = 64 * 1024

#: Characters of the digest at the end: against accidents, not against attackers.
DIGEST_CHARS: Final = 16


class Line(NamedTuple):
    """What one line holds: exactly one of the fields, or none for a line that is damaged."""

    end: int
    """Where the next line begins, in bytes."""
    row: EventRow | None = None
    sealed: SealedRow | None = None
    """Beside its event only."""
    subject: Subject | None = None
    data_key: DataKey | None = None

    @property
    def is_damaged(self) -> bool:
        """Whether the line holds nothing that can be read."""
        return self.row is None and self.subject is None and self.data_key is None


def lines_of(
    rows: Sequence[EventRow],
    sealed: Sequence[SealedRow],
    subjects: Sequence[Subject],
    keys: Sequence[DataKey],
) -> bytes:
    """Return the lines of a batch: what events refer to stands in front of them."""
    lines = [b"subject %s %s %s %d" % _subject_fields(subject) for subject in subjects]
    lines += [b"key %s %s %s %s %s %d" % _key_fields(key) for key in keys]
    sealed_by_n = {(part.writer_id, part.n): part for part in sealed}
    for row in rows:
        part = sealed_by_n.get((row.writer_id, row.n))
        lines.append(_event_line(row, part))
    return b"".join([b"%s %s\n" % (line, _digest(line)) for line in lines])


def read_lines(path: Path, start: int) -> Iterator[Line]:
    """Yield the whole lines from byte *start* on; a torn last line is not one yet.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        file.seek(start)
        end = start
        while raw := file.readline(MAX_LINE_BYTES):
            end += len(raw)
            if not raw.endswith(b"\n") and len(raw) < MAX_LINE_BYTES:
                return
            yield _parsed(raw, end)


def _parsed(raw: bytes, end: int) -> Line:
    content, _, digest = raw[:-1].rpartition(b" ")
    if digest != _digest(content):
        return Line(end)
    try:
        kind, *fields = content.decode("ascii").split(" ")
        if kind == "event":
            return _event(fields, end)
        if kind == "subject":
            ref, lookup, key, created = fields
            return Line(end, subject=Subject(ref, _bytes(lookup) or None, key, int(created)))
        if kind == "key":
            ref, sort, name, wrapped, kek, created = fields
            key_row = DataKey(ref, sort, name, _bytes(wrapped) or None, kek, int(created))
            return Line(end, data_key=key_row)
    except (ValueError, NotBase64):
        pass
    return Line(end)


def _event(fields: Sequence[str], end: int) -> Line:
    writer, n, mac_key, mac, envelope, key_ref, data = fields
    row = EventRow(writer, int(n), _bytes(envelope), bytes.fromhex(mac), mac_key)
    if key_ref == "-":
        return Line(end, row)
    return Line(end, row, SealedRow(writer, int(n), key_ref, _bytes(data)))


def _event_line(row: EventRow, sealed: SealedRow | None) -> bytes:
    key_ref, data = ("-", b"-") if sealed is None else (sealed.key_ref, b64encode(sealed.data))
    head = f"event {row.writer_id} {row.n} {row.mac_key} {row.mac.hex()} ".encode()
    return head + b64encode(row.envelope) + f" {key_ref} ".encode() + data


def _subject_fields(subject: Subject) -> tuple[bytes, bytes, bytes, int]:
    lookup = b64encode(subject.lookup or b"")
    return subject.ref.encode(), lookup, subject.lookup_key.encode(), subject.created_at


def _key_fields(key: DataKey) -> tuple[bytes, bytes, bytes, bytes, bytes, int]:
    wrapped = b64encode(key.wrapped or b"")
    texts = (key.ref.encode(), key.kind.encode(), key.name.encode(), wrapped, key.kek_id.encode())
    return (*texts, key.created_at)


def _bytes(text: str) -> bytes:
    return b64decode(text, validate=True)


def _digest(line: bytes) -> bytes:
    return sha256(line).hexdigest()[:DIGEST_CHARS].encode()
