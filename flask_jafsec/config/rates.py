"""Named rates. How a rate is written and what it means stands in limiting/rates.py."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Final

from flask_jafsec.config.parsing import Faults, Unfit, mapping, refuse
from flask_jafsec.errors import InvalidValue
from flask_jafsec.limiting.rates import FORM, parse_rate, parse_rules

#: Source: the guide, "Rate Limiting".
GUIDES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "api": "1000/hour",
        "chat": "20/minute",
        "default": "100/minute",
        "upload": "5 per 5 minutes",
    }
)

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")


def rate(value: object) -> str:
    """Return a rate's text as it was written."""
    if not isinstance(value, str):
        raise refuse("is not text", FORM)
    try:
        parse_rate(value)
    except InvalidValue as error:
        problem = error.problem
    else:
        return value.strip()
    raise _unfit(problem)


def rate_or_none(value: object) -> str:
    """Return a rate's text; empty for none."""
    if isinstance(value, str) and not value.strip():
        return ""
    return rate(value)


def named_rates(value: object) -> Mapping[str, str]:
    """Return rates by name, only those that are written."""
    faults, found = Faults(), dict[str, str]()
    for number, (name, written) in enumerate(mapping(value).items(), start=1):
        if not _NAME.fullmatch(name):
            faults.add(
                f" (entry {number})",
                "has a name that is not lower-case letters, digits, '-' and '_'",
                "Write a name such as chat.",
            )
        else:
            found[name] = faults.within(f"[{name!r}]", rate, written, "")
    faults.finish()
    return found


def rules_among(names: Collection[str]) -> Callable[[object], str | tuple[str, ...] | None]:
    """Return a parser of what a route takes as its limit: rates and *names*, or None for none."""

    def parse(value: object) -> str | tuple[str, ...] | None:
        if value is None:
            return None
        written = tuple(value) if isinstance(value, list | tuple) else value
        if not isinstance(written, str | tuple) or not all(isinstance(one, str) for one in written):
            raise refuse("is neither text nor a list of texts", FORM)
        try:
            rules = parse_rules(written)
        except InvalidValue as error:
            problem = error.problem
        else:
            _refuse_unknown({rule.name for rule in rules if rule.is_named}, names)
            if rules:
                return written
            problem = "is empty"
        raise _unfit(problem)

    return parse


def _refuse_unknown(wanted: set[str], names: Collection[str]) -> None:
    if not wanted <= set(names):
        known = ", ".join(sorted(names))
        raise refuse("names a rate that JAFSEC_LIMITS does not have", f"Write one of {known}.")


def _unfit(problem: str) -> Unfit:
    """Return the exception for a problem, which may bring its own advice as a second sentence."""
    what, _, instead = problem.partition(". ")
    return refuse(what.rstrip("."), instead or FORM)
