"""API keys: minted, rotated, revoked, listed. How a text is matched stands in key_matching.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from flask_jafsec.errors import Conflict, InvalidValue, NotFound
from flask_jafsec.events import Event, EventType
from flask_jafsec.identity.access import Access
from flask_jafsec.identity.key_arguments import (
    Overlap,
    environment_of,
    in_future,
    networks_of,
    overlap_of,
)
from flask_jafsec.identity.key_format import new_key_text
from flask_jafsec.identity.key_matching import MAX_REMEMBERED, KeyMatch, KeyMatcher, digest_of
from flask_jafsec.identity.names import check_line, check_name
from flask_jafsec.identity.permissions import Actor, check_permissions, require_held
from flask_jafsec.ids import new_id
from flask_jafsec.protocols import Clock, Derive, Recorder, Store, Tables
from flask_jafsec.records import ApiKey, Environment, MintedKey

__all__ = ["ApiKeys", "KeyMatch", "Overlap"]

#: Who holds it may mint and rotate keys that act for others.
WRITE_KEYS: Final = "jafsec:keys:write"


class ApiKeys:
    """Mints keys, ends them, and tells which key a text proves (``match``).

    Nobody mints or rotates a key with more rights than they hold. A key with an owner acts for
    that subject: it may do what its scopes and the owner's present permissions both include.
    Keys that act for others are made by holders of ``jafsec:keys:write`` only.

    Args:
        environment: Whose keys are accepted, and minted where nothing else is said.
        check_rate: Raises ValueError for a text that is no rate.
    """

    def __init__(
        self,
        store: Store,
        recorder: Recorder,
        derive: Derive,
        clock: Clock,
        access: Access,
        *,
        environment: str,
        check_rate: Callable[[str], object],
        max_remembered: int = MAX_REMEMBERED,
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._derive = derive
        self._clock = clock
        self._environment = Environment(environment)
        self._check_rate = check_rate
        matcher = KeyMatcher(
            store,
            derive,
            access,
            environment=self._environment,
            max_remembered=max_remembered,
        )
        self.match = matcher.match

    # -- looking --

    def get(self, key_id: str) -> ApiKey:
        """Return the key, whatever its state. Raises NotFound."""
        with self._store.reading() as tables:
            return _get(tables, key_id)

    def list(
        self, *, owner: str | None = None, after: str = "", limit: int = 100
    ) -> Sequence[ApiKey]:
        """Return keys in the order they were made, those after the id *after*; all states."""
        with self._store.reading() as tables:
            return tables.keys.page(owner=owner, after=after, limit=limit)

    # -- changing --

    def mint(
        self,
        name: str,
        *,
        scopes: Iterable[str],
        by: Actor,
        owner: str = "",
        environment: str | None = None,
        expires_at: datetime | None = None,
        networks: Iterable[str] = (),
        rate: str = "",
        tenant: str = "",
    ) -> MintedKey:
        """Return a new key with its secret, which is shown this once and stored nowhere.

        Args:
            scopes: What the key may do at most; wildcards allowed.
            owner: The subject it acts for; empty for a service of its own.
            environment: ``live`` or ``test``.
            expires_at: Aware time in the future; None for never.
            networks: CIDR networks it may be used from; empty for anywhere.
            rate: A rate of its own, such as ``100/minute``.

        Raises:
            GrantExceeded: The actor does not hold every scope, or the key would act for somebody
                else and the actor does not hold ``jafsec:keys:write``.
            InvalidValue: An argument cannot be used.
        """
        now = self._clock.now()
        key, secret = self._made(
            ApiKey(
                id="",
                name=check_name("name", name),
                environment=environment_of(environment or self._environment),
                owner=check_name("owner", owner) if owner else "",
                scopes=check_permissions(scopes),
                tenant=check_line("tenant", tenant),
                digest=b"",
                root_id="",
                created_at=now,
                created_by=by.name,
                expires_at=in_future(expires_at, now),
                networks=networks_of(networks),
                rate=self._rate(rate),
            )
        )
        _require_may_hold(by, key)

        def change(tables: Tables) -> None:
            tables.raise_epoch()
            tables.keys.add(key)

        self._recorder.commit_with(self._event(EventType.KEY_MINTED, by, key), change)
        return MintedKey(key, secret)

    def rotate(self, key_id: str, *, by: Actor, overlap: str = Overlap.DAY) -> MintedKey:
        """Return a new key with the same rights; the old one ends after *overlap*.

        Raises:
            Conflict: The old key has ended, or was rotated already.
            GrantExceeded: The actor does not hold every scope of the key.
            InvalidValue: *overlap* is not ``none``, ``1h``, ``24h`` or ``7d``.
            NotFound: There is no such key.
        """
        lasts = overlap_of(overlap)
        now = self._clock.now()
        old = self.get(key_id)
        _require_may_hold(by, old)
        _require_rotatable(old, now)
        new, secret = self._made(
            replace(old, created_at=now, created_by=by.name, last_used_at=None)
        )

        def change(tables: Tables) -> None:
            tables.raise_epoch()
            present = _get(tables, key_id)
            _require_rotatable(present, now)
            tables.keys.add(new)
            tables.keys.replace(
                replace(present, rotated_at=now, ends_at=now + lasts, successor=new.id)
            )

        event = self._event(EventType.KEY_ROTATED, by, old, successor=new.id, overlap=overlap)
        self._recorder.commit_with(event, change)
        return MintedKey(new, secret)

    def revoke(self, key_id: str, *, by: Actor, why: str = "") -> ApiKey:
        """End the key for good and return it; one that was revoked before stays as it is.

        Raises:
            InvalidValue: *why* is not one line.
            NotFound: There is no such key.
        """
        check_line("why", why)
        now = self._clock.now()
        key = self.get(key_id)
        if key.revoked_at is not None:
            return key

        def change(tables: Tables) -> ApiKey:
            tables.raise_epoch()
            present = _get(tables, key_id)
            if present.revoked_at is not None:
                return present
            ended = replace(present, revoked_at=now, revoked_by=by.name, revoked_why=why)
            tables.keys.replace(ended)
            return ended

        event = self._event(EventType.KEY_REVOKED, by, key, why=why)
        return self._recorder.commit_with(event, change)

    # -- making --

    def _made(self, draft: ApiKey) -> tuple[ApiKey, str]:
        """Return *draft* with an id and a digest of its own, and the secret they belong to."""
        key_id = new_id(int(self._clock.time() * 1000))
        secret = new_key_text(key_id, draft.environment)
        root_id = self._derive.active
        digest = digest_of(secret, self._derive, root_id)
        return replace(draft, id=key_id, digest=digest, root_id=root_id), secret

    def _rate(self, rate: str) -> str:
        try:
            if rate:
                self._check_rate(rate)
        except InvalidValue as error:
            raise InvalidValue("rate", error.problem) from error
        except ValueError as error:
            raise InvalidValue("rate", str(error)) from error
        return rate

    def _event(self, event_type: EventType, by: Actor, key: ApiKey, **facts: object) -> Event:
        return Event(
            id=new_id(),
            type=event_type,
            at=self._clock.now(),
            actor=by.name,
            key_id=key.id,
            subject=key.owner,
            tenant=key.tenant,
            facts={
                "name": key.name,
                "scopes": sorted(key.scopes),
                "environment": str(key.environment),
                "owner": key.owner,
                **facts,
            },
        )


def _get(tables: Tables, key_id: str) -> ApiKey:
    key = tables.keys.find(key_id)
    if key is None:
        raise NotFound("key", key_id)
    return key


def _require_may_hold(actor: Actor, key: ApiKey) -> None:
    """Refuse to hand *actor* the secret of a key that is, or may do, more than they.

    Whoever has a key with an owner is that subject, and passes every ``owner=`` rule as they do.
    """
    is_for_another = bool(key.owner) and key.owner != actor.name
    require_held(actor, {*key.scopes, WRITE_KEYS} if is_for_another else key.scopes)


def _require_rotatable(key: ApiKey, now: datetime) -> None:
    if key.revoked_at is not None:
        raise Conflict("the key is revoked; mint a new one")
    if key.rotated_at is not None:
        raise Conflict(f"the key was rotated already; its successor is {key.successor}")
    if key.expires_at is not None and now >= key.expires_at:
        raise Conflict("the key has expired; mint a new one")
