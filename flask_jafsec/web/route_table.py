"""The table of routes: who may call what. The command line and the console show the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from flask import Flask
from werkzeug.routing import Rule

from flask_jafsec.limiting.rates import By, RateRule
from flask_jafsec.pipeline.policy import ANY_CREDENTIAL, UNROUTED, RoutePolicy
from flask_jafsec.web.declarations import methods_of
from flask_jafsec.web.extension import state_of
from flask_jafsec.web.reach import Reach

#: Patterns and what holds where they match, as ``Declarations.possible`` returns them.
_Possible = tuple[tuple[str, RoutePolicy], ...]

#: What a row's ``access`` may be, in the order the rows are listed: what is wrong comes first.
ACCESS: Final = ("wrong", "undeclared", "depends", "public", "require", "static")


@dataclass(frozen=True, slots=True)
class RouteRow:
    """One address and method, and who may call it."""

    rule: str
    methods: tuple[str, ...]
    endpoint: str
    access: str
    """``wrong`` or ``undeclared`` (both refused for everybody), ``depends`` (on the path),
    ``public``, ``require`` or ``static``."""
    permissions: tuple[str, ...] = ()
    any_of: bool = False
    owner: str = ""
    """The view argument or the name of the function that tells the owner."""
    credentials: tuple[str, ...] = ()
    """The kinds accepted, where not all are."""
    limits: tuple[str, ...] = ()
    """As written, or the name; ``default`` where nothing was said."""
    cost: int = 1
    path_rules: tuple[str, ...] = ()
    """The patterns of JAFSEC_ROUTES which decide at some of the paths, the first to match first."""
    otherwise: str = ""
    """The access at paths that none of these matches, where there are such paths."""
    fault: str = ""
    """Why a wrong declaration cannot work, and what to write."""


def rows(app: Flask) -> Sequence[RouteRow]:
    """Return every route of *app*, wrong and undeclared ones first, then by address.

    Methods of one view that were declared differently have a row each.
    """
    declarations = state_of(app).declarations
    found: list[RouteRow] = []
    for rule in app.url_map.iter_rules():
        reach = Reach(rule, app.url_map.converters)
        alike: dict[_Possible, list[str]] = {}
        for method in methods_of(rule):
            possible = tuple(declarations.possible(rule.endpoint, method, reach))
            alike.setdefault(possible, []).append(method)
        found += [_row_of(rule, tuple(methods), possible) for possible, methods in alike.items()]
    return sorted(found, key=_order)


def _order(row: RouteRow) -> tuple[int, str, tuple[str, ...]]:
    worst = ACCESS.index(row.access)
    return (min(worst, ACCESS.index("depends")), row.rule, row.methods)


def _row_of(rule: Rule, methods: tuple[str, ...], possible: _Possible) -> RouteRow:
    """Return one row for everything that may hold; what depends on the path says so."""
    _, last = possible[-1]
    row = _row(rule, methods, last)
    if all(policy == last for _, policy in possible):
        return row
    patterns = tuple(pattern for pattern, _ in possible if pattern)
    told = replace(
        row,
        path_rules=patterns,
        otherwise=row.access if len(patterns) < len(possible) else "",
        limits=(f"depends on the path: {', '.join(patterns)}",),
        fault=next((policy.fault for _, policy in possible if policy.fault), ""),
    )
    if all(_who(policy) == _who(last) for _, policy in possible):
        return told
    return RouteRow(
        rule.rule,
        methods,
        rule.endpoint,
        "depends",
        path_rules=patterns,
        otherwise=told.otherwise,
        fault=told.fault,
    )


def _who(policy: RoutePolicy) -> RoutePolicy:
    """Return *policy* without what it says about limits."""
    return replace(policy, limits=(), cost=1)


def _row(rule: Rule, methods: tuple[str, ...], policy: RoutePolicy) -> RouteRow:
    access = _access(policy)
    is_open = access in {"static", "undeclared", "wrong"}
    owner = policy.owner
    return RouteRow(
        rule=rule.rule,
        methods=methods,
        endpoint=rule.endpoint,
        access=access,
        permissions=policy.permissions,
        any_of=policy.any_of,
        owner=owner if isinstance(owner, str) else getattr(owner, "__name__", ""),
        credentials=_credentials(policy) if access == "require" else (),
        limits=() if is_open else _limits(policy),
        cost=policy.cost,
        fault=policy.fault,
    )


def _access(policy: RoutePolicy) -> str:
    if policy.fault:
        return "wrong"
    if not policy.is_declared:
        return "undeclared"
    if policy is UNROUTED:
        return "static"
    return "public" if policy.is_public else "require"


def _credentials(policy: RoutePolicy) -> tuple[str, ...]:
    if policy.credentials == ANY_CREDENTIAL:
        return ()
    return tuple(sorted(policy.credentials))


def _limits(policy: RoutePolicy) -> tuple[str, ...]:
    if policy.limits is None:
        return ("default",)
    return tuple(map(_limit, policy.limits))


def _limit(rule: RateRule) -> str:
    # What was written at the route says by whom; a name alone does not.
    if not rule.is_named or rule.by is By.CALLER:
        return rule.name
    return f"{rule.name} by {rule.by}"
