"""The stores of one transaction on dictionaries; who may change them when is in memory.py."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from flask_jafsec.errors import Conflict, InvalidValue, NotFound
from flask_jafsec.protocols import (
    FactStore,
    KeyStore,
    RoleStore,
    SessionStore,
    TokenStore,
    UserStore,
)
from flask_jafsec.records import (
    ApiKey,
    Grant,
    KeyUse,
    RefreshToken,
    Revocation,
    Role,
    Session,
    User,
)
from flask_jafsec.stores.memory_contents import Contents
from flask_jafsec.stores.values import check_text, storable, storable_revocation


class MemoryTables:
    """All stores, bound to one transaction."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self.keys: KeyStore = _Keys(contents)
        self.roles: RoleStore = _Roles(contents)
        self.users: UserStore = _Users(contents)
        self.tokens: TokenStore = _Tokens(contents)
        self.sessions: SessionStore = _Sessions(contents)
        self.facts: FactStore = _Facts(contents)

    def raise_epoch(self) -> int:
        """Raise the epoch and return it."""
        contents = self._contents.change()
        contents.epoch += 1
        return contents.epoch


@dataclass(frozen=True, slots=True)
class _Keys:
    contents: Contents

    def find(self, key_id: str) -> ApiKey | None:
        return self.contents.keys.get(key_id)

    def add(self, key: ApiKey) -> None:
        key = storable(key)
        keys = self.contents.change().keys
        if key.id in keys:
            raise Conflict("an API key with this id exists")
        keys[key.id] = key

    def replace(self, key: ApiKey) -> None:
        key = storable(key)
        keys = self.contents.change().keys
        if key.id not in keys:
            raise NotFound("key", key.id)
        keys[key.id] = replace(key, last_used_at=keys[key.id].last_used_at)

    def page(
        self, *, owner: str | None = None, after: str = "", limit: int = 100
    ) -> Sequence[ApiKey]:
        keys = self.contents.keys
        ids = [id_ for id_ in keys if id_ > after and (owner is None or keys[id_].owner == owner)]
        return [keys[id_] for id_ in sorted(ids)[:limit]]

    def add_uses(self, uses: Iterable[KeyUse]) -> None:
        contents = self.contents.change()
        for use in [storable(use) for use in uses]:
            place = use.key_id, use.hour
            old = contents.uses.get(place, KeyUse(use.key_id, use.hour, 0, 0))
            contents.uses[place] = replace(
                old, allowed=old.allowed + use.allowed, refused=old.refused + use.refused
            )
            key = contents.keys.get(use.key_id)
            if key is not None and use.last_at is not None:
                last = max(use.last_at, key.last_used_at or use.last_at)
                contents.keys[key.id] = replace(key, last_used_at=last)

    def uses(self, key_id: str, since: datetime) -> Sequence[KeyUse]:
        found = [u for u in self.contents.uses.values() if u.key_id == key_id and u.hour >= since]
        return sorted(found, key=lambda use: use.hour)


@dataclass(frozen=True, slots=True)
class _Roles:
    contents: Contents

    def find(self, name: str) -> Role | None:
        return self.contents.roles.get(name)

    def all(self) -> Sequence[Role]:
        return sorted(self.contents.roles.values(), key=lambda role: role.name)

    def put(self, role: Role) -> None:
        if role.built_in:
            raise InvalidValue("built_in", "roles of the configuration are not stored")
        role = storable(role)
        self.contents.change().roles[role.name] = role

    def remove(self, name: str) -> None:
        contents = self.contents.change()
        if contents.roles.pop(name, None) is None:
            raise NotFound("role", name)
        for grant in [grant for grant in contents.grants if grant[1] == name]:
            del contents.grants[grant]

    def grant(self, grant: Grant) -> bool:
        grant = storable(grant)
        grants = self.contents.change().grants
        if (grant.subject, grant.role) in grants:
            return False
        grants[grant.subject, grant.role] = grant
        return True

    def withdraw(self, subject: str, role: str) -> bool:
        return self.contents.change().grants.pop((subject, role), None) is not None

    def roles_of(self, subject: str) -> frozenset[str]:
        return frozenset(role for holder, role in self.contents.grants if holder == subject)

    def holders_of(self, role: str) -> Sequence[str]:
        return sorted(holder for holder, held in self.contents.grants if held == role)


