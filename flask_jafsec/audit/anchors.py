"""Anchors: places outside the database that keep what the log has signed.

Without one that an attacker cannot reach, nobody can tell a log that was cut short, or rewritten
with all keys, from a genuine one.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from flask_jafsec.audit.note_keys import MAX_NOTE_BYTES, NoteVerifier
from flask_jafsec.audit.notes import Checkpoint, NoteInvalid, open_checkpoint
from flask_jafsec.audit.rows import SignedCheckpoint
from flask_jafsec.errors import JafsecError
from flask_jafsec.protocols import Clock

_log = logging.getLogger("flask_jafsec.audit.anchor")

#: Between two notes in one place at least, in seconds: an anchor covers all that is before it.
EVERY_S: Final = 60.0

#: How long an anchor may lag before it is a problem, in seconds. Source: fault matrix, row 37.
LAG_S: Final = 3_600.0

#: Notes kept from a file. Of more, every other one of the older half is left out: whoever rewrites
#: history contradicts all anchors since then, not one.
MAX_NOTES: Final = 20_000

#: One note, wherever it begins a line; the same form that the auditor's file reads.
_NOTE: Final = re.compile("(?:^|(?<=\n))(?:[^\n]+\n){3}\n(?:\u2014[^\n]+\n)+")


class AnchorFailed(JafsecError):
    """A place could not take or give its notes; the message says why."""

    code = "anchor_failed"


class Anchor(Protocol):
    """A place that keeps signed notes."""

    @property
    def name(self) -> str:
        """What an operator calls it."""

    def publish(self, note: str) -> None:
        """Keep *note*. Raises AnchorFailed: it is offered again."""


class LogLineAnchor:
    """One log line, which goes wherever the process's log goes."""

    name = "log"

    def publish(self, note: str) -> None:
        """Write *note* as one line."""
        origin, size, root = note.split("\n")[:3]
        _log.info(
            "audit anchor: %s has %s leaves, root %s",
            origin,
            size,
            root,
            extra={"event": "audit.anchor", "origin": origin, "size": int(size), "note": note},
        )


class CallableAnchor:
    """Whatever the application does with a note."""

    def __init__(self, name: str, keep: Callable[[str], object]) -> None:
        self.name = name
        self._keep = keep

    def publish(self, note: str) -> None:
        """Hand *note* over. Raises AnchorFailed."""
        try:
            self._keep(note)
        except Exception as error:  # somebody else's code; the anchor lags then
            raise AnchorFailed(f"{self.name}: {type(error).__name__}") from error


