"""Everything declared about a route, checked when it is declared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask_jafsec.errors import DeclarationError, InvalidValue, PartMissing
from flask_jafsec.identity.permissions import check_permission, covers
from flask_jafsec.limiting.rates import RateRule, parse_rules
from flask_jafsec.records import Credential, Identity

#: Given as ``owner=``: the name of the view argument that must equal the caller's subject, or a
#: function of the identity and the view's arguments.
Owner = str | Callable[..., bool]

#: What a route takes when it names no kind.
ANY_CREDENTIAL = frozenset({Credential.TOKEN, Credential.KEY, Credential.SESSION})

#: Arguments that other parts will bring, and the part that brings them. Accepting one without
#: its part would leave a route open that reads as closed.
NOT_YET: Mapping[str, str] = {
    "signed": "signing",
    "body": "screening",
    "screen_input": "screening",
    "screen_output": "screening",
    "budget": "abuse control",
    "fresh": "the console's step-up",
}


class _Unset:
    """Says that an argument was left out, where None means something."""

    def __repr__(self) -> str:
        return "(left out)"


UNSET = _Unset()
LimitArgument = str | Iterable[str] | None | _Unset


@dataclass(frozen=True, slots=True)
class RoutePolicy:
    """Who may call a route, by what, and how often."""

    is_declared: bool = True
    is_public: bool = False
    permissions: tuple[str, ...] = ()
    any_of: bool = False
    credentials: frozenset[Credential] = ANY_CREDENTIAL
    limits: tuple[RateRule, ...] | None = None
    """None: nothing said, the default rate counts. Empty: no limit."""
    cost: int = 1
    owner: Owner | None = None
    fault: str = ""
    """Why the declaration cannot work; then the route counts as undeclared."""

    def permits(self, granted: frozenset[str]) -> bool:
        """Return whether *granted* satisfies the permissions asked for."""
        wanted = self.permissions
        if len(wanted) == 1:
            return covers(granted, wanted[0])
        if self.any_of:
            return any(covers(granted, permission) for permission in wanted)
        return all(covers(granted, permission) for permission in wanted)

    def is_owner(self, identity: Identity, view_args: Mapping[str, Any]) -> bool:
        """Return whether the caller owns what the view's arguments name."""
        owner = self.owner
        if owner is None:
            return True
        if isinstance(owner, str):
            # An address without that argument has no owner, so nobody is it.
            named = view_args.get(owner)
            return named is not None and bool(identity.subject) and str(named) == identity.subject
        # Anything but True is a no: a rule that forgets its return statement lets nobody in.
        return owner(identity, **view_args) is True


#: A matched route that says nothing about who may call it.
UNDECLARED = RoutePolicy(is_declared=False)

#: Until the route is known, and where none matches (404, 405, automatic OPTIONS).
UNROUTED = RoutePolicy(is_public=True, limits=())


def require_policy(
    permissions: Iterable[str],
    *,
    any_of: bool = False,
    credentials: str | Iterable[str] | None = None,
    limit: LimitArgument = UNSET,
    cost: int = 1,
    owner: Owner | None = None,
    **not_yet: object,
) -> RoutePolicy:
    """Return the policy of a route that wants a known caller.

    Raises:
        DeclarationError: An argument cannot mean anything safe; the message says what to write.
        PartMissing: An argument belongs to a part that is not in this release.
    """
    refuse_not_yet(not_yet)
    names = tuple(permissions)
    _check(names, any_of=any_of, cost=cost, owner=owner)
    limits = _limits(limit)
    _check_fits(cost, limits or ())
    return RoutePolicy(
        permissions=names,
        any_of=any_of,
        credentials=_credentials(credentials),
        limits=limits,
        cost=cost,
        owner=owner,
    )


def public_policy(*, limit: LimitArgument = UNSET, **not_yet: object) -> RoutePolicy:
    """Return the policy of a route that anybody may call. Errors as ``require_policy``."""
    refuse_not_yet(not_yet)
    return RoutePolicy(is_public=True, limits=_limits(limit))


def refuse_not_yet(arguments: Mapping[str, object]) -> None:
    """Raise for arguments of parts that do not exist here, and for unknown ones."""
    for name, value in arguments.items():
        part = NOT_YET.get(name)
        if part is None:
            raise DeclarationError(f"unknown argument {name!r}")
        if value is not None and value is not False:
            raise PartMissing(name, part)


def _check(names: tuple[str, ...], *, any_of: bool, cost: int, owner: Owner | None) -> None:
    try:
        for name in names:
            check_permission(name, wildcards=False)
    except InvalidValue as error:
        raise DeclarationError(f"require: {error}") from error
    if any_of and len(names) < 2:
        raise DeclarationError("require: any_of=True needs two or more permissions to choose from")
    if not _is_count(cost):
        raise DeclarationError("require: cost must be a whole number of at least 1")
    if not _is_owner_rule(owner):
        raise DeclarationError("require: owner must name a view argument or be a function")


def _check_fits(cost: int, limits: tuple[RateRule, ...]) -> None:
    """Refuse a cost that no full bucket holds; rates known by name only are looked at later."""
    for rule in limits:
        if rule.rate is not None and cost > rule.rate.limit:
            raise DeclarationError(
                f"require: cost={cost} never fits into {rule.name!r}. "
                "Write a smaller cost or another limit"
            )


def _is_count(cost: object) -> bool:
    return isinstance(cost, int) and not isinstance(cost, bool) and cost >= 1


def _is_owner_rule(owner: object) -> bool:
    return owner is None or callable(owner) or (isinstance(owner, str) and owner.isidentifier())


def _credentials(wanted: str | Iterable[str] | None) -> frozenset[Credential]:
    if wanted is None:
        return ANY_CREDENTIAL
    names = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    if "signature" in names:
        raise PartMissing("credentials='signature'", "signing")
    known = {str(kind) for kind in ANY_CREDENTIAL}
    unknown = sorted(set(names) - known)
    if unknown or not names:
        raise DeclarationError(
            f"require: credentials must be among {', '.join(sorted(known))}; "
            f"got {unknown or 'none'}"
        )
    return frozenset(Credential(name) for name in names)


def _limits(limit: LimitArgument) -> tuple[RateRule, ...] | None:
    if isinstance(limit, _Unset):
        return None
    try:
        return parse_rules(limit)
    except InvalidValue as error:
        raise DeclarationError(f"limit: {error.problem}") from error
