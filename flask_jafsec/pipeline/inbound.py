"""The steps before the view. Each writes one finding, or ends the line by raising."""

from __future__ import annotations

import re
from urllib.parse import quote

from flask_jafsec.errors import (
    Answered,
    CredentialInvalid,
    CredentialKindRefused,
    CredentialMissing,
    CredentialRejected,
    CrossSiteRefused,
    KeyEnded,
    NotOwner,
    PermissionDenied,
    RateExceeded,
    RequestMalformed,
    RouteUndeclared,
    SecurityUnavailable,
    StoreUnavailable,
)
from flask_jafsec.identity import credentials, key_format
from flask_jafsec.limiting.addresses import address_key
from flask_jafsec.limiting.headers import retry_after_seconds
from flask_jafsec.pipeline.exchange import Exchange
from flask_jafsec.pipeline.recording import record_degraded
from flask_jafsec.pipeline.services import Services
from flask_jafsec.records import Credential, Identity, Kind

#: Methods that change nothing, and so may come from a foreign page. RFC 9110 section 9.2.1.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

#: Hosts that are repeated in a redirect: a name, an address, or a bracketed IPv6 address, and a
#: port. RFC 3986 section 3.2.2, without the characters no host on the Web has.
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


# -- At the gate: no route is known yet --------------------------------------------------------


def redirect_insecure(exchange: Exchange, services: Services) -> None:
    """Send plain http to https by 308, which keeps method and body; health checks are spared."""
    facts = exchange.facts
    if not services.https_redirect or facts.scheme != "http":
        return
    if facts.path in services.health_paths:
        return
    if not _HOST.fullmatch(facts.host):
        raise RequestMalformed("host_unreadable")
    query = f"?{facts.query}" if facts.query else ""
    path = quote(facts.mount + facts.path, safe="/:@!$&'()*+,;=~", encoding="latin-1")
    raise Answered(308, [("Location", f"https://{facts.host}{path}{query}")])


def answer_preflight(exchange: Exchange, services: Services) -> None:
    """Answer a CORS preflight, which never carries a credential (Fetch standard, 3.2.2)."""
    facts = exchange.facts
    if facts.method != "OPTIONS" or services.cors is None:
        return
    method = facts.preflight_method
    if facts.origin is None or method is None:
        return
    headers = services.cors.preflight(facts.origin, method, facts.preflight_headers)
    raise Answered(204, headers)


def refuse_unreadable(exchange: Exchange, services: Services) -> None:  # noqa: ARG001 - a step
    """Refuse cookies that are no text: Flask and Werkzeug would fail on them with a 500.

    Source: RFC 6265 section 4.1.1 (US-ASCII); browsers send UTF-8, so that much is let through.
    """
    cookie = exchange.facts.cookie
    if cookie is None or cookie.isascii():
        return
    try:
        cookie.encode("latin-1").decode()
    except UnicodeError as error:
        raise RequestMalformed("cookie_unreadable") from error


def limit_client(exchange: Exchange, services: Services) -> None:
    """Take one from the caller's address, so that guessing credentials is slow."""
    rate = services.address_rate
    if rate is None or exchange.facts.path in services.health_paths:
        return
    allowed, _, retry_after_s, _ = services.address_rates.take(
        address_key(exchange.facts.client), rate.limit, rate.window_s
    )
    if not allowed:
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
    found = credentials.read(header, api_key)
    if found is None:
        return
    judge = _authenticate_token if found.kind is Credential.TOKEN else _authenticate_key
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
    if not services.tokens.is_ours(text):
        return
    exchange.presented = Credential.TOKEN
    now = exchange.facts.opened_at
    token = services.tokens.verify(text, now=now)
    if generation is None:
        return
    services.revocations.check(token, generation)
    granted = services.access.effective(token.subject, token.scopes, generation)
    identity = Identity(
        subject=token.subject,
        kind=token.kind,
        permissions=granted.permissions,
        credential=Credential.TOKEN,
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
    except KeyEnded as ended:
        services.key_use.count(ended.key_id, now, allowed=False)
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
    """Find the signed-in person of a browser, only where no header credential came.

    A cookie travels with requests that a foreign page makes, so an unsafe method from another
    site is not taken for the person's own wish.
    """
    facts = exchange.facts
    if facts.cookie is None or facts.authorization is not None or facts.api_key is not None:
        return
    if exchange.policy.is_public and not exchange.policy.is_declared:
        return
    try:
        identity = services.find_session(exchange)
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
    """Take from the route's rates and the key's own, so that one customer cannot starve another.

    A shared store that does not answer limits nobody; that is said once a minute.
    """
    policy = exchange.policy
    limiter = services.limiter
    if limiter is None or not policy.is_declared:
        return
    if policy.limits == () and not exchange.key_rate:
        return
    try:
        allowances = limiter.take(
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
    exchange.allowances = allowances
    if allowances and not allowances[-1].allowed:
        last = allowances[-1]
        raise RateExceeded(last.name, retry_after_seconds(last.retry_after_s))


def authorise(exchange: Exchange, services: Services) -> None:  # noqa: ARG001 - the shape of a step
    """Refuse whoever may not call this route; undeclared routes refuse everybody."""
    policy = exchange.policy
    if not policy.is_declared:
        raise RouteUndeclared
    if policy.is_public:
        return
    identity = exchange.identity
    if identity.kind is Kind.ANONYMOUS:
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
