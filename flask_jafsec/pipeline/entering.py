"""The first steps at the gate: they look at the request alone, and ask for nobody."""

from __future__ import annotations

import re
from urllib.parse import quote

from werkzeug.sansio.utils import host_is_trusted

from flask_jafsec.errors import Answered, OriginRefused, RequestMalformed
from flask_jafsec.pipeline.exchange import Exchange
from flask_jafsec.pipeline.services import Services

#: Hosts that are repeated in a redirect: a name, an address, or a bracketed IPv6 address, and a
#: port. RFC 3986 section 3.2.2, without the characters no host on the Web has.
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


def redirect_insecure(exchange: Exchange, services: Services) -> None:
    """Send plain http to https by 308, which keeps method and body; health checks are spared."""
    facts = exchange.facts
    if not services.https_redirect or facts.scheme != "http":
        return
    if facts.path in services.health_paths:
        return
    if not _HOST.fullmatch(facts.host):
        raise RequestMalformed("host_unreadable")
    if services.trusted_hosts and not host_is_trusted(facts.host, services.trusted_hosts):
        raise RequestMalformed("host_not_trusted")
    query = f"?{facts.query}" if facts.query else ""
    path = quote(facts.mount + facts.path, safe="/:@!$&'()*+,;=~", encoding="latin-1")
    # No cache may keep it: the host in it is the caller's word.
    location = f"https://{facts.host}{path}{query}"
    raise Answered(308, [("Location", location), ("Cache-Control", "no-store")])


def answer_preflight(exchange: Exchange, services: Services) -> None:
    """Answer a CORS preflight, which never carries a credential (Fetch standard, 3.2.2)."""
    facts = exchange.facts
    if facts.method != "OPTIONS" or services.cors is None:
        return
    method = facts.preflight_method
    if facts.origin is None or method is None:
        return
    if services.private_prefix and facts.path.startswith(services.private_prefix):
        raise OriginRefused("console")
    headers = services.cors.preflight(facts.origin, method, facts.preflight_headers)
    raise Answered(204, headers)


def refuse_unreadable(exchange: Exchange, services: Services) -> None:  # noqa: ARG001 - a step
    """Refuse cookies and queries that are no text: Werkzeug would fail on them with a 500.

    Source: RFC 6265 section 4.1.1 and RFC 3986 section 3.4 (US-ASCII); browsers send UTF-8, so
    that much is let through.
    """
    facts = exchange.facts
    if not facts.query.isascii() and not _is_utf8(facts.query):
        raise RequestMalformed("query_unreadable")
    cookie = facts.cookie
    if cookie is not None and not cookie.isascii() and not _is_utf8(cookie):
        raise RequestMalformed("cookie_unreadable")


def refuse_foreign_host(exchange: Exchange, services: Services) -> None:  # noqa: ARG001 - a step
    """Refuse a request for a host that Flask found not to be on its list of trusted ones.

    Not at the gate: a ProxyFix inside of us may be what learns the real host.
    """
    raise RequestMalformed(
        "host_not_trusted", detail="This application does not answer to that host name."
    )


def _is_utf8(text: str) -> bool:
    """Return whether *text*, bytes as a server hands them over (PEP 3333), is UTF-8."""
    try:
        text.encode("latin-1").decode()
    except UnicodeError:
        return False
    return True
