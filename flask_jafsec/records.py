"""What we keep: frozen records, complete when built. How they are stored is not said here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """What a caller is."""

    ANONYMOUS = "anonymous"
    PERSON = "person"
    SERVICE = "service"


class Credential(StrEnum):
    """By what a caller is known."""

    KEY = "key"
    NONE = "none"
    SESSION = "session"
    TOKEN = "token"


class Environment(StrEnum):
    """Which of the two worlds an API key belongs to."""

    LIVE = "live"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is calling, as far as this request knows."""

    subject: str = ""
    """The caller's id in the host's or our words; empty for anonymous callers."""
    kind: Kind = Kind.ANONYMOUS
    permissions: frozenset[str] = frozenset()
    """What the caller may do now, wildcards among it; never more than the credential."""
    credential: Credential = Credential.NONE
    key_id: str = ""
    """The API key's id, or the id of the key that signed the token."""
    tenant: str = ""
    token_id: str = ""
    """The token's ``jti`` or the session's id, for revoking just this one."""

    @property
    def is_anonymous(self) -> bool:
        """Whether nobody said who they are."""
        return self.kind is Kind.ANONYMOUS


ANONYMOUS = Identity()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """An API key, without its secret: only a keyed hash of the whole key is kept."""

    id: str
    name: str
    environment: Environment
    owner: str = ""
    """Subject the key acts for; empty for a service's own key."""
    scopes: frozenset[str] = frozenset()
    tenant: str = ""
    digest: bytes = field(repr=False)
    """HMAC-SHA-256 of the whole key under the purpose ``apikey-index`` of ``root_id``."""
    root_id: str
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    networks: tuple[str, ...] = ()
    """CIDR networks it may be used from; empty for anywhere."""
    rate: str = ""
    """A rate of its own, such as ``100/minute``; empty for none."""
    rotated_at: datetime | None = None
    ends_at: datetime | None = None
    """When a rotated key stops working; set by rotation."""
    successor: str = ""
    """The id of the key that replaced it."""
    revoked_at: datetime | None = None
    revoked_by: str = ""
    revoked_why: str = ""
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyUse:
    """How often a key was used in one hour, as an amount to add."""

    key_id: str
    hour: datetime
    """Aware UTC, minutes and below are zero."""
    allowed: int
    refused: int
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Role:
    """A named set of permissions. Roles hold no roles."""

    name: str
    permissions: frozenset[str]
    description: str = ""
    built_in: bool = False
    """Whether it comes from the configuration, and so cannot be changed while running."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A role given to a subject."""

    subject: str
    role: str
    granted_by: str
    granted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person of the built-in user table."""

    id: str
    name: str
    """As the person writes it."""
    name_key: str
    """The name in one form (NFKC, case-folded), unique."""
    password_hash: str = field(repr=False)
    tenant: str = ""
    created_at: datetime
    created_by: str
    disabled_at: datetime | None = None
    password_set_at: datetime
    must_change: bool = False
    """Whether the password was handed out and must be changed at the first sign-in."""
    password_ends_at: datetime | None = None
    """When a handed-out password stops working; None for one the person chose."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """A ban on tokens. Exactly one of ``token_id``, ``family`` and ``subject`` is set."""

    id: str
    epoch: int
    """The store's epoch at which it was written; readers ask for what is newer."""
    ends_at: datetime
    """When everything it bans has expired anyway, and it may be forgotten."""
    token_id: str = ""
    family: str = ""
    subject: str = ""
    not_before: datetime | None = None
    """For a subject: tokens issued at or before this time are refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    """A refresh token, without its secret. One family per sign-in, one live token per family."""

    id: str
    digest: bytes = field(repr=False)
    family: str
    subject: str
    kind: Kind = Kind.PERSON
    scopes: frozenset[str] | None = None
    """Upper bound of what tokens made from it may do; None for all the subject may."""
    tenant: str = ""
    issued_at: datetime
    expires_at: datetime
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A browser session of the built-in users."""

    digest: bytes = field(repr=False)
    """SHA-256 of the cookie's random value: who reads the table cannot sign in."""
    id: str
    user_id: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a person gets at sign-in: a short-lived access token and a refresh token."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_in_s: int
    token_id: str
    family: str

    def as_dict(self) -> Mapping[str, object]:
        """Return the members of an OAuth 2.0 token answer (RFC 6749 section 5.1)."""
        return {
            "access_token": self.access,
            "token_type": "Bearer",
            "expires_in": self.expires_in_s,
            "refresh_token": self.refresh,
        }


@dataclass(frozen=True, slots=True)
class MintedKey:
    """A new API key. ``secret`` is the whole key, to be shown once; it is stored nowhere."""

    key: ApiKey
    secret: str = field(repr=False)
