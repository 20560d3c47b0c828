"""Rules applied to callers: whose count a request belongs to, and in which order rates are taken.

Where counts are kept is the ``RateStore``'s business; how they are counted, in buckets.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Final, NamedTuple

from flask_jafsec.errors import InvalidValue
from flask_jafsec.limiting.addresses import address_key
from flask_jafsec.limiting.rates import By, Rate, RateRule, parse_rules
from flask_jafsec.protocols import Allowance, RateStore
from flask_jafsec.records import Credential, Identity

#: What counts for routes that say nothing about limits.
DEFAULT_RULES: Final = (RateRule(None, By.CALLER, "default"),)

#: Bytes of a hashed key. Two callers share a count by chance once in 2**64 pairs.
KEY_BYTES: Final = 16

#: Rules are prepared once for each route. Above this many something makes up routes or rules.
MAX_PREPARED: Final = 4096

#: Looked up once: on Python 3.11 reaching a member through its class costs as much as a call.
_KEY: Final = Credential.KEY

_Rules = tuple[RateRule, ...] | None
_Pick = Callable[[Identity, str], str]
#: Beginning of the key, whose count, name, limit, window.
_Counted = tuple[str, _Pick, str, int, int]
#: One of the three ways to take.
Take = Callable[..., tuple[Allowance, ...]]


class _Prepared(NamedTuple):
    """The rates of one route, in the order they are taken."""

    rules: _Rules
    own: tuple[_Counted, ...]
    shared: tuple[_Counted, ...]


def keyed_hash(secret: bytes) -> Callable[[str], str]:
    """Return the hash for keys in a shared store, where no address or subject may be readable.

    Unkeyed, all of IPv4 could be tried in seconds.

    Args:
        secret: 16 to 64 bytes, the same in every process that shares the store.
    """
    if not KEY_BYTES <= len(secret) <= blake2b.MAX_KEY_SIZE:
        raise ValueError(f"the secret must have {KEY_BYTES} to {blake2b.MAX_KEY_SIZE} bytes")
    seeded = blake2b(key=secret, digest_size=KEY_BYTES)

    def hashed(key: str) -> str:
        digest = seeded.copy()
        digest.update(key.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    return hashed


def check_rules(rules: _Rules, cost: int, named: Mapping[str, Rate]) -> None:
    """Refuse rules that could only fail later, when the first request comes.

    Raises:
        InvalidValue: A name is not among *named*, or *cost* never fits into a rate.
    """
    for rule in DEFAULT_RULES if rules is None else rules:
        if cost > _rate_of(rule, named).limit:
            raise InvalidValue(
                "cost", f"never fits into {rule.name!r}. Write a smaller cost or another limit."
            )


class Limiter:
    """Takes from every rate that a route declares.

    A named rate is one count for all routes that name it; a rate written at the route is counted
    for that route alone. The rate itself is part of the key: a changed one begins with a full
    bucket.
    """

    def __init__(
        self,
        store: RateStore,
        named: Mapping[str, Rate],
        *,
        key_hash: Callable[[str], str] | None = None,
    ) -> None:
        """Keep what to count with.

        Args:
            named: The rates that rules may name; must hold ``default``.
            key_hash: Applied to every key; needed where others can read the store.
        """
        self._store = store
        self._named = dict(named)
        self._key_hash = key_hash
        self._prepared: dict[tuple[str, int, str], _Prepared] = {}
        self.check(DEFAULT_RULES)

    def check(self, rules: _Rules, cost: int = 1) -> None:
        """Refuse rules that could only fail later, when the first request comes.

        Raises:
            InvalidValue: A name is unknown, or *cost* never fits into a rate.
        """
        check_rules(rules, cost, self._named)

    def take(
        self,
        rules: _Rules,
        identity: Identity,
        address: str,
        *,
        route: str,
        cost: int = 1,
        key_rate: str = "",
    ) -> tuple[Allowance, ...]:
        """Return what each rate says, up to and including the first that refuses.

        For routes that refuse nobody afterwards; else ``take_own``, and ``take_shared`` once it
        is known that the caller may come in. Rates are taken one after the other, those of the
        caller before those of everybody, short windows before long ones. So a caller who is
        refused takes nothing from others, and what a refusal has taken from rates before it is
        there again soonest.

        Args:
            rules: What the route declares; None for the rate named ``default``.
            address: The client's, as text.
            route: The route's rule, never the raw path.
            key_rate: The API key's own rate, as text; counted over all routes.

        Raises:
            InvalidValue: A rule names an unknown rate (see ``check``).
            StoreUnavailable: The store did not answer.
        """
        known = self._known(rules, route, key_rate)
        return self._take(known.own + known.shared, identity, address, cost)

    def take_own(
        self,
        rules: _Rules,
        identity: Identity,
        address: str,
        *,
        route: str,
        cost: int = 1,
        key_rate: str = "",
    ) -> tuple[Allowance, ...]:
        """Take from the rates that only this caller, or its address, uses up. As ``take``."""
        known = self._known(rules, route, key_rate)
        return self._take(known.own, identity, address, cost)

    def take_shared(
        self,
        rules: _Rules,
        identity: Identity,
        address: str,
        *,
        route: str,
        cost: int = 1,
        key_rate: str = "",
    ) -> tuple[Allowance, ...]:
        """Take from the rates that all callers use up together. As ``take``."""
        known = self._known(rules, route, key_rate)
        return self._take(known.shared, identity, address, cost) if known.shared else ()

    def _take(
        self, rates: tuple[_Counted, ...], identity: Identity, address: str, cost: int
    ) -> tuple[Allowance, ...]:
        take, key_hash = self._store.take, self._key_hash
        allowances: list[Allowance] = []
        for prefix, pick, name, limit, window_s in rates:
            key = prefix + pick(identity, address)
            if key_hash is not None:
                key = key_hash(key)
            allowed, left, retry_s, reset_s = take(key, limit, window_s, cost)
            allowances.append(Allowance(name, allowed, limit, window_s, left, retry_s, reset_s))
            if not allowed:
                break
        return tuple(allowances)

    def _known(self, rules: _Rules, route: str, key_rate: str) -> _Prepared:
        known = self._prepared.get((route, id(rules), key_rate))
        if known is None or known.rules is not rules:
            known = self._prepare(rules, route, key_rate)
        return known

    def _prepare(self, rules: _Rules, route: str, key_rate: str) -> _Prepared:
        found = [self._one(rule, route) for rule in (DEFAULT_RULES if rules is None else rules)]
        own = [RateRule(rule.rate, By.KEY, rule.name) for rule in parse_rules(key_rate)]
        found += [self._one(rule, "", "key") for rule in own]
        found.sort(key=lambda one: (one[4], one[3]))
        if len(self._prepared) >= MAX_PREPARED:
            self._prepared.clear()
        # Kept with the rules themselves: while they are alive, no others can have their id.
        known = _Prepared(
            rules,
            tuple(one for one in found if one[1] is not _everybody),
            tuple(one for one in found if one[1] is _everybody),
        )
        self._prepared[route, id(rules), key_rate] = known
        return known

    def _one(self, rule: RateRule, route: str, scope: str = "") -> _Counted:
        rate = _rate_of(rule, self._named)
        if rule.is_named and rule.by is not By.ROUTE:
            scope = f"name {rule.name}"
        about = f"{scope or f'route {route}'} by {rule.by} {rate.limit}/{rate.window_s}"
        # Its length comes first, so that no route and no subject can be read as another pair.
        return f"{len(about)}:{about}", _PICKS[rule.by], rule.name, rate.limit, rate.window_s


def _rate_of(rule: RateRule, named: Mapping[str, Rate]) -> Rate:
    rate = rule.rate or named.get(rule.name)
    if rate is None:
        known = ", ".join(sorted(named))
        raise InvalidValue("limit", f"{rule.name!r} is not configured. Write one of {known}.")
    return rate


def _address(identity: Identity, address: str) -> str:  # noqa: ARG001 - the shape of a pick
    return "a" + address_key(address)


def _caller(identity: Identity, address: str) -> str:
    # Only then: the key id of a token names what it was signed with, which thousands may share.
    if identity.credential is _KEY:
        return "k" + identity.key_id
    return _person(identity, address)


def _person(identity: Identity, address: str) -> str:
    if not identity.subject:
        return _address(identity, address)
    tenant = identity.tenant
    return f"s{len(tenant)}:{tenant}{identity.subject}"


def _everybody(identity: Identity, address: str) -> str:  # noqa: ARG001 - the shape of a pick
    return "*"


_PICKS: Final[Mapping[By, _Pick]] = {
    By.ADDRESS: _address,
    By.CALLER: _caller,
    By.KEY: _caller,
    By.PERSON: _person,
    By.ROUTE: _everybody,
}
