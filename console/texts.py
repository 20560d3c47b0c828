"""Text from outside, made fit to be looked at: nothing in it hides, moves or pretends."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from typing import Final

from markupsafe import Markup

#: Characters of one value that a page shows before "show all".
MAX_CHARS: Final = 2_048

#: ANSI sequences: what a terminal would do with them, nobody wants to read.
#: Source: ECMA-48, sections 5.4 (CSI) and 8.3.89 (OSC).
_ANSI: Final = re.compile(
    r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]|\][^\x07\x1b]{0,512}(?:\x07|\x1b\\)?)"
)

#: Categories whose characters are not seen, or change what is seen: control, format, surrogate,
#: private use, unassigned, line and paragraph separators. Source: Unicode UAX #44, table 12.
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

#: Combining marks upon one letter that real writing needs; more only climb over other lines.
MAX_MARKS: Final = 4


def visible(text: object, limit: int = MAX_CHARS) -> str:
    """Return *text* with every hidden character written out, at most *limit* characters long."""
    plain = _ANSI.sub("", str(text))
    if plain.isascii() and plain.isprintable():
        return _cut(plain, limit)
    shown: list[str] = []
    marks = 0
    for character in _cut(plain, limit):
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if category in _HIDDEN or marks > MAX_MARKS:
            shown.append(_escaped(character))
        else:
            shown.append(character)
    return "".join(shown)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _escaped(character: str) -> str:
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    return named or f"\\u{{{ord(character):x}}}"


def foreign(text: object, limit: int = MAX_CHARS) -> Markup:
    """Return text from outside as markup: escaped, visible, and alone in its direction."""
    return Markup("<bdi>%s</bdi>") % visible(text, limit)


def number(value: int) -> str:
    """Return a whole number in groups of three."""
    return f"{value:,}"


def clock_time(at: datetime, form: str = "time") -> Markup:
    """Return a ``<time>``: the exact moment for programs, and as much as *form* wants to read.

    Args:
        form: ``time`` (11:06:29), ``date`` (2026-11-18), ``minute`` or ``full``, all UTC.
    """
    at = at.astimezone(UTC)
    texts = {
        "date": f"{at:%Y-%m-%d}",
        "full": f"{at:%Y-%m-%d %H:%M:%S} UTC",
        "minute": f"{at:%Y-%m-%d %H:%M}",
        "time": f"{at:%H:%M:%S}",
    }
    exact = f"{at:%Y-%m-%dT%H:%M:%S}Z"
    said = (exact, form, f"{at:%Y-%m-%d %H:%M:%S}", texts[form])
    return Markup('<time datetime="%s" data-form="%s" title="%s UTC">%s</time>') % said


def day_name(at: datetime) -> str:
    """Return the day in words, UTC: ``Wednesday 18 November 2026``."""
    at = at.astimezone(UTC)
    return f"{_DAYS[at.weekday()]} {at.day} {_MONTHS[at.month - 1]} {at.year}"


def distance(at: datetime, now: datetime) -> str:
    """Return how far off *at* is, roughly: ``in 7 days``, ``34 s ago``, ``now``."""
    seconds = (at - now).total_seconds()
    amount = abs(seconds)
    if amount < 1:
        return "now"
    for length, unit in ((86_400, "day"), (3_600, "h"), (60, "min"), (1, "s")):
        if amount >= length:
            count = int(amount // length)
            name = f"{unit}s" if unit == "day" and count != 1 else unit
            return f"in {count} {name}" if seconds > 0 else f"{count} {name} ago"
    return "now"


_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)
