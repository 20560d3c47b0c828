"""Roles of the configuration: names, and lists of permissions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from flask_jafsec.config.parsing import Faults, each, mapping, refuse
from flask_jafsec.errors import InvalidValue
from flask_jafsec.identity.permissions import MAX_LISTED, check_permission

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")


def roles(value: object) -> Mapping[str, frozenset[str]]:
    """Return what each role may do, by the role's name."""
    faults, found = Faults(), dict[str, frozenset[str]]()
    for number, (name, granted) in enumerate(mapping(value).items(), start=1):
        if not _NAME.fullmatch(name):
            faults.add(
                f" (entry {number})",
                "has a name that is not letters, digits, '-', '_' and '.'",
                "Write a name such as editor.",
            )
        else:
            found[name] = faults.within(f"[{name!r}]", _grants, granted, frozenset())
    faults.finish()
    return MappingProxyType(found)


def permission(*, wildcards: bool) -> Callable[[object], str]:
    """Return a parser of permissions."""
    advice = "Write two or three lower-case words such as chat:send"
    advice += ", or a wildcard such as chat:*." if wildcards else ", without a wildcard."

    def parse(value: object) -> str:
        if not isinstance(value, str):
            raise refuse("is not text", advice)
        try:
            return check_permission(value, wildcards=wildcards)
        except InvalidValue:
            pass
        raise refuse("is not a permission", advice)

    return parse


def _grants(value: object) -> frozenset[str]:
    granted = each(permission(wildcards=True))(value)
    if len(granted) > MAX_LISTED:
        raise refuse("lists too many permissions", f"Write at most {MAX_LISTED}; use wildcards.")
    return frozenset(granted)
