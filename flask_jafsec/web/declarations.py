"""Finds what was declared about a route: on its view, its blueprint, or its path."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from flask import Blueprint, Flask
from werkzeug.routing import Rule

from flask_jafsec.errors import DeclarationError
from flask_jafsec.limiting.rates import Rate
from flask_jafsec.pipeline.policy import (
    UNDECLARED,
    UNROUTED,
    RoutePolicy,
    public_policy,
    require_policy,
)
from flask_jafsec.web.reach import Reach
from flask_jafsec.web.soundness import fault_of, name_of

_log = logging.getLogger("flask_jafsec")

F = TypeVar("F", bound=Callable[..., Any])

#: The attribute that carries a declaration. ``functools.wraps`` and ``View.as_view`` copy it.
ATTRIBUTE: Final = "__jafsec_policy__"

#: The attribute of a blueprint that names the endpoint where its people sign in: a browser that
#: is refused for want of a session is sent there.
SIGN_IN: Final = "__jafsec_sign_in__"

#: The attribute of a blueprint that makes its own page of a refusal, for those who want pages.
REFUSED: Final = "__jafsec_refused__"

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


def sign_in_of(app: Flask, blueprints: Iterable[str]) -> str:
    """Return where people of this part of the app sign in; empty where nobody said."""
    found = (getattr(app.blueprints.get(name), SIGN_IN, "") for name in blueprints)
    return next((endpoint for endpoint in found if endpoint), "")


def refused_page_of(app: Flask, blueprints: Iterable[str]) -> Callable[[Any], Any] | None:
    """Return what makes this part's page of a refusal; None where there is none."""
    found = (getattr(app.blueprints.get(name), REFUSED, None) for name in blueprints)
    return next((make for make in found if make is not None), None)


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
    """Return the rule for *pattern*, from the arguments ``require`` and ``public`` take.

    Raises:
        DeclarationError: They cannot mean anything safe.
    """
    try:
        return _path_rule(pattern, declares)
    except DeclarationError as error:
        raise DeclarationError(f"JAFSEC_ROUTES[{pattern!r}]: {error}") from error


def _path_rule(pattern: str, declares: Mapping[str, Any]) -> PathRule:
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
    """Knows the policy of every route of one app.

    Args:
        named: The rates that limits may name.

    Raises:
        DeclarationError: A rule for a path cannot work.
    """

    def __init__(self, app: Flask, rules: Sequence[PathRule], named: Mapping[str, Rate]) -> None:
        for rule in rules:
            _refuse_unsound(rule, named)
        self._named = named
        self._url_map = app.url_map
        self._views = app.view_functions
        self._blueprints = app.blueprints
        # One path alone is the most particular pattern, then the longest one.
        self._rules = tuple(
            sorted(rules, key=lambda rule: (rule.pattern.endswith("*"), -len(rule.pattern)))
        )
        self._declared: dict[tuple[str, str, str], tuple[object, RoutePolicy]] = {}
        self._by_path: dict[str, PathRule | None] = {}

    def of(self, endpoint: str, method: str, path: str) -> RoutePolicy:
        """Return the policy of a matched route."""
        return self._under(self._rule_of(path) if self._rules else None, endpoint, method)

    def fault_at(self, rule: Rule) -> str:
        """Return what is wrong with what is declared for *rule* by now; empty for nothing."""
        for method in methods_of(rule):
            policy = self._find(rule.endpoint, method, self._views.get(rule.endpoint))
            if policy.limits is None and self._rules:
                policy = replace(policy, cost=1)  # a path rule may bring a limit it fits into
            fault = self._fault_of(policy, rule)
            if fault:
                return fault
        return ""

    def possible(
        self, endpoint: str, method: str, reach: Reach
    ) -> Sequence[tuple[str, RoutePolicy]]:
        """Return what may hold for a route, with the pattern of the path rule that says so.

        The first pattern that matches a path counts; an empty one is all other paths.
        """
        found: list[tuple[str, RoutePolicy]] = []
        for rule in self._rules:
            if reach.may_match(rule.pattern):
                found.append((rule.pattern, self._under(rule, endpoint, method)))
                if reach.lies_within(rule.pattern):
                    return found
        return [*found, ("", self._under(None, endpoint, method))]

    def _under(self, rule: PathRule | None, endpoint: str, method: str) -> RoutePolicy:
        """Return what holds for a route at paths that *rule* matches, or none does."""
        view = self._views.get(endpoint)
        place = (endpoint, method, "" if rule is None else rule.pattern)
        known = self._declared.get(place)
        # The view is compared because a host may put another function in its place later.
        if known is not None and known[0] is view:
            return known[1]
        policy = self._find(endpoint, method, view)
        if rule is not None:
            policy = _under(rule, policy)
        policy = self._sound(policy, endpoint, method)
        self._declared[place] = (view, policy)
        return policy

    def _sound(self, policy: RoutePolicy, endpoint: str, method: str) -> RoutePolicy:
        """Return *policy*, or one that lets nobody in and says what is wrong with it."""
        for rule in self._url_map.iter_rules(endpoint):
            fault = self._fault_of(policy, rule) if method in (rule.methods or ()) else ""
            if fault:
                name = name_of(self._views.get(endpoint), endpoint)
                _log.error("%s is refused for everybody. %s", name, fault)
                return replace(UNDECLARED, fault=fault)
        return policy

    def _fault_of(self, policy: RoutePolicy, rule: Rule) -> str:
        if not policy.is_declared or policy is UNROUTED:
            return ""
        return fault_of(policy, rule.rule, rule.arguments, self._named)

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

    def _rule_of(self, path: str) -> PathRule | None:
        try:
            return self._by_path[path]
        except KeyError:
            found = next((rule for rule in self._rules if rule.matches(path)), None)
        if len(self._by_path) >= MAX_PATHS:
            self._by_path.clear()
        self._by_path[path] = found
        return found


def _under(rule: PathRule, policy: RoutePolicy) -> RoutePolicy:
    """Return what holds where *rule* matches and the view and its blueprints say *policy*."""
    if policy is UNROUTED:
        return policy
    if not policy.is_declared and rule.policy is not None:
        return rule.policy
    if policy.limits is None and rule.limits.limits is not None:
        cost = policy.cost if policy.cost != 1 else rule.limits.cost
        return replace(policy, limits=rule.limits.limits, cost=cost)
    return policy


def _refuse_unsound(rule: PathRule, named: Mapping[str, Rate]) -> None:
    policy = rule.policy or rule.limits
    if rule.policy is None and policy.limits is None:
        return  # without a limit its cost is not used
    fault = fault_of(policy, rule.pattern, (), named)
    if fault:
        raise DeclarationError(f"JAFSEC_ROUTES[{rule.pattern!r}]: {fault}")


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
