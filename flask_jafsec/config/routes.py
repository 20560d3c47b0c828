"""Declarations by path, for views one cannot touch. What they do stands in pipeline/policy.py."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Final

from flask_jafsec.config.parsing import Faults, boolean, each, mapping, one_of, refuse, whole
from flask_jafsec.config.rates import rules_among
from flask_jafsec.config.roles import permission
from flask_jafsec.config.settings import RouteRule

#: Members that other parts will bring. Accepting one without its part would leave a route open
#: that reads as closed.
NOT_YET: Final[Mapping[str, str]] = {
    "body": "screening",
    "budget": "abuse control",
    "fresh": "the console's step-up",
    "screen_input": "screening",
    "screen_output": "screening",
    "signed": "signing",
}

#: One request may count for at most this many.
MAX_COST: Final = 10_000

_PATTERN = re.compile(r"/(?!/)(?!.*(?:\?|#|//|\*.|/\.\.?(?:/|$)))[!-~]*")
_CREDENTIALS: Final = ("key", "session", "token")


def routes_with(rate_names: Collection[str]) -> Callable[[object], tuple[RouteRule, ...]]:
    """Return a parser of declarations by path; limits may be rates or one of *rate_names*."""

    def parse(value: object) -> tuple[RouteRule, ...]:
        faults, found = Faults(), list[RouteRule]()
        for number, (pattern, members) in enumerate(mapping(value).items(), start=1):
            if not _PATTERN.fullmatch(pattern):
                faults.add(
                    f" (entry {number})",
                    "is not a path",
                    "Write /api/secure/* for all below, /chat* for all that start so, or /chat.",
                )
                continue
            declared = faults.within(
                f"[{pattern!r}]", lambda given: _declared(given, rate_names), members, None
            )
            if declared is not None:
                found.append(RouteRule(pattern, MappingProxyType(dict(declared))))
        faults.finish()
        return tuple(found)

    return parse


def _declared(value: object, rate_names: Collection[str]) -> Mapping[str, object]:
    faults, found = Faults(), dict[str, object]()
    parsers = _parsers(rate_names)
    members = mapping(value)
    for number, (name, given) in enumerate(members.items(), start=1):
        if name in parsers:
            found[name] = faults.within(f"[{name!r}]", parsers[name], given, None)
        else:
            _refuse_member(faults, name, number)
    faults.finish()
    _refuse_contradictions(found)
    return found


def _parsers(rate_names: Collection[str]) -> Mapping[str, Callable[[object], object]]:
    return {
        "any_of": boolean,
        "cost": whole(1, MAX_COST),
        "credentials": _not_empty(each(_credential)),
        "limit": rules_among(rate_names),
        "permissions": _not_empty(each(permission(wildcards=False))),
        "public": boolean,
    }


def _refuse_member(faults: Faults, name: str, number: int) -> None:
    if name in NOT_YET:
        faults.add(
            f"[{name!r}]",
            f"needs the part '{NOT_YET[name]}', which is not in this release",
            "Leave it out; it is refused so that nothing looks protected and is not.",
        )
    elif name == "owner":
        faults.add("['owner']", "is about a view's arguments", "Declare it on the view.")
    else:
        allowed = ", ".join(_parsers(()))
        faults.add(f" (member {number})", "is not known here", f"Write one of {allowed}.")


def _refuse_contradictions(declared: Mapping[str, object]) -> None:
    wants_caller = declared.keys() & {"any_of", "cost", "credentials", "permissions"}
    if declared.get("public") and wants_caller:
        raise refuse("is public and wants something of the caller", "Write one of the two.")
    permissions = declared.get("permissions", ())
    if declared.get("any_of") and isinstance(permissions, tuple) and len(permissions) < 2:
        raise refuse("has any_of without a choice", "Name two or more permissions.")
    if not declared:
        raise refuse("declares nothing", "Write permissions, a limit, or public.")


def _not_empty(
    parse: Callable[[object], tuple[str, ...]],
) -> Callable[[object], tuple[str, ...]]:
    def parse_some(value: object) -> tuple[str, ...]:
        found = parse(value)
        if not found:
            raise refuse("is empty", "Name at least one, or leave it out.")
        return found

    return parse_some


def _credential(value: object) -> str:
    if value == "signature":
        raise refuse("needs the part 'signing', which is not in this release", "Leave it out.")
    return one_of(_CREDENTIALS)(value)
