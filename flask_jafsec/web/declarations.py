"""Finds what was declared about a route: on its view, its blueprint, or its path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from flask import Blueprint, Flask
from werkzeug.routing import Rule

from flask_jafsec.errors import DeclarationError
from flask_jafsec.pipeline.policy import (
    UNDECLARED,
    UNROUTED,
    RoutePolicy,
    public_policy,
    require_policy,
)

F = TypeVar("F", bound=Callable[..., Any])

#: The attribute that carries a declaration. ``functools.wraps`` and ``View.as_view`` copy it.
ATTRIBUTE: Final = "__jafsec_policy__"

#: The attribute of a blueprint that names the endpoint where its people sign in: a browser that
#: is refused for want of a session is sent there.
SIGN_IN: Final = "__jafsec_sign_in__"

#: Paths whose rule is remembered. Paths come from outside, so the memory is bounded.
MAX_PATHS: Final = 4_096


def attach(policy: RoutePolicy) -> Callable[[F], F]:
    """Return a decorator that attaches *policy* to a view and returns the view itself."""

    def decorate(view: F) -> F:
        if ATTRIBUTE in vars(view):
            raise DeclarationError(f"{view.__qualname__} is declared twice; write one declaration")
        setattr(view, ATTRIBUTE, policy)
        return view

    return decorate


def attach_to_blueprint(blueprint: Blueprint, policy: RoutePolicy) -> None:
    """Make *policy* the default of the blueprint's routes; a route's own declaration wins."""
    if ATTRIBUTE in vars(blueprint):
        raise DeclarationError(f"blueprint {blueprint.name!r} is declared twice")
    setattr(blueprint, ATTRIBUTE, policy)


@dataclass(frozen=True, slots=True)
class PathRule:
    """A declaration for every route under a path (JAFSEC_ROUTES)."""

    pattern: str
    policy: RoutePolicy | None
    """What it says about who may call; None when it only limits."""
    limits: RoutePolicy
    """Carries limits and cost."""

    def matches(self, path: str) -> bool:
        """Return whether *path* is meant: ``/a/*`` is below a folder, ``/a*`` starts so."""
        pattern = self.pattern
        if pattern.endswith("/*"):
            return path.startswith(pattern[:-1]) or path == pattern[:-2]
        if pattern.endswith("*"):
            return path.startswith(pattern[:-1])
        return path == pattern


def path_rule(pattern: str, declares: Mapping[str, Any]) -> PathRule:
    """Return the rule for *pattern*, from the arguments ``require`` and ``public`` take."""
    said = dict(declares)
    limits = {name: said[name] for name in ("limit", "cost") if name in said}
    permissions = said.pop("permissions", ())
    names = (permissions,) if isinstance(permissions, str) else tuple(permissions)
    is_public = said.pop("public", False)
    if is_public:
        policy: RoutePolicy | None = public_policy(**said)
    elif names or "credentials" in said:
        policy = require_policy(names, **said)
    else:
        policy = None
    return PathRule(pattern, policy, require_policy((), **limits))


class Declarations:
    """Knows the policy of every route of one app."""

    def __init__(self, app: Flask, rules: Sequence[PathRule]) -> None:
        self._views = app.view_functions
        self._blueprints = app.blueprints
        # The longest pattern is the most particular one, and wins.
        self._rules = tuple(sorted(rules, key=lambda rule: -len(rule.pattern)))
        self._declared: dict[tuple[str, str], tuple[object, RoutePolicy]] = {}
        self._by_path: dict[str, PathRule | None] = {}

    def of(self, endpoint: str, method: str, path: str) -> RoutePolicy:
        """Return the policy of a matched route."""
        view = self._views.get(endpoint)
        known = self._declared.get((endpoint, method))
        # The view is compared because a host may put another function in its place later.
        if known is not None and known[0] is view:
            policy = known[1]
        else:
            policy = self._find(endpoint, method, view)
            self._declared[endpoint, method] = (view, policy)
        return self._with_path_rule(policy, path) if self._rules else policy

    def _find(self, endpoint: str, method: str, view: object) -> RoutePolicy:
        policy = _on_view(view, method)
        if policy is not None:
            return policy
        if _serves_static_files(endpoint, view):
            return UNROUTED
        names = endpoint.split(".")[:-1]
        for depth in range(len(names), 0, -1):
            blueprint = self._blueprints.get(".".join(names[:depth]))
            declared = getattr(blueprint, ATTRIBUTE, None)
            if isinstance(declared, RoutePolicy):
                return declared
        return UNDECLARED

    def _with_path_rule(self, policy: RoutePolicy, path: str) -> RoutePolicy:
        rule = self._rule_of(path)
        if rule is None or policy is UNROUTED:
            return policy
        if not policy.is_declared and rule.policy is not None:
            return rule.policy
        if policy.limits is None and rule.limits.limits is not None:
            cost = policy.cost if policy.cost != 1 else rule.limits.cost
            return replace(policy, limits=rule.limits.limits, cost=cost)
        return policy

    def _rule_of(self, path: str) -> PathRule | None:
        try:
            return self._by_path[path]
        except KeyError:
            found = next((rule for rule in self._rules if rule.matches(path)), None)
        if len(self._by_path) >= MAX_PATHS:
            self._by_path.clear()
        self._by_path[path] = found
        return found


def _on_view(view: object, method: str) -> RoutePolicy | None:
    view_class = getattr(view, "view_class", None)
    if view_class is not None:
        name = "get" if method == "HEAD" and not hasattr(view_class, "head") else method.lower()
        declared = getattr(getattr(view_class, name, None), ATTRIBUTE, None)
        if isinstance(declared, RoutePolicy):
            return declared
        on_class = getattr(view_class, ATTRIBUTE, None)
        if isinstance(on_class, RoutePolicy):
            return on_class
    declared = getattr(view, ATTRIBUTE, None)
    return declared if isinstance(declared, RoutePolicy) else None


def _serves_static_files(endpoint: str, view: object) -> bool:
    """Return whether this is Flask's own view for a static folder, not one that took its name."""
    if endpoint != "static" and not endpoint.endswith(".static"):
        return False
    return getattr(view, "__module__", "") in {
        "flask.app",
        "flask.blueprints",
        "flask.sansio.app",
        "flask.sansio.blueprints",
    }


def methods_of(rule: Rule) -> Iterable[str]:
    """Return the methods a person would name: without HEAD and OPTIONS, sorted."""
    return sorted(set(rule.methods or ()) - {"HEAD", "OPTIONS"}) or sorted(rule.methods or ())
