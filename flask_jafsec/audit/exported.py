"""Writes a log as the auditor's single file reads it: JSON lines, nothing secret or personal.

The first line says which log and which leaves, and carries a checkpoint; each other line is one
leaf: its index, its writer and number, the envelope in base64, and the stored leaf hash::

    {"format":"flask-jafsec/log@v1","origin":...,"first":0,"size":600,"checkpoint":"<note>"}
    {"leaf":0,"w":"<16 hex>","n":1,"h":"<64 hex>","e":"<base64>"}
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from flask_jafsec.audit.findings import ODD
from flask_jafsec.audit.kinds import misfits
from flask_jafsec.audit.note_keys import to_base64
from flask_jafsec.audit.rows import StoredLeaf
from flask_jafsec.audit.store import AuditView
from flask_jafsec.audit.tree import MissingLeaves
from flask_jafsec.errors import InvalidValue, JafsecError

FORMAT: Final = "flask-jafsec/log@v1"

#: Leaves read at once.
PORTION: Final = 1_000


class RowDamaged(JafsecError):
    """A row has values of another kind than its columns: somebody changed it."""

    code = "row_damaged"


class NothingSigned(JafsecError):
    """The log has no checkpoint yet, so nothing could be checked."""

    code = "nothing_signed"


def export_lines(view: AuditView, first: int = 0, end: int | None = None) -> Iterator[str]:
    """Yield the lines of an exported log, without line feeds.

    A changed event is written as it is stored, beside the leaf hash as stored: the auditor is to
    see it.

    Raises:
        InvalidValue: *first* is behind the end.
        NothingSigned: The log has no checkpoint.
        MissingLeaves: A leaf, or its event, is not there.
        RowDamaged: What is there cannot be written down as what it should be.
    """
    head, checkpoint = view.head(), view.last_checkpoint()
    if head is None or checkpoint is None:
        raise NothingSigned("the log has no signed checkpoint yet")
    _check("the head of the log", head)
    _check("the newest checkpoint", checkpoint)
    end = head.size if end is None else min(end, head.size)
    if first > end:
        raise InvalidValue("from", f"the log has {end} leaves")
    header = {"format": FORMAT, "origin": head.origin, "first": first, "size": end}
    yield _json(header | {"checkpoint": checkpoint.note})
    while first < end:
        some = view.leaves(first, min(PORTION, end - first))
        for stored in some:
            yield _line(stored, first)
            first += 1
        if not some:
            raise MissingLeaves(first, end - first)


def _line(stored: StoredLeaf, expected: int) -> str:
    _check(f"leaf {expected}", stored.leaf)
    if stored.envelope is None or stored.leaf_index != expected:
        raise MissingLeaves(expected, 1)
    values = {"leaf": stored.leaf_index, "w": stored.writer_id, "n": stored.n}
    return _json(values | {"h": stored.leaf_hash.hex(), "e": to_base64(stored.envelope)})


def _check(what: str, row: object) -> None:
    if wrong := misfits(row):
        raise RowDamaged(f"{what} {ODD}: {wrong}; `audit verify` says more")


def _json(values: object) -> str:
    return json.dumps(values, separators=(",", ":"))
