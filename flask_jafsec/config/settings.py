"""The settings, as one frozen tree; how they are read stands in loading.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flask_jafsec.events import EventClass

if TYPE_CHECKING:
    from flask_jafsec.audit.sinks.places import Place


@dataclass(frozen=True, slots=True)
class RootKey:
    """One root key: an id and at least 32 random bytes."""

    id: str
    material: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenKeySource:
    """One configured token key, as PEM or JWK text; identity/token_keys.py parses it."""

    kid: str
    text: str = field(repr=False)
    algorithm: str = ""
    """Empty: decided by the kind of key (RS256 for RSA, ES256 for P-256, EdDSA for Ed25519)."""


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """Signed tokens."""

    issuer: str
    audience: str
    lifetime_s: int = 900
    refresh_lifetime_s: int = 30 * 24 * 3600
    leeway_s: int = 30
    max_age_s: int = 24 * 3600
    keys: tuple[TokenKeySource, ...] = ()
    """Configured keys, newest first; the first signs. Empty: HS256 from the root keys."""
    guide_secret: bytes | None = field(default=None, repr=False)
    """The guide's ``JWT_SECRET_KEY``, the HS256 key named ``guide``."""


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """Rates."""

    enabled: bool = True
    address_rate: str = "600/minute"
    """The one rate per address at the gate; empty for none."""
    named: Mapping[str, str] = field(default_factory=dict)
    """Rates by name; always has ``default``, ``chat``, ``api`` and ``upload``."""
    store: str = field(default="memory", repr=False)
    """``memory``, or a redis:// or rediss:// or unix:// address of Redis or Valkey, which may
    hold a password."""
    store_options: Mapping[str, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class CorsSettings:
    """Which other origins may call."""

    origins: tuple[str, ...] | None = None
    """Exact origins; None: CORS is left to the host application."""
    credentials: bool = False
    methods: tuple[str, ...] = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
    headers: tuple[str, ...] = ("Authorization", "Content-Type", "X-API-Key", "X-Request-ID")
    expose: tuple[str, ...] = ("RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-ID")
    max_age_s: int = 600


@dataclass(frozen=True, slots=True)
class HeaderSettings:
    """Response headers."""

    enabled: bool = True
    hsts_max_age_s: int = 31_536_000
    hsts_subdomains: bool = True
    content_security_policy: Mapping[str, str] = field(default_factory=dict)
    """Directives that replace the page profile's; empty: the page profile as it is."""
    https_redirect: bool = False


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """The audit log."""

    host: str
    origin: str
    """The log's name for ever: host, application, epoch."""
    waits: tuple[EventClass, ...]
    """Classes of events that are answered only once they are durable."""
    spool_folder: str
    """Where journals are kept while the database does not answer; empty for nowhere."""
    anchors: tuple[str, ...]
    """Where signed sizes go: ``log`` or ``file:/path``."""
    exports: tuple[Place, ...] = ()
    """Where events go besides."""


@dataclass(frozen=True, slots=True)
class RouteRule:
    """A declaration for every route under a path, for views one cannot touch."""

    pattern: str
    """``/api/secure/*`` (below that folder) or ``/chat*`` (starting so) or an exact path."""
    declares: Mapping[str, object]
    """What ``require`` takes: permissions, any_of, credentials, limit, cost, public."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set, complete and checked."""

    app_id: str
    root_keys: tuple[RootKey, ...] = field(repr=False)
    root_keys_made_up: bool
    """Whether the root key was made up because this is debug or a test."""
    environment: str
    """``live`` or ``test``: which API keys are accepted and minted."""
    debug: bool
    database_url: str = field(repr=False)
    tokens: TokenSettings
    limits: LimitSettings
    cors: CorsSettings
    headers: HeaderSettings
    audit: AuditSettings
    roles: Mapping[str, frozenset[str]]
    """Roles of the configuration, by name."""
    routes: tuple[RouteRule, ...] = ()
    health_paths: tuple[str, ...] = ("/health", "/healthz", "/readyz", "/metrics")
    """Exact paths that are never redirected to https and never limited at the gate."""
    trusted_hosts: tuple[str, ...] = ()
    console_enabled: bool = True
    console_name: str = ""
    """What the console calls the application; empty for the app's own name."""
    console_prefix: str = "/security"
    session_idle_s: int = 30 * 60
    session_lifetime_s: int = 12 * 3600
    log_enabled: bool = True
    log_level: str = "INFO"
    realm: str = "api"
    """What ``WWW-Authenticate`` names."""
    fallbacks_used: tuple[str, ...] = ()
    """Names of the guide's environment variables that were used, for the start-up line."""
    fallbacks_ignored: tuple[str, ...] = ()
    """Names of the guide's that are set and have no effect in this release, for the same line."""
