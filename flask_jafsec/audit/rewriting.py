"""Writes envelopes anew from the rows beside them: where the bytes are equal, all of them agree.

This is how the verifier passes nearly every event. One comparison shows that the bytes are
canonical and that the place, the chain, the sealed part and every search copy are what they say.
Where it fails, nothing is known: such an event is read and compared member by member, which is
also how frames are learnt.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from flask_jafsec.audit.envelope import MAX_REMEMBERED, Frame, framed
from flask_jafsec.audit.reading import frame_of
from flask_jafsec.audit.rows import StoredLeaf

#: Bytes before the actor, and around time, type and writer at the end, without the type's name.
_BEFORE_ACTOR: Final = len('{"act":"')
_AT_END: Final = len(',"ts":"2026-11-22T17:40:00.123456Z","type":"","v":1,"w":"0123456789abcdef"}')

#: ``,"sev":5,"st":401``; with fewer digits there is something more behind them, which is no harm.
_STATE: Final = 17

#: Where those search copies begin in a stored leaf that follow from the frame of its envelope.
_COPIES: Final = StoredLeaf._fields.index("type_id")


class Rewriting:
    """Knows the frames of events that were read before."""

    def __init__(self) -> None:
        self._frames: dict[tuple[object, ...], Frame] = {}

    def agrees(self, stored: StoredLeaf, prev: str) -> bool:
        """Return whether everything stored beside an envelope, and *prev*, is what it says.

        False also where that is not known.
        """
        try:
            known = self._frames.get(_kind(stored))
            return known is not None and _rewritten(stored, known, prev) == stored.envelope
        except (TypeError, ValueError, AttributeError, OverflowError, OSError):
            # Missing values or of other kinds than the columns', or a time that is none.
            return False

    def learn(self, stored: StoredLeaf) -> None:
        """Remember the frame of an event whose rows were found to agree with it."""
        found = frame_of(stored.envelope or b"")
        if found is None:
            return
        if len(self._frames) >= MAX_REMEMBERED:
            self._frames.clear()
        self._frames[_kind(stored)] = found


def _kind(stored: StoredLeaf) -> tuple[object, ...]:
    """Return what events with the same frame, and no others, have in common.

    That is the search copies that follow from it, and what they do not show: details, status and
    tenant. A place that is found wrongly here finds no frame, or one that does not fit.
    """
    envelope, actor, words = stored.envelope, stored.actor, stored.words
    event_id, type_name = stored.event_id, stored.type_name
    if envelope is None or actor is None or event_id is None or type_name is None:
        raise ValueError("something is missing")
    last_word = event_id.lower()
    if not words.endswith(last_word):
        raise ValueError("the words do not end with the id")
    begin = _BEFORE_ACTOR + len(actor)
    end = len(envelope) - _AT_END - len(type_name)
    tenant = envelope.rfind(b',"ten":', 0, end)
    state = envelope.rfind(b',"sev":', 0, tenant)
    return (
        envelope[begin : envelope.find(b',"id":', begin)],
        envelope[state : state + _STATE],
        envelope[tenant:end],
        words[: len(words) - len(last_word)],
        stored[_COPIES:],
    )


def _rewritten(stored: StoredLeaf, known: Frame, prev: str) -> bytes:
    (
        _, writer_id, n, _, _, _, _, key_ref, data, _, event_id, ts, actor, subject, ip, request,
        *_,
    ) = stored  # fmt: skip
    values = f"{actor}{event_id}{ip}{request}{subject}{key_ref}{writer_id}"
    if not values.isprintable() or '"' in values or "\\" in values:
        # JSON may not write these as they are, and a quote could look like the end of a value.
        raise ValueError("a value that may have to be escaped")
    return framed(
        known,
        f"{actor}",
        f'"{event_id}"',
        "null" if ip is None else f'"{ip}"',
        n,
        "null" if data is None else f'"{sha256(data).hexdigest()}"',
        "null" if data is None else f'"{key_ref}"',
        prev,
        "null" if request is None else f'"{request}"',
        "null" if subject is None else f'"{subject}"',
        ts,
        writer_id,
    )
