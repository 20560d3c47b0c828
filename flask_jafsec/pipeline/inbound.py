"""The steps before the view. Each writes one finding, or ends the line by raising."""

from __future__ import annotations

from flask_jafsec.errors import (
    CredentialInvalid,
    CredentialKindRefused,
    CredentialMissing,
    CredentialRejected,
    CrossSiteRefused,
    KeyElsewhere,
    KeyEnded,
    NotOwner,
    PermissionDenied,
    RateExceeded,
    RouteUndeclared,
    SecurityUnavailable,
    StoreUnavailable,
)
from flask_jafsec.identity import credentials, key_format
from flask_jafsec.limiting.addresses import address_key
from flask_jafsec.limiting.headers import retry_after_seconds
from flask_jafsec.limiting.limiter import Take
from flask_jafsec.pipeline.exchange import Exchange
from flask_jafsec.pipeline.policy import UNROUTED
from flask_jafsec.pipeline.recording import record_degraded
from flask_jafsec.pipeline.services import Services
from flask_jafsec.protocols import Allowance
from flask_jafsec.records import ANONYMOUS, Credential, Identity, Kind

#: Methods that change nothing, and so may come from a foreign page. RFC 9110 section 9.2.1.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

#: Looked up once: on Python 3.11 reaching a member through its class costs as much as a call.
_NONE = Credential.NONE
_TOKEN = Credential.TOKEN
_ANONYMOUS = Kind.ANONYMOUS


# -- At the gate: no route is known yet --------------------------------------------------------


def limit_client(exchange: Exchange, services: Services) -> None:
    """Take one from the caller's address, so that guessing credentials is slow."""
    rate = services.address_rate
    if rate is None or exchange.facts.path in services.health_paths:
        return
    allowed, left, retry_after_s, reset_after_s = services.address_rates.take(
        address_key(exchange.facts.client), rate.limit, rate.window_s
    )
    if allowed:
        return  # what is left of it concerns only who has used it up
    exchange.allowances = (
        Allowance("address", False, rate.limit, rate.window_s, left, retry_after_s, reset_after_s),
    )
    raise RateExceeded("address", retry_after_seconds(retry_after_s), retry_after_s)


def authenticate(exchange: Exchange, services: Services) -> None:
    """Find out who calls, from header credentials only.

    Forged and malformed credentials are refused here, whatever the route. One that was genuine
    and has ended is a finding: a public route takes its bearer for anonymous.
    """
    header, api_key = exchange.facts.authorization, exchange.facts.api_key
    if header is None and api_key is None:
        return
    generation = _generation(exchange, services)
    if header is not None and api_key is None and generation is not None:
        identity = services.recognised.find(header, generation, exchange.facts.opened_at)
        if identity is not None:
            exchange.identity = identity
            return
    found = credentials.read(header, api_key, services.tokens.is_ours)
    if found is None:
        return
    judge = _authenticate_token if found.kind is _TOKEN else _authenticate_key
    try:
        judge(exchange, services, found.text, generation)
    except CredentialRejected as rejected:
        # Without its traceback, whose frames hold the exchange: a circle for the collector.
        exchange.rejected = rejected.with_traceback(None)
        if not rejected.was_genuine:
            raise CredentialInvalid(rejected.reason) from rejected
    except StoreUnavailable as error:
        exchange.unavailable = str(error)


def _generation(exchange: Exchange, services: Services) -> int | None:
    """Return the present generation, or None where it cannot be known: then nobody is let in."""
    try:
        return services.freshness.check()
    except StoreUnavailable as error:
        exchange.unavailable = str(error)
        return None


def _authenticate_token(
    exchange: Exchange, services: Services, text: str, generation: int | None
) -> None:
    exchange.presented = _TOKEN
    now = exchange.facts.opened_at
    token = services.tokens.verify(text, now=now)
    if generation is None:
        return
    # Before the bans: disabling writes one too, and the operator is told the cause, not the means.
    granted = services.access.effective(token.subject, token.scopes, generation)
    services.revocations.check(token, generation)
    identity = Identity(
        subject=token.subject,
        kind=token.kind,
        permissions=granted.permissions,
        credential=_TOKEN,
        key_id=token.kid,
        tenant=token.tenant,
        token_id=token.token_id,
    )
    exchange.identity = identity
    header = exchange.facts.authorization
    if header is not None:
        until = min(float(token.expires_at), granted.until)
        services.recognised.remember(header, generation, until, identity)


