"""The canonical bytes of an event: what is hashed, stored and proven. Personal parts stay outside.

An envelope is JSON by RFC 8785 on a restricted set of values: keys of ASCII, no floats, whole
numbers below 2^53. On that set sorted keys and the shortest writing are all there is to it, so the
fixed keys are written in sorted order by one format; a property test holds both equal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, Final, NamedTuple, TypeAlias

from flask_jafsec.audit.plain import clean_text, fitting, plain
from flask_jafsec.audit.rows import ACTOR_NUMBER, OUTCOME_NUMBER, Entry, micros
from flask_jafsec.errors import JafsecError
from flask_jafsec.events import Event, Outcome

#: Bytes of an envelope at most. Source: audit-log specification, 5.4.
MAX_BYTES: Final = 8_192

#: Bytes left for the details, the one part whose size is not bounded elsewhere.
MAX_DETAIL_BYTES: Final = 5_000

#: Characters of every other text at most; longer ones are cut and marked.
MAX_TEXT_CHARS: Final = 256

#: Bytes of such a text as it is written, quotes and escapes with it: the eight there are, the
#: details and all that has a fixed length fit together. What is longer is cut to fewer characters.
MAX_TEXT_BYTES: Final = 320
SHORT_TEXT_CHARS: Final = 48

#: Bytes of details whose surroundings are remembered.
MAX_REMEMBERED_DETAILS: Final = 512

#: The version of this format.
VERSION: Final = 1

#: Facts that say nothing about a person. Every other fact is sealed with the personal part: a
#: forgotten name here hides a detail, it never shows one.
OPEN_FACTS: Final = frozenset(
    (
        "anchor", "anchored", "before", "by", "ends_at", "environment", "error", "export",
        "family", "first_leaf", "kind", "leaf_index", "lifetime_s", "limit", "must_change",
        "overlap", "part", "permissions", "rate", "refresh_id", "required", "role", "rows",
        "rule", "scopes", "size", "sink", "successor", "token_id", "tool", "window_s", "writer",
    )
)  # fmt: skip

#: A reason made of words we chose. Anything else was written by a person, and is sealed.
_CODE: Final = re.compile(r"[a-z0-9_.:,/ -]{1,120}")

#: Texts and details that come again are written once; bounded, since some come from outside.
MAX_REMEMBERED: Final = 4_096

#: Seconds whose text is remembered: events come in the order of time.
MAX_SECONDS: Final = 64

_quote = encode_basestring

#: What stands between the members of an envelope that differ from one event to the next.
Frame: TypeAlias = tuple[str, str, str, str, str, str]

#: What a frame is made of beside the details: log, app, kind of actor, key, method, outcome and
#: route; severity, status, tenant and type.
About: TypeAlias = tuple[str, str, str, str, str, str, str]
Rest: TypeAlias = tuple[int, int, str, str]


class EnvelopeInvalid(JafsecError):
    """Stored bytes are no envelope of ours; the message says what was found."""

    code = "envelope_invalid"


class Place(NamedTuple):
    """Where an event stands: in which log, by which writer, behind which other."""

    log: str
    app: str
    writer_id: str
    n: int
    prev: str
    """SHA-256 of the writer's envelope before, 64 hexadecimal digits."""


class References(NamedTuple):
    """What stands in the envelope in the place of persons and addresses."""

    actor: str
    """A subject's reference, ``anonymous`` or ``system``."""
    actor_kind: str
    subject: str | None = None
    ip: str | None = None
    sealed_hash: str | None = None
    """SHA-256 of the sealed part, 64 hexadecimal digits."""
    sealed_key: str | None = None


def write(event: Event, ts_micros: int, place: Place, refs: References) -> bytes:
    """Return the envelope's bytes. Never raises, whatever the event's facts hold."""
    log, app, writer_id, n, prev = place
    actor, kind, subject, ip, sealed_hash, sealed_key = refs
    # Bound here once: an enumeration's own attributes and its hash are looked up slowly.
    about = (log, app, kind, event.key_id, event.method, event.outcome._value_, event.route)
    rest = (event.severity._value_, event.status, event.tenant, event.type._value_)
    if event.facts or event.count != 1 or event.until is not None:
        around = _remembered(fitting(_details(event), MAX_DETAIL_BYTES), about, rest)
    else:
        around = _plain_frame((event.code, event.reason, event.credential), about, rest)
    return framed(
        around, actor, _text(event.id), _ref(ip), n, _ref(sealed_hash),
        _ref(sealed_key), prev, _text(event.request_id), _ref(subject), ts_micros, writer_id,
    )  # fmt: skip


def framed(
    frame: Frame, actor: str, event_id: str, ip: str, n: int, sealed_hash: str, sealed_key: str,
    prev: str, request: str, subject: str, ts: int, writer_id: str,
) -> bytes:  # fmt: skip
    """Return the envelope's bytes: a frame around what differs from one event to the next.

    What may be null is given as JSON, quotes with it; the rest has nothing to escape.
    """
    with_id, with_n, with_hash, with_subject, with_time, with_writer = frame
    return (
        f'{{"act":"{actor}{with_id}{event_id},"ip":{ip}{with_n}{n}{with_hash}{sealed_hash},'
        f'"pdk":{sealed_key},"prev":"{prev}","req":{request}{with_subject}{subject}{with_time}'
        f'{time_text(ts)}{with_writer}{writer_id}"}}'
    ).encode()