@dataclass(frozen=True, slots=True)
class _Users:
    contents: Contents

    def find(self, user_id: str) -> User | None:
        return self.contents.users.get(user_id)

    def find_named(self, name_key: str) -> User | None:
        users = self.contents.users.values()
        return next((user for user in users if user.name_key == name_key), None)

    def find_all(self, user_ids: Iterable[str]) -> Sequence[User]:
        users = self.contents.users
        return [users[user_id] for user_id in set(user_ids) if user_id in users]

    def add(self, user: User) -> None:
        user = storable(user)
        users = self.contents.change().users
        if user.id in users or self.find_named(user.name_key) is not None:
            raise Conflict("a user with this id or name exists")
        users[user.id] = user

    def replace(self, user: User) -> None:
        user = storable(user)
        users = self.contents.change().users
        if user.id not in users:
            raise NotFound("user", user.id)
        namesake = self.find_named(user.name_key)
        if namesake is not None and namesake.id != user.id:
            raise Conflict("a user with this name exists")
        users[user.id] = user

    def page(self, *, after: str = "", limit: int = 100) -> Sequence[User]:
        users = self.contents.users
        return [users[id_] for id_ in sorted(users) if id_ > after][:limit]


@dataclass(frozen=True, slots=True)
class _Tokens:
    contents: Contents

    def add_refresh(self, token: RefreshToken) -> None:
        token = storable(token)
        refreshes = self.contents.change().refreshes
        if token.id in refreshes:
            raise Conflict("a refresh token with this id exists")
        refreshes[token.id] = token

    def find_refresh(self, token_id: str) -> RefreshToken | None:
        return self.contents.refreshes.get(token_id)

    def use_refresh(self, token_id: str, used_at: datetime) -> bool:
        refreshes = self.contents.change().refreshes
        token = refreshes.get(token_id)
        if token is None or token.used_at is not None:
            return False
        refreshes[token_id] = storable(replace(token, used_at=used_at))
        return True

    def revoke(self, revocation: Revocation) -> None:
        revocation = storable_revocation(revocation)
        kept = self.contents.change().revocations
        if revocation.id in kept:
            raise Conflict("a revocation with this id exists")
        kept[revocation.id] = revocation

    def revocations(self, *, newer_than: int, at: datetime) -> Sequence[Revocation]:
        bans = self.contents.revocations.values()
        found = [ban for ban in bans if ban.epoch > newer_than and ban.ends_at > at]
        return sorted(found, key=lambda ban: (ban.epoch, ban.id))

    def is_family_revoked(self, family: str) -> bool:
        bans = self.contents.revocations.values()
        return family != "" and any(ban.family == family for ban in bans)

    def subject_not_before(self, subject: str) -> datetime | None:
        bans = self.contents.revocations.values()
        times = [b.not_before for b in bans if b.subject == subject != "" and b.not_before]
        return max(times, default=None)

    def prune(self, before: datetime) -> int:
        contents = self.contents.change()
        tokens = [t.id for t in contents.refreshes.values() if t.expires_at < before]
        bans = [ban.id for ban in contents.revocations.values() if ban.ends_at < before]
        for token_id in tokens:
            del contents.refreshes[token_id]
        for ban_id in bans:
            del contents.revocations[ban_id]
        return len(tokens) + len(bans)


@dataclass(frozen=True, slots=True)
class _Sessions:
    contents: Contents

    def find(self, digest: bytes) -> Session | None:
        return self.contents.sessions.get(digest)

    def add(self, session: Session) -> None:
        session = storable(session)
        sessions = self.contents.change().sessions
        if session.digest in sessions:
            raise Conflict("this session exists")
        sessions[session.digest] = session

    def replace(self, session: Session) -> None:
        session = storable(session)
        sessions = self.contents.change().sessions
        if session.digest not in sessions:
            raise NotFound("session", session.id)
        sessions[session.digest] = session

    def end_all(self, user_id: str, at: datetime) -> int:
        sessions = self.contents.change().sessions
        live = [
            session
            for session in sessions.values()
            if session.user_id == user_id and session.ended_at is None and session.expires_at > at
        ]
        for session in live:
            sessions[session.digest] = storable(replace(session, ended_at=at))
        return len(live)

    def prune(self, before: datetime) -> int:
        sessions = self.contents.change().sessions
        gone = [digest for digest, session in sessions.items() if session.expires_at < before]
        for digest in gone:
            del sessions[digest]
        return len(gone)


@dataclass(frozen=True, slots=True)
class _Facts:
    contents: Contents

    def get(self, name: str) -> str | None:
        return self.contents.facts.get(name)

    def put(self, name: str, value: str) -> None:
        check_text("name", name)
        check_text("value", value, limit_bytes=None)
        self.contents.change().facts[name] = value
