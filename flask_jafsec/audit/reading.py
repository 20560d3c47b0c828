"""Reads envelopes back, fast: what the sequencer and the verifier need of each, parsed once.

Almost every envelope holds no escaped character, and then one regular expression sees all of it:
both that the bytes are canonical and what they say. Anything else is parsed as JSON and compared
with its canonical writing. Tests hold the two ways, and ``envelope.entry_of``, together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from flask_jafsec.audit.envelope import (
    MAX_REMEMBERED,
    MAX_SECONDS,
    EnvelopeInvalid,
    Frame,
    entry_of,
    frame,
    micros_of,
    read,
)
from flask_jafsec.audit.plain import canonical
from flask_jafsec.audit.rows import ACTOR_NUMBER, OUTCOME_NUMBER, Entry

_TEXT: Final = r'"([^"\\\x00-\x1f]*)"'
_TEXT_OR_NULL: Final = rf"(?:{_TEXT}|null)"

#: An envelope without escapes, its members in their only order.
_USUAL: Final = re.compile(
    rf'\{{"act":{_TEXT},"ak":{_TEXT},"app":{_TEXT_OR_NULL},"d":(\{{[^{{}}\\\x00-\x1f]*\}}),'
    rf'"id":{_TEXT_OR_NULL},"ip":{_TEXT_OR_NULL},"key":{_TEXT_OR_NULL},"log":{_TEXT},'
    rf'"m":{_TEXT_OR_NULL},"n":([1-9][0-9]{{0,15}}),"out":{_TEXT},"p":{_TEXT_OR_NULL},'
    rf'"pdh":{_TEXT_OR_NULL},"pdk":{_TEXT_OR_NULL},"prev":{_TEXT},"req":{_TEXT_OR_NULL},'
    rf'"sev":([0-9]),"st":(0|[1-9][0-9]{{0,3}}),"sub":{_TEXT_OR_NULL},"ten":{_TEXT_OR_NULL},'
    rf'"ts":"([^"\\]{{19}})[.]([0-9]{{6}})Z","type":{_TEXT},"v":1,"w":{_TEXT}\}}'
).fullmatch

#: Members of an envelope and the kinds of their values.
_MEMBERS: Final[Mapping[str, tuple[type, ...]]] = {
    **dict.fromkeys(("act", "ak", "log", "out", "prev", "ts", "type", "w"), (str,)),
    **dict.fromkeys(
        ("app", "id", "ip", "key", "m", "p", "pdh", "pdk", "req", "sub", "ten"), (str, type(None))
    ),
    **dict.fromkeys(("n", "sev", "st", "v"), (int,)),
    "d": (dict,),
}

_OUTCOMES: Final = {str(outcome): number for outcome, number in OUTCOME_NUMBER.items()}


class Reading(NamedTuple):
    """What one envelope says."""

    writer_id: str
    n: int
    prev: str
    log: str
    type_name: str
    sealed_hash: str | None
    sealed_key: str | None
    event_id: str
    ts: int
    rest: tuple[Any, ...]
    """The search copies from severity on, in the order of ``Entry``."""

    def entry(self, leaf_index: int, type_id: int) -> Entry:
        """Return the search copies as they must stand beside the leaf."""
        return Entry(leaf_index, self.event_id, self.ts, type_id, *self.rest)


def read_back(envelope: bytes) -> Reading:
    """Return what the canonical bytes of an event say.

    Raises:
        EnvelopeInvalid: They are not canonical, or no envelope of ours.
    """
    try:
        found = _USUAL(envelope.decode())
    except UnicodeDecodeError as error:
        raise EnvelopeInvalid("is not UTF-8") from error
    if found is None:
        return _read_any(envelope)
    # Everything in one pass and two tuples: this is the inner loop of sequencing and verifying.
    (
        actor, kind, _, details, identity, ip, key, log, method, n, outcome, route, sealed_hash,
        sealed_key, prev, request, severity, _, subject, _, second, part, name, writer,
    ) = found.groups()  # fmt: skip
    try:
        words, decisions = _summary(name, method, route, key, details)
        if identity:
            words = f"{words} {identity.lower()}"
        return Reading(
            writer,
            int(n),
            prev,
            log,
            name,
            sealed_hash,
            sealed_key,
            str(identity),
            _second_micros(second) + int(part),
            (
                int(severity), _OUTCOMES[outcome], ACTOR_NUMBER[kind], actor, subject, ip, request,
                key, None, words, decisions,
            ),
        )  # fmt: skip
    except (KeyError, ValueError) as error:
        raise EnvelopeInvalid(f"has no usable member: {error}") from error


def frame_of(envelope: bytes) -> Frame | None:
    """Return what stands around the members that differ from one event to the next.

    None for an envelope with escapes, which is rare.
    """
    found = _USUAL(envelope.decode())
    if found is None:
        return None
    (
        _, kind, app, details, _, _, key, log, method, _, outcome, route, _, _, _, _, severity,
        status, _, tenant, _, _, name, _,
    ) = found.groups()  # fmt: skip
    about = (log, app, kind, key, method, outcome, route)
    return frame(details, about, (int(severity), int(status), tenant, name))


def _read_any(envelope: bytes) -> Reading:
    members = read(envelope)
    _check_members(members)
    if _written(members) != envelope:
        raise EnvelopeInvalid("is not canonical")
    entry = entry_of(0, members, 0)
    return Reading(
        writer_id=members["w"],
        n=members["n"],
        prev=members["prev"],
        log=members["log"],
        type_name=members["type"],
        sealed_hash=members["pdh"],
        sealed_key=members["pdk"],
        event_id=entry.event_id,
        ts=entry.ts,
        rest=entry[4:],
    )


def _check_members(members: Mapping[str, Any]) -> None:
    if members.keys() != _MEMBERS.keys():
        raise EnvelopeInvalid("has other members than an envelope")
    for name, kinds in _MEMBERS.items():
        if type(members[name]) not in kinds:
            raise EnvelopeInvalid(f"has a member of another kind: {name}")
    if members["v"] != 1:
        raise EnvelopeInvalid("is of another version")


def _written(members: Mapping[str, Any]) -> bytes:
    try:
        return canonical(members).encode()
    except (ValueError, RecursionError) as error:
        raise EnvelopeInvalid("is not canonical") from error


@lru_cache(MAX_REMEMBERED)
def _summary(
    name: str, method: str | None, route: str | None, key: str | None, details: str
) -> tuple[str, int]:
    # Details come again and again, so they are parsed, and held against their canonical writing,
    # once. Raises ValueError.
    members = json.loads(details)
    if canonical(members) != details:
        raise EnvelopeInvalid("is not canonical")
    decisions = members.get("count", 1)
    if type(decisions) is not int:
        raise ValueError("the count is no number")
    parts = (name, method, route, members.get("code"), members.get("reason"), key)
    return " ".join(str(part) for part in parts if part).lower(), decisions


@lru_cache(MAX_SECONDS)
def _second_micros(text: str) -> int:
    return micros_of(f"{text}.000000Z")