class FileAnchor:
    """A file that only grows, best on another volume; several processes may share it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = f"file:{path}"

    def publish(self, note: str) -> None:
        """Append *note* and return when it is on the disk. Raises AnchorFailed."""
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        try:
            descriptor = os.open(self._path, flags, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                self._append(descriptor, note.encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            raise AnchorFailed(f"{self._path}: {error.strerror}") from error

    @staticmethod
    def _append(descriptor: int, note: bytes) -> None:
        size = os.fstat(descriptor).st_size
        tail = os.pread(descriptor, MAX_NOTE_BYTES, max(0, size - MAX_NOTE_BYTES))
        if not tail.endswith(b"\n"):
            # A power cut has torn the last note; half a signature would pass for a forged one.
            torn = len(tail) - (tail.rfind(b"\n") + 1)
            os.ftruncate(descriptor, size - torn)
            tail = tail[: len(tail) - torn]
        gap = b"" if not tail or tail.endswith(b"\n\n") else b"\n"
        raw = gap + note + b"\n"
        if os.write(descriptor, raw) != len(raw):
            raise OSError(errno.ENOSPC, "the disk is full")
        os.fsync(descriptor)

    def newest(self, verifiers: Sequence[NoteVerifier]) -> Checkpoint | None:
        """Return the newest genuine checkpoint; reads the end of the file only.

        Raises:
            AnchorFailed: The file cannot be read.
        """
        try:
            with self._path.open("rb") as file:
                file.seek(0, os.SEEK_END)
                file.seek(max(0, file.tell() - 2 * MAX_NOTE_BYTES))
                text = file.read().decode(errors="replace")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise AnchorFailed(f"{self._path}: {error.strerror}") from error
        for note in reversed(_NOTE.findall(text)):
            try:
                return open_checkpoint(note, verifiers)
            except NoteInvalid:
                continue
        return None


class Anchors:
    """Gives the newest checkpoint to every anchor, and knows which of them lag."""

    def __init__(
        self, anchors: Sequence[Anchor], clock: Clock, *, every_s: float = EVERY_S
    ) -> None:
        self._places = [_Place(anchor) for anchor in anchors]
        self._clock = clock
        self._every_s = every_s

    def publish(
        self, checkpoint: SignedCheckpoint | None, *, everywhere: bool = False
    ) -> tuple[str, ...]:
        """Offer the newest checkpoint where it is due; return which anchors lag an hour or more.

        Args:
            checkpoint: None when none was signed since; older ones are still offered again.
            everywhere: Do not wait for the next minute: the process ends.
        """
        now = self._clock.monotonic()
        for place in self._places:
            place.offer(checkpoint, now)
            if everywhere or now - place.published_at >= self._every_s:
                place.publish(now)
        lagging = [place for place in self._places if now - place.waits_since >= LAG_S]
        return tuple(f"the anchor {place.anchor.name} lags an hour" for place in lagging)

    def newest(self, verifiers: Sequence[NoteVerifier]) -> Checkpoint | None:
        """Return the largest genuine checkpoint of those that can be read back here.

        A file that is gone or cannot be read says nothing: publishing to it fails, and is said.
        """
        found: list[Checkpoint] = []
        for place in self._places:
            if isinstance(place.anchor, FileAnchor):
                with suppress(AnchorFailed):
                    newest = place.anchor.newest(verifiers)
                    found += [newest] if newest is not None else []
        return max(found, key=lambda checkpoint: checkpoint.size, default=None)


class _Place:
    """An anchor, and what it has not taken yet: only the newest matters."""

    def __init__(self, anchor: Anchor) -> None:
        self.anchor = anchor
        self.published_at = float("-inf")
        self.waits_since = float("inf")
        self._waiting: SignedCheckpoint | None = None

    def offer(self, checkpoint: SignedCheckpoint | None, now: float) -> None:
        """Let *checkpoint* take the place of what waits."""
        if checkpoint is not None:
            self._waiting = checkpoint
            self.waits_since = min(self.waits_since, now)

    def publish(self, now: float) -> None:
        """Publish what waits; keep it when that fails."""
        if self._waiting is None:
            return
        try:
            self.anchor.publish(self._waiting.note)
        except AnchorFailed as error:
            _log.warning("an anchor took nothing: %s", error)
            return
        self._waiting, self.published_at, self.waits_since = None, now, float("inf")


def read_anchors(path: Path, verifiers: Sequence[NoteVerifier]) -> list[Checkpoint]:
    """Return the checkpoints in a file of signed notes; a torn note is passed over.

    Raises:
        AnchorFailed: The file cannot be read, or holds no note.
        NoteInvalid: A whole note in it is not signed by the log that it names.
    """
    kept: list[str] = []
    try:
        with path.open("rb") as file:
            for note in _notes(iter(lambda: file.read(MAX_NOTE_BYTES), b"")):
                kept.append(note)
                if len(kept) > MAX_NOTES:
                    half = MAX_NOTES // 2
                    kept = kept[:half:2] + kept[half:]
    except OSError as error:
        raise AnchorFailed(f"{path}: {error.strerror}") from error
    if not kept:
        raise AnchorFailed(f"{path} holds no signed note")
    return [open_checkpoint(note, verifiers) for note in kept]


def _notes(blocks: Iterator[bytes]) -> Iterator[str]:
    """Yield the notes of a file read in blocks, holding no more than two of them."""
    text = b""
    for block in blocks:
        text += block
        # A note ends where its signature lines end: the last one may go on in the next block.
        whole, blank, rest = text.rpartition(b"\n\n")
        if blank and not rest.startswith("\u2014".encode()):
            yield from _NOTE.findall(whole.decode(errors="replace") + "\n")
            text = rest
        elif len(text) > 4 * MAX_NOTE_BYTES:
            text = text[-2 * MAX_NOTE_BYTES :]
    yield from _NOTE.findall(text.decode(errors="replace"))
