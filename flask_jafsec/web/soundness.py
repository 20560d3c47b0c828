"""Whether declarations can work: found wrong when a route is added, not when a request comes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from flask import Flask
from werkzeug.routing import Rule

from flask_jafsec.errors import DeclarationError, InvalidValue
from flask_jafsec.limiting.limiter import check_rules
from flask_jafsec.limiting.rates import Rate
from flask_jafsec.pipeline.policy import RoutePolicy

if TYPE_CHECKING:
    from flask_jafsec.web.declarations import Declarations


def fault_of(
    policy: RoutePolicy, address: str, arguments: Collection[str], named: Mapping[str, Rate]
) -> str:
    """Return why *policy* cannot work at *address*, and what to write; empty where it can.

    Args:
        arguments: The names a view at this address is called with.
        named: The rates that limits may name.
    """
    try:
        check_rules(policy.limits, policy.cost, named)
    except InvalidValue as error:
        return f"{error.field}: {error.problem}"
    owner = policy.owner
    if not isinstance(owner, str) or owner in arguments:
        return ""
    known = " or ".join(repr(name) for name in sorted(arguments))
    instead = f"Write {known}." if known else f"Write it into the address: {address}/<{owner}>."
    return f"owner: {owner!r} is no argument of {address}. {instead}"


def refuse_unsound(app: Flask, declarations: Declarations) -> None:
    """Refuse wrong declarations of the routes *app* has, and of those it gets from now on.

    A declaration that is attached after its route was added is looked at with the first request,
    and refused there.

    Raises:
        DeclarationError: One cannot work; names the view and says what to write.
    """
    for rule in app.url_map.iter_rules():
        _refuse(app, declarations, rule)
    add_url_rule = app.add_url_rule

    def add_sound_rule(
        rule: str, endpoint: str | None = None, view_func: Any = None, *args: Any, **options: Any
    ) -> None:
        add_url_rule(rule, endpoint, view_func, *args, **options)
        name = endpoint or view_func.__name__
        for added in app.url_map.iter_rules(name):
            _refuse(app, declarations, added)

    # On this app alone, as the gate: blueprints and decorators add their routes through it too.
    app.add_url_rule = add_sound_rule  # type: ignore[method-assign]


def _refuse(app: Flask, declarations: Declarations, rule: Rule) -> None:
    fault = declarations.fault_at(rule)
    if fault:
        view = app.view_functions.get(rule.endpoint)
        raise DeclarationError(f"{name_of(view, rule.endpoint)} at {rule.rule}: {fault}")


def name_of(view: object, endpoint: str) -> str:
    """Return how a person calls *view*."""
    return str(getattr(view, "__qualname__", endpoint))
