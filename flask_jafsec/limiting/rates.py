"""Rates as people write them: "20/minute", "5 per 5 minutes", "chat by address".

How a rate is counted stands in buckets.py; who is counted, in limiter.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from flask_jafsec.errors import InvalidValue

#: Above this a rate limits nothing that one process could serve; it is a slip of the keyboard.
MAX_LIMIT: Final = 1_000_000

#: Thirty-one days. Longer windows are budgets: a restart or an empty shared store forgets them.
MAX_WINDOW_S: Final = 31 * 24 * 3600

#: Longer texts are not rates; refused before any pattern looks at them.
MAX_TEXT: Final = 200

FORM: Final = "Write a rate such as 20/minute, 10/second or 5 per 5 minutes."

_UNITS_S: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 24 * 3600}
_RATE: Final = re.compile(
    r"(?P<limit>[0-9]{1,9})\s*(?:/|\bper\b)\s*(?:(?P<count>[0-9]{1,7})\s*)?"
    r"(?P<unit>second|minute|hour|day)s?",
    re.IGNORECASE | re.ASCII,
)
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_BY: Final = re.compile(r"(?P<what>.+?)\s+by\s+(?P<by>[a-z]+)", re.IGNORECASE | re.ASCII)


class By(StrEnum):
    """Whose requests are counted together."""

    ADDRESS = "address"
    """Everybody at one address (IPv6: one /64)."""
    CALLER = "caller"
    """One caller: the API key, else the subject, else the address."""
    KEY = "key"
    """One API key; callers without one as ``caller``."""
    PERSON = "person"
    """One subject, whatever credential it uses; unknown callers as ``caller``."""
    ROUTE = "route"
    """All callers together."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How many requests fit into how many seconds."""

    limit: int
    window_s: int


@dataclass(frozen=True, slots=True)
class RateRule:
    """A rate and whose requests it counts together."""

    rate: Rate | None
    """None: the rate that the configuration calls ``name``."""
    by: By = By.CALLER
    name: str = ""
    """What callers see in ``RateLimit``: the name, or the rate as it was written."""

    @property
    def is_named(self) -> bool:
        """Whether the configuration says what the rate is."""
        return self.rate is None


def parse_rate(text: str) -> Rate:
    """Return the rate that *text* writes, such as ``20/minute`` or ``5 per 5 minutes``.

    Raises:
        InvalidValue: It is not a rate, or one that cannot be kept; says what to write.
    """
    stripped = text.strip()
    found = _RATE.fullmatch(stripped) if len(stripped) <= MAX_TEXT else None
    if found is None:
        raise InvalidValue("rate", f"is not a rate. {FORM}")
    limit = int(found["limit"])
    window_s = int(found["count"] or 1) * _UNITS_S[found["unit"].lower()]
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidValue("rate", f"must allow from 1 to {MAX_LIMIT} requests. {FORM}")
    if not 1 <= window_s <= MAX_WINDOW_S:
        raise InvalidValue("rate", f"must have a window from 1 second to 31 days. {FORM}")
    return Rate(limit, window_s)


def parse_rules(written: str | Iterable[str] | None) -> tuple[RateRule, ...]:
    """Return the rules that *written* lists, separated by ``;`` or as several texts.

    ``None`` and nothing but space mean no rules. Equal texts give the identical tuple.

    Raises:
        InvalidValue: A rule cannot be read, or stands there twice; says what to write.
    """
    if written is None:
        return ()
    if isinstance(written, str):
        return _parse_text(written)
    texts = tuple(written)
    if not all(isinstance(text, str) for text in texts):
        raise InvalidValue("rate", f"is not text. {FORM}")
    return _parse_text(";".join(texts))


@lru_cache(maxsize=1024)
def _parse_text(text: str) -> tuple[RateRule, ...]:
    rules = tuple(_parse_rule(part.strip()) for part in text.split(";") if part.strip())
    if len({(rule.rate or rule.name, rule.by) for rule in rules}) != len(rules):
        raise InvalidValue("rate", "the same rule stands there twice. Write it once.")
    return rules


def _parse_rule(text: str) -> RateRule:
    if len(text) > MAX_TEXT:
        raise InvalidValue("rate", f"is not a rate. {FORM}")
    with_by = _BY.fullmatch(text)
    what, by = (with_by["what"], _parse_by(with_by["by"])) if with_by else (text, By.CALLER)
    if _NAME.fullmatch(what):
        return RateRule(None, by, what)
    return RateRule(parse_rate(what), by, " ".join(text.split()))


def _parse_by(text: str) -> By:
    try:
        return By(text.lower())
    except ValueError:
        pass
    choices = ", ".join(By)
    raise InvalidValue("rate", f"counts by something unknown. Write 'by' and one of {choices}.")
