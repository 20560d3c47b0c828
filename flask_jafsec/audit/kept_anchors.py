"""Reads back what the configured anchors keep, for verifying."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flask_jafsec.audit.anchors import AnchorFailed, FileAnchor, read_anchors
from flask_jafsec.audit.note_keys import NoteVerifier
from flask_jafsec.audit.tree_checking import Anchored

#: How an anchor in a file is configured.
FILE: Final = "file:"


@dataclass(frozen=True, slots=True)
class KeptAnchor:
    """One configured anchor, and the newest that it holds."""

    name: str
    size: int | None
    """Leaves of the newest checkpoint; None where it holds none, or cannot be read from here."""
    problem: str = ""


def anchor_files(places: Sequence[str]) -> Sequence[Path]:
    """Return the files among the configured anchors that are there."""
    paths = [Path(place.removeprefix(FILE)) for place in places if place.startswith(FILE)]
    return [path for path in paths if path.exists()]


def kept_anchors(places: Sequence[str], verifiers: Sequence[NoteVerifier]) -> Sequence[Anchored]:
    """Return every checkpoint in the anchors' files.

    Raises:
        AnchorFailed: A file cannot be read, or holds no note.
        NoteInvalid: A note in it is not signed by the log that it names.
    """
    return [
        Anchored(path.name, found)
        for path in anchor_files(places)
        for found in read_anchors(path, verifiers)
    ]


def newest_kept(places: Sequence[str], verifiers: Sequence[NoteVerifier]) -> Sequence[KeptAnchor]:
    """Return each configured anchor with the newest that it holds. Never raises."""
    return [_newest(place, verifiers) for place in places]


def _newest(place: str, verifiers: Sequence[NoteVerifier]) -> KeptAnchor:
    if not place.startswith(FILE):
        return KeptAnchor(place, None)
    path = Path(place.removeprefix(FILE))
    try:
        found = FileAnchor(path).newest(verifiers)
    except AnchorFailed:
        return KeptAnchor(path.name, None, "it cannot be read")
    return KeptAnchor(path.name, found.size if found else None)