def _authenticate_key(
    exchange: Exchange, services: Services, text: str, generation: int | None
) -> None:
    exchange.presented = Credential.KEY
    now = exchange.facts.opened_at
    if generation is None:
        key_format.parse(text)
        return
    try:
        match = services.keys.match(
            text, client=exchange.facts.client, now=now, generation=generation
        )
    except (KeyEnded, KeyElsewhere) as refused:
        services.key_use.count(refused.key_id, now, allowed=False)
        raise
    key = match.key
    exchange.identity = Identity(
        subject=key.owner or f"key:{key.id}",
        kind=Kind.SERVICE,
        permissions=match.permissions,
        credential=Credential.KEY,
        key_id=key.id,
        tenant=key.tenant,
        token_id=key.id,
    )
    exchange.key_rate = key.rate


# -- In front of the view: the route is known --------------------------------------------------


def authenticate_session(exchange: Exchange, services: Services) -> None:
    """Find the signed-in person of a browser, only where no header credential of ours came.

    Static files and addresses that do not exist cost no look-up. A cookie travels with requests
    that a foreign page makes, so an unsafe method from another site is not taken for the
    person's own wish.
    """
    facts = exchange.facts
    if facts.cookie is None or exchange.policy is UNROUTED:
        return
    if exchange.identity is not ANONYMOUS or exchange.presented is not _NONE:
        return  # also one that has ended: the caller has said who to be taken for
    try:
        identity = services.find_session(exchange)
    except CredentialRejected as rejected:
        exchange.rejected = rejected.with_traceback(None)
        exchange.presented = Credential.SESSION
        return
    except StoreUnavailable as error:
        exchange.unavailable = str(error)
        return
    if identity is None:
        return
    if facts.method not in SAFE_METHODS and is_cross_site(exchange):
        exchange.cross_site = True
        return
    exchange.identity = identity


def is_cross_site(exchange: Exchange) -> bool:
    """Return whether a foreign page made this request.

    Browsers say so in ``Sec-Fetch-Site``; older ones send ``Origin`` with unsafe methods. A
    request with neither comes from no browser, and no foreign page can have made it.
    Source: W3C Fetch Metadata; RFC 6454 section 7.
    """
    facts = exchange.facts
    if facts.sec_fetch_site is not None:
        return facts.sec_fetch_site not in {"same-origin", "none"}
    if facts.origin is None:
        return False
    return facts.origin not in {f"https://{facts.host}", f"http://{facts.host}"}


def limit_identity(exchange: Exchange, services: Services) -> None:
    """Take from the caller's share of the route's rates, and from the key's own.

    Before it is known whether they may, so that probing is limited too. A shared store that does
    not answer limits nobody; that is said once a minute.
    """
    policy = exchange.policy
    limiter = services.limiter
    if limiter is None or not policy.is_declared:
        return
    if policy.limits == () and not exchange.key_rate:
        return
    _take(exchange, services, limiter.take if policy.is_public else limiter.take_own)


def limit_everybody(exchange: Exchange, services: Services) -> None:
    """Take from the rates that all callers of the route share.

    Only for callers who are let in: a stranger could otherwise shut a route for everybody, with
    requests that cost nothing but the answer 401.
    """
    policy = exchange.policy
    # Where nothing or None was said there is no such rate; a public route has taken it already.
    if policy.limits and not policy.is_public and services.limiter is not None:
        _take(exchange, services, services.limiter.take_shared)


def _take(exchange: Exchange, services: Services, take: Take) -> None:
    policy = exchange.policy
    try:
        allowances = take(
            policy.limits,
            exchange.identity,
            exchange.facts.client,
            route=exchange.route,
            cost=policy.cost,
            key_rate=exchange.key_rate,
        )
    except StoreUnavailable as error:
        record_degraded(exchange, services, str(error))
        return
    if not allowances:
        return
    exchange.allowances += allowances
    last = allowances[-1]
    if not last.allowed:
        raise RateExceeded(last.name, retry_after_seconds(last.retry_after_s))


def authorise(exchange: Exchange, services: Services) -> None:  # noqa: ARG001 - the shape of a step
    """Refuse whoever may not call this route; undeclared routes refuse everybody."""
    policy = exchange.policy
    if not policy.is_declared:
        raise RouteUndeclared("declaration_wrong" if policy.fault else "")
    if policy.is_public:
        return
    identity = exchange.identity
    if identity.kind is _ANONYMOUS:
        _refuse_unknown(exchange)
    if identity.credential not in policy.credentials:
        raise CredentialKindRefused(f"{identity.credential}_not_accepted")
    if policy.permissions and not policy.permits(identity.permissions):
        raise PermissionDenied("missing:" + ",".join(policy.permissions))
    if policy.owner is not None and not policy.is_owner(identity, exchange.view_args):
        raise NotOwner


def _refuse_unknown(exchange: Exchange) -> None:
    if exchange.unavailable:
        raise SecurityUnavailable(exchange.unavailable)
    if exchange.rejected is not None:
        raise CredentialInvalid(exchange.rejected.reason) from exchange.rejected
    if exchange.cross_site:
        raise CrossSiteRefused
    raise CredentialMissing
