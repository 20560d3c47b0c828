"""Records for tests: complete, with every field that does not matter filled in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from flask_jafsec.ids import new_id
from flask_jafsec.records import (
    ApiKey,
    Environment,
    Grant,
    KeyUse,
    RefreshToken,
    Revocation,
    Role,
    Session,
    User,
)

#: An odd moment, so that lost microseconds show.
NOW = datetime(2026, 3, 29, 1, 59, 59, 999_999, tzinfo=UTC)
HOUR = NOW.replace(minute=0, second=0, microsecond=0)
DAY = timedelta(days=1)


def api_key(**changes: Any) -> ApiKey:
    key = ApiKey(
        id=new_id(),
        name="nightly export",
        environment=Environment.LIVE,
        digest=bytes(range(32)),
        root_id="2026-01",
        created_at=NOW,
        created_by="ada",
    )
    return replace(key, **changes)


def use(key_id: str, allowed: int = 1, refused: int = 0, **changes: Any) -> KeyUse:
    return replace(KeyUse(key_id, HOUR, allowed, refused), **changes)


def role(name: str = "reader", *permissions: str, **changes: Any) -> Role:
    return replace(Role(name, frozenset(permissions or {"notes:read"})), **changes)


def grant(subject: str = "ada", role: str = "reader") -> Grant:
    return Grant(subject, role, "root", NOW)


def user(name: str = "ada", **changes: Any) -> User:
    made = User(
        id=new_id(),
        name=name,
        name_key=name.casefold(),
        password_hash="$argon2id$",
        created_at=NOW,
        created_by="cli:root",
        password_set_at=NOW,
    )
    return replace(made, **changes)


def refresh_token(**changes: Any) -> RefreshToken:
    token = RefreshToken(
        id=new_id(),
        digest=b"\x00\xff" * 16,
        family=new_id(),
        subject="ada",
        issued_at=NOW,
        expires_at=NOW + DAY,
    )
    return replace(token, **changes)


def ban(epoch: int = 1, **changes: Any) -> Revocation:
    """Return a ban of one token, unless *changes* name a family or a subject."""
    names_another = bool({"family", "subject"} & changes.keys())
    token_id = "" if names_another else new_id()
    return replace(Revocation(new_id(), epoch, NOW + DAY, token_id=token_id), **changes)


def session(digest: bytes = b"\x00" * 32, **changes: Any) -> Session:
    made = Session(
        digest=digest,
        id=new_id(),
        user_id="ada",
        created_at=NOW,
        seen_at=NOW,
        expires_at=NOW + DAY,
    )
    return replace(made, **changes)
