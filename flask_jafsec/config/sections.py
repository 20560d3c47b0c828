"""The parts of the settings that belong together: tokens, limits, CORS, headers, sessions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from flask_jafsec.config import guide, origins, places, rates
from flask_jafsec.config.parsing import boolean, each, mapping, text, whole
from flask_jafsec.config.secrets import guide_secret
from flask_jafsec.config.settings import (
    CorsSettings,
    HeaderSettings,
    LimitSettings,
    TokenSettings,
)
from flask_jafsec.config.sources import Sources
from flask_jafsec.config.token_keys import token_keys_in
from flask_jafsec.limiting.rates import MAX_LIMIT

DAY_S: Final = 24 * 3600

#: Below this an access token ends before slow clients have used it once.
MIN_TOKEN_LIFETIME_S: Final = 10

#: More than two minutes is a wrong clock, not a slow one, and lets expired tokens live on.
MAX_LEEWAY_S: Final = 120

#: A token is looked at again this often at the latest, however it was made.
MAX_TOKEN_AGE_S: Final = 30 * DAY_S

#: Chromium's longest. Source: Fetch standard, "CORS-preflight cache"; Chromium's limit of 2 h.
MAX_PREFLIGHT_AGE_S: Final = 2 * 3600

#: Two years, what the preload list asks for; ten cover every honest wish.
MAX_HSTS_AGE_S: Final = 10 * 365 * DAY_S


def tokens(sources: Sources, app_id: str, folder: str) -> TokenSettings:
    """Return how tokens are made; paths of keys are relative to *folder*."""
    issuer = sources.take("JAFSEC_TOKEN_ISSUER", text, app_id)
    base = TokenSettings(issuer, sources.take("JAFSEC_TOKEN_AUDIENCE", text, app_id))
    lifetime = whole(MIN_TOKEN_LIFETIME_S, MAX_TOKEN_AGE_S)
    refresh = whole(60, 366 * DAY_S)
    found = replace(
        base,
        lifetime_s=sources.take("JAFSEC_TOKEN_LIFETIME_S", lifetime, base.lifetime_s),
        refresh_lifetime_s=sources.take(
            "JAFSEC_TOKEN_REFRESH_LIFETIME_S", refresh, base.refresh_lifetime_s
        ),
        leeway_s=sources.take("JAFSEC_TOKEN_LEEWAY_S", whole(0, MAX_LEEWAY_S), base.leeway_s),
        max_age_s=sources.take("JAFSEC_TOKEN_MAX_AGE_S", lifetime, base.max_age_s),
        keys=sources.take("JAFSEC_TOKEN_KEYS", token_keys_in(folder), base.keys),
        guide_secret=sources.parsed(sources.find_guide(guide.SECRET), guide_secret, None),
    )
    _refuse_long_lifetime(sources, found)
    return found


def _refuse_long_lifetime(sources: Sources, found: TokenSettings) -> None:
    key = sources.name_of("JAFSEC_TOKEN_LIFETIME_S")
    if found.lifetime_s > found.max_age_s:
        sources.complain(
            key,
            "is longer than JAFSEC_TOKEN_MAX_AGE_S, after which tokens are refused",
            f"Write at most {found.max_age_s}; stay signed in by refresh tokens.",
        )
    if found.lifetime_s > found.refresh_lifetime_s:
        sources.complain(
            key,
            "is longer than JAFSEC_TOKEN_REFRESH_LIFETIME_S",
            f"Write at most {found.refresh_lifetime_s}.",
        )


def limits(sources: Sources) -> LimitSettings:
    """Return rates and where they are kept."""
    base = LimitSettings()
    return LimitSettings(
        enabled=sources.take("JAFSEC_LIMITS_ENABLED", boolean, base.enabled),
        address_rate=sources.take("JAFSEC_ADDRESS_RATE", rates.rate_or_none, base.address_rate),
        named=_named_rates(sources),
        store=sources.take("JAFSEC_LIMITS_STORE", places.rate_store, base.store),
        store_options=sources.take("JAFSEC_LIMITS_STORE_OPTIONS", mapping, MappingProxyType({})),
    )


def _named_rates(sources: Sources) -> Mapping[str, str]:
    """Return the guide's rates, with the ones that are written in their places."""
    nothing: Mapping[str, str] = {}
    written = sources.take("JAFSEC_LIMITS", rates.named_rates, nothing)
    named = {**rates.GUIDES, **written}
    if "default" not in written:
        per_minute = sources.find_guide(guide.PER_MINUTE)
        amount = sources.parsed(per_minute, whole(1, MAX_LIMIT), 0)
        named["default"] = f"{amount}/minute" if amount else named["default"]
    return MappingProxyType(named)


def cors(sources: Sources) -> CorsSettings:
    """Return which other origins may call."""
    base = CorsSettings()
    methods, headers = each(places.method), each(places.header_name)
    age = whole(0, MAX_PREFLIGHT_AGE_S)
    found = CorsSettings(
        origins=sources.take("JAFSEC_CORS_ORIGINS", origins.origins, base.origins),
        credentials=sources.take("JAFSEC_CORS_CREDENTIALS", boolean, base.credentials),
        methods=sources.take("JAFSEC_CORS_METHODS", methods, base.methods),
        headers=sources.take("JAFSEC_CORS_HEADERS", headers, base.headers),
        expose=sources.take("JAFSEC_CORS_EXPOSE", headers, base.expose),
        max_age_s=sources.take("JAFSEC_CORS_MAX_AGE_S", age, base.max_age_s),
    )
    if found.credentials and origins.ANY in (found.origins or ()):
        sources.complain(
            sources.name_of("JAFSEC_CORS_ORIGINS"),
            "allows every origin, and credentials are allowed: any page could act as its visitor",
            "List the origins, or set JAFSEC_CORS_CREDENTIALS to false.",
        )
    return found


def headers(sources: Sources) -> HeaderSettings:
    """Return the headers of answers."""
    base = HeaderSettings()
    age = whole(0, MAX_HSTS_AGE_S)
    return HeaderSettings(
        enabled=sources.take("JAFSEC_HEADERS_ENABLED", boolean, base.enabled),
        hsts_max_age_s=sources.take("JAFSEC_HSTS_MAX_AGE_S", age, base.hsts_max_age_s),
        hsts_subdomains=sources.take("JAFSEC_HSTS_SUBDOMAINS", boolean, base.hsts_subdomains),
        content_security_policy=sources.take("JAFSEC_CSP", places.csp, MappingProxyType({})),
        https_redirect=sources.take("JAFSEC_HTTPS_REDIRECT", boolean, base.https_redirect),
    )


def session_times(sources: Sources, *, idle_s: int, lifetime_s: int) -> tuple[int, int]:
    """Return how long sessions may be idle and may last, in seconds."""
    idle = sources.take("JAFSEC_SESSION_IDLE_S", whole(60, DAY_S), idle_s)
    lifetime = sources.take("JAFSEC_SESSION_LIFETIME_S", whole(300, 30 * DAY_S), lifetime_s)
    if idle > lifetime:
        sources.complain(
            "JAFSEC_SESSION_IDLE_S",
            "is longer than JAFSEC_SESSION_LIFETIME_S",
            f"Write at most {lifetime}.",
        )
    return idle, lifetime
