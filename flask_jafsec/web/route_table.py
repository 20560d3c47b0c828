"""The table of routes: who may call what. The command line and the console show the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flask import Flask
from werkzeug.routing import Rule

from flask_jafsec.pipeline.policy import ANY_CREDENTIAL, UNROUTED, RoutePolicy
from flask_jafsec.web.declarations import methods_of
from flask_jafsec.web.extension import state_of

#: What a row's ``access`` may be, in the order the rows are listed: what is wrong comes first.
ACCESS: Final = ("undeclared", "public", "require", "static")


@dataclass(frozen=True, slots=True)
class RouteRow:
    """One address and method, and who may call it."""

    rule: str
    methods: tuple[str, ...]
    endpoint: str
    access: str
    """``undeclared`` (refused for everybody), ``public``, ``require`` or ``static``."""
    permissions: tuple[str, ...] = ()
    any_of: bool = False
    owner: str = ""
    """The view argument or the name of the function that tells the owner."""
    credentials: tuple[str, ...] = ()
    """The kinds accepted, where not all are."""
    limits: tuple[str, ...] = ()
    """As written, or the name; ``default`` where nothing was said."""
    cost: int = 1


def rows(app: Flask) -> Sequence[RouteRow]:
    """Return every route of *app*, undeclared ones first, then by address.

    Methods of one view that were declared differently have a row each.
    """
    declarations = state_of(app).declarations
    found: list[RouteRow] = []
    for rule in app.url_map.iter_rules():
        by_policy: dict[RoutePolicy, list[str]] = {}
        for method in methods_of(rule):
            policy = declarations.of(rule.endpoint, method, rule.rule)
            by_policy.setdefault(policy, []).append(method)
        found += [_row(rule, tuple(methods), policy) for policy, methods in by_policy.items()]
    return sorted(found, key=lambda row: (row.access != "undeclared", row.rule, row.methods))


def _row(rule: Rule, methods: tuple[str, ...], policy: RoutePolicy) -> RouteRow:
    access = _access(policy)
    is_open = access in {"static", "undeclared"}
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
    )


def _access(policy: RoutePolicy) -> str:
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
    return tuple(
        rule.name if rule.by == "caller" else f"{rule.name} by {rule.by}" for rule in policy.limits
    )