@lru_cache(MAX_REMEMBERED)
def frame(details: str, about: About, rest: Rest) -> Frame:
    """Return what stands between the members that differ from one event to the next.

    Each part ends where its member begins: the id, the number, the hash of the sealed part, the
    subject, the time and the writer. Most events are of kinds that came before.
    """
    log, app, kind, key, method, outcome, route = about
    severity, status, tenant, type_name = rest
    return (
        f'","ak":"{kind}","app":{_text(app)},"d":{details},"id":',
        f',"key":{_text(key)},"log":{_text(log)},"m":{_text(method)},"n":',
        f',"out":"{outcome}","p":{_text(route)},"pdh":',
        f',"sev":{severity},"st":{status:d},"sub":',
        f',"ten":{_text(tenant)},"ts":"',
        f'","type":"{type_name}","v":{VERSION},"w":"',
    )


def read(envelope: bytes) -> Mapping[str, Any]:
    """Return the members of stored bytes.

    Raises:
        EnvelopeInvalid: They are not one JSON object.
    """
    try:
        members = json.loads(envelope)
    except (ValueError, RecursionError) as error:
        raise EnvelopeInvalid("is not JSON") from error
    if not isinstance(members, dict):
        raise EnvelopeInvalid("is not a JSON object")
    return members


def entry_of(leaf_index: int, members: Mapping[str, Any], type_id: int) -> Entry:
    """Return the search copies of an envelope: texts as every database can keep them.

    Raises:
        EnvelopeInvalid: A member is missing or of another kind.
    """
    try:
        details = members["d"]
        kind = OUTCOME_NUMBER[Outcome(members["out"])]
        return Entry(
            leaf_index=leaf_index,
            event_id=_storable(str(members["id"])),
            ts=micros_of(members["ts"]),
            type_id=type_id,
            severity=int(members["sev"]),
            outcome=kind,
            actor_kind=ACTOR_NUMBER[members["ak"]],
            actor=_copy(members["act"]),
            subject=_copy(members["sub"]),
            ip=_copy(members["ip"]),
            request=_copy(members["req"]),
            key=_copy(members["key"]),
            country=None,
            words=_words(members, details),
            decisions=int(details.get("count", 1)),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise EnvelopeInvalid(f"has no usable member: {error}") from error


def time_text(ts_micros: int) -> str:
    """Return the time as ``2026-11-22T17:40:00.123456Z``; always six digits."""
    # Adding a million keeps leading zeros: formatting with a width takes three times as long.
    fraction = str(1_000_000 + ts_micros % 1_000_000)[1:]
    return f"{_second_text(ts_micros // 1_000_000)}.{fraction}Z"


def time_or_number(ts_micros: int) -> str:
    """Return the time, or the number itself where no time can be that."""
    try:
        return time_text(ts_micros)
    except (ValueError, OverflowError, OSError, TypeError):
        return str(ts_micros)


def micros_of(text: str) -> int:
    """Return microseconds since 1970 UTC of such a text. Raises ValueError."""
    if len(text) != len("2026-11-22T17:40:00.123456Z") or text[10] != "T" or text[-1] != "Z":
        raise ValueError("is not a time of ours")
    found = micros(datetime.fromisoformat(text))
    if time_text(found) != text:  # ISO 8601 has several ways to write the same moment
        raise ValueError("is not a time of ours")
    return found


def has_open_reason(event: Event) -> bool:
    """Return whether the event's reason is a code of ours, and so may stand in the envelope."""
    return _CODE.fullmatch(event.reason) is not None


@lru_cache(MAX_SECONDS)
def _second_text(seconds: int) -> str:
    # Not strftime: it writes the year 999 with three digits.
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]


def _codes(code: str, reason: str, credential: str) -> dict[str, object]:
    named = {
        "code": code,
        "reason": reason if _CODE.fullmatch(reason) else "",
        "credential": credential,
    }
    return {name: plain(text) for name, text in named.items() if text}


def _details(event: Event) -> object:
    details = _codes(event.code, event.reason, event.credential)
    if event.count != 1:
        details["count"] = event.count
    if event.until is not None:
        details["until"] = time_text(micros(event.until))
    return {**_open_facts(event.facts), **details}


def _open_facts(facts: Mapping[str, object]) -> Mapping[str, object]:
    try:
        made = plain({name: value for name, value in facts.items() if name in OPEN_FACTS})
    except BaseException:  # noqa: BLE001 - a hostile object must not stop the record of it
        made = None
    return made if isinstance(made, dict) else {"error": "facts_unreadable"}


def _copy(text: object) -> str | None:
    if text is None:
        return None
    if not isinstance(text, str):
        raise TypeError("is no text")
    return _storable(text)


def _storable(text: str) -> str:
    # PostgreSQL keeps no NUL in a text; the envelope, which is bytes, keeps what was there.
    return text.replace("\0", "\ufffd") if "\0" in text else text


def _words(members: Mapping[str, Any], details: Mapping[str, Any]) -> str:
    parts = [members["type"], members["m"], members["p"]]
    parts += [details.get("code"), details.get("reason"), members["key"], members["id"]]
    return _storable(" ".join(str(part) for part in parts if part).lower())


@lru_cache(MAX_REMEMBERED)
def _plain_frame(codes: tuple[str, str, str], about: About, rest: Rest) -> Frame:
    return _remembered(fitting(_codes(*codes), MAX_DETAIL_BYTES), about, rest)


def _remembered(details: str, about: About, rest: Rest) -> Frame:
    made = frame if len(details) <= MAX_REMEMBERED_DETAILS else frame.__wrapped__
    return made(details, about, rest)


def _ref(text: str | None) -> str:
    return f'"{text}"' if text else "null"


def _text(text: str) -> str:
    if not text:
        return "null"
    quoted = _quote(clean_text(text, MAX_TEXT_CHARS))
    if len(quoted) <= MAX_TEXT_BYTES // 4 or len(quoted.encode()) <= MAX_TEXT_BYTES:
        return quoted
    return _quote(clean_text(text, SHORT_TEXT_CHARS))
