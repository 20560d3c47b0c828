"""``JafSecurity``: the extension, and the declarations that views carry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from flask import Blueprint, Flask, current_app

from flask_jafsec.errors import DeclarationError
from flask_jafsec.pipeline.policy import (
    UNSET,
    LimitArgument,
    Owner,
    public_policy,
    require_policy,
)
from flask_jafsec.web.declarations import attach, attach_to_blueprint

if TYPE_CHECKING:
    from flask_jafsec.protocols import Clock, Sink, Store
    from flask_jafsec.web.state import State

F = TypeVar("F", bound=Callable[..., Any])

#: Where an app keeps its state.
EXTENSION = "jafsec"


@dataclass(frozen=True, slots=True)
class Plugins:
    """What was handed to the constructor; None stands for the built-in one."""

    store: Store | None = None
    sinks: Sequence[Sink] | None = None
    clock: Clock | None = None
    load_roles: Callable[[str], Iterable[str]] | None = None


class JafSecurity:
    """Makes a Flask app safe to put on the internet.

    ``JafSecurity(app)``, or ``JafSecurity()`` and ``init_app(app)`` in an app factory. It comes
    first in the factory: what registers hooks before it runs before it. One object may serve
    several apps; it holds nothing but the plug-ins, everything else belongs to the app.

    Args:
        app: The app to protect now; leave out in an app factory.
        store: Where keys, users, roles and revocations are kept. Default: ``JAFSEC_DATABASE_URL``,
            or an SQLite file in the instance folder.
        sinks: Where events go. Default: JSON lines on standard error.
        clock: Tells the time; for tests.
        load_roles: Gives the names of a subject's roles, where the host knows them. Remembered
            for five seconds. An error in it refuses the request with 503.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        store: Store | None = None,
        sinks: Sequence[Sink] | None = None,
        clock: Clock | None = None,
        load_roles: Callable[[str], Iterable[str]] | None = None,
    ) -> None:
        self._plugins = Plugins(store, sinks, clock, load_roles)
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Read the configuration of *app*, wrap it in the gate and register the hooks.

        Raises:
            DeclarationError: A route was declared in a way that cannot work; names its view. So
                does ``app.add_url_rule`` from then on.
            SettingsError: The configuration cannot be used; lists everything wrong with it.
            RuntimeError: The app has a JafSecurity already.
        """
        from flask_jafsec.web.assemble import assemble

        if EXTENSION in app.extensions:
            raise RuntimeError(
                f"{app.import_name!r} has a JafSecurity already. Import and use that one instead."
            )
        app.extensions[EXTENSION] = assemble(app, self._plugins)

    # -- declaring routes --

    def require(
        self,
        *permissions: str,
        any_of: bool = False,
        credentials: str | Iterable[str] | None = None,
        limit: LimitArgument = UNSET,
        cost: int = 1,
        owner: Owner | None = None,
        **not_yet: object,
    ) -> Callable[[F], F]:
        """Declare that a route wants a known caller who holds *permissions*.

        The decorator attaches the declaration and returns the view itself: it stays callable in
        unit tests, sync or async.

        Args:
            any_of: One of the permissions is enough; otherwise all are needed. With none named,
                any known caller may call.
            credentials: Kinds accepted: ``token``, ``key``, ``session``, one or several.
            limit: Rates such as ``"20/minute"``, names such as ``"chat"``, several in a tuple;
                ``"100/hour by address"`` counts by address, person, key or route instead of by
                caller. None for no limit; left out, the rate named ``default`` counts.
            cost: How much one request takes from the rates.
            owner: The view argument that must equal the caller's subject, or a function of the
                identity and the view's arguments that returns True for the owner.

        Raises:
            DeclarationError: An argument cannot mean anything safe.
            PartMissing: An argument belongs to a part that is not in this release.
        """
        return attach(
            require_policy(
                _names(permissions),
                any_of=any_of,
                credentials=credentials,
                limit=limit,
                cost=cost,
                owner=owner,
                **not_yet,
            )
        )

    def public(self, *, limit: LimitArgument = UNSET, **not_yet: object) -> Callable[[F], F]:
        """Declare that anybody may call a route. Arguments and errors as ``require``."""
        return attach(public_policy(limit=limit, **not_yet))

    def require_all(
        self,
        blueprint: Blueprint,
        *permissions: str,
        any_of: bool = False,
        credentials: str | Iterable[str] | None = None,
        limit: LimitArgument = UNSET,
        cost: int = 1,
        owner: Owner | None = None,
        **not_yet: object,
    ) -> None:
        """Declare the default for all routes of *blueprint* and of those nested in it.

        A route's own declaration, or a nearer blueprint's, wins; they never merge.
        """
        policy = require_policy(
            _names(permissions),
            any_of=any_of,
            credentials=credentials,
            limit=limit,
            cost=cost,
            owner=owner,
            **not_yet,
        )
        attach_to_blueprint(blueprint, policy)

    # -- services --

    def for_app(self, app: Flask) -> State:
        """Return the services of *app*: ``.tokens``, ``.keys``, ``.roles``, ``.users``.

        Raises:
            RuntimeError: The app has no JafSecurity.
        """
        return state_of(app)

    def __getattr__(self, name: str) -> Any:
        """Return a service of the current app: ``tokens``, ``keys``, ``roles`` or ``users``."""
        if name in SERVICES:
            return getattr(state_of(current_app), name)
        raise AttributeError(name)

    if TYPE_CHECKING:
        from flask_jafsec.identity.api_keys import ApiKeys
        from flask_jafsec.identity.roles import Roles
        from flask_jafsec.identity.tokens import Tokens
        from flask_jafsec.identity.users import Users

        tokens: Tokens
        keys: ApiKeys
        roles: Roles
        users: Users


SERVICES = frozenset({"tokens", "keys", "roles", "users"})


def state_of(app: Flask) -> State:
    """Return what JafSecurity keeps for *app*; RuntimeError where there is none."""
    state = app.extensions.get(EXTENSION)
    if state is None:
        raise RuntimeError(f"{app.import_name!r} has no JafSecurity. Did you forget init_app(app)?")
    return cast("State", state)


def _names(permissions: Sequence[object]) -> tuple[str, ...]:
    for permission in permissions:
        if callable(permission):
            raise DeclarationError(
                "write @jafsec.require() with parentheses: it takes permissions, not the view"
            )
        if not isinstance(permission, str):
            raise DeclarationError(f"require: {permission!r} is not the name of a permission")
    return cast("tuple[str, ...]", tuple(permissions))
