"""Spans of time that people choose: the last 24 hours, or from one moment to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from flask_jafsec.audit.envelope import time_text
from flask_jafsec.audit.rows import micros
from flask_jafsec.audit.searching import MAX_US
from flask_jafsec.errors import JafsecError

_S: Final = 1_000_000

#: Names of spans up to now, and their length in seconds. Source: console specification, B3.
SPANS: Final[Mapping[str, int]] = MappingProxyType(
    {"15m": 900, "1h": 3_600, "24h": 86_400, "7d": 7 * 86_400, "30d": 30 * 86_400}
)
DEFAULT: Final = "24h"

#: How far a span reaches beyond now, in microseconds: clocks of several machines differ a little.
AHEAD_US: Final = _S

#: Characters of a moment at most: more is not looked at.
MAX_CHARS: Final = 40


class RangeInvalid(JafsecError):
    """A span of time cannot be meant. ``message`` may be shown; it repeats nothing."""

    code = "range_invalid"

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Span:
    """From one microsecond since 1970 UTC to before another."""

    from_us: int
    to_us: int
    name: str = ""
    """Which of ``SPANS`` it is; empty for one of somebody's own."""
    is_fixed: bool = False
    """A named one whose end was given, so that it does not move while somebody pages."""

    @property
    def parameters(self) -> Mapping[str, str]:
        """Return what an address needs to mean this span again."""
        if not self.name:
            return {"from": moment_text(self.from_us), "to": moment_text(self.to_us)}
        named = {"range": self.name} if self.name != DEFAULT else {}
        return named | ({"to": moment_text(self.to_us)} if self.is_fixed else {})

    @property
    def fixed(self) -> Span:
        """Return the same span, which does not move with the time any more."""
        return Span(self.from_us, self.to_us, self.name, is_fixed=True)

    @property
    def wider(self) -> str:
        """Return the name of the next longer span; empty where there is none."""
        length = (self.to_us - self.from_us) // _S
        return next((name for name, seconds in SPANS.items() if seconds > length), "")


def span_of(parameters: Mapping[str, str], now: datetime) -> Span:
    """Return the span that ``range``, ``from`` and ``to`` mean; the last 24 hours without any.

    Raises:
        RangeInvalid: One of them cannot be read, or it ends before it begins.
    """
    name, start, end = (parameters.get(key, "").strip() for key in ("range", "from", "to"))
    if ".." in name:
        start, _, end = name.partition("..")
        name = ""
    if start:
        return _between(_moment(start), _moment(end) if end else micros(now) + AHEAD_US)
    name = name or DEFAULT
    if name not in SPANS:
        raise RangeInvalid(f"the range is one of {', '.join(SPANS)}")
    to_us = _moment(end) if end else min(micros(now) + AHEAD_US, MAX_US)
    return Span(max(0, to_us - SPANS[name] * _S), max(1, to_us), name, is_fixed=bool(end))


def last_span(name: str, now: datetime) -> Span:
    """Return the span of that name up to now."""
    return span_of({"range": name}, now)


def moment_text(us: int) -> str:
    """Return a moment as an address has it; without a fraction where there is none."""
    text = time_text(us)
    return text.replace(".000000Z", "Z")


def _between(from_us: int, to_us: int) -> Span:
    if from_us >= to_us:
        raise RangeInvalid("the range ends before it begins")
    return Span(from_us, to_us)


def _moment(text: str) -> int:
    problem = "a time is written like 2026-11-18T11:00:00Z"
    if len(text) > MAX_CHARS or not text.isascii():
        raise RangeInvalid(problem)
    try:
        at = datetime.fromisoformat(text.strip())
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
        us = micros(at)
    except (ValueError, OverflowError) as error:
        raise RangeInvalid(problem) from error
    if not 0 < us < MAX_US:
        raise RangeInvalid("the time is outside of what can be stored")
    return us
