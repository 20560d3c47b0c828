"""API keys: minted, rotated, revoked, listed. How a text is matched stands in key_matching.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from flask_jafsec.errors import InvalidValue
from flask_jafsec.events import EventType
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
from flask_jafsec.identity.key_rules import (
    MAX_REASON_CHARS,
    RevokedAlready,
    end_of_overlap,
    event_of,
    require_may_hold,
    require_overlapping,
    require_rotatable,
    stored,
)
from flask_jafsec.identity.names import check_line, check_name
from flask_jafsec.identity.permissions import Actor, check_permissions
from flask_jafsec.ids import is_id, new_id
from flask_jafsec.protocols import Clock, Derive, Recorder, Store, Tables
from flask_jafsec.records import ApiKey, Environment, MintedKey

__all__ = ["ApiKeys", "KeyMatch", "Overlap"]


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
            return stored(tables, key_id)

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
        key_id: str = "",
    ) -> MintedKey:
        """Return a new key with its secret, which is shown this once and stored nowhere.

        Args:
            scopes: What the key may do at most; wildcards allowed.
            owner: The subject it acts for; empty for a service of its own.
            environment: ``live`` or ``test``.
            expires_at: Aware time in the future; None for never.
            networks: CIDR networks it may be used from; empty for anywhere.
            rate: A rate of its own, such as ``100/minute``.
            key_id: The id of the new key, so that asking twice for the same one makes one.

        Raises:
            Conflict: There is a key with this id.
            GrantExceeded: The actor does not hold every scope, or the key would act for somebody
                else and the actor does not hold ``jafsec:keys:write``.
            InvalidValue: An argument cannot be used.
        """
        now = self._clock.now()
        key, secret = self._made(
            ApiKey(
                id=key_id,
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
        require_may_hold(by, key)

        def change(tables: Tables) -> None:
            tables.raise_epoch()
            tables.keys.add(key)

        self._recorder.commit_with(event_of(EventType.KEY_MINTED, now, by, key), change)
        return MintedKey(key, secret)

    def rotate(
        self, key_id: str, *, by: Actor, overlap: str | datetime = Overlap.DAY, new_key_id: str = ""
    ) -> MintedKey:
        """Return a new key with the same rights; the old one ends after *overlap*.

        Args:
            overlap: ``none``, ``1h``, ``24h`` or ``7d``; or the time when the old one ends.
            new_key_id: The id of the new key, so that asking twice makes one.

        Raises:
            Conflict: The old key has ended, or was rotated already.
            GrantExceeded: The actor does not hold every scope of the key.
            InvalidValue: *overlap* is none of these, or not before the key expires.
            NotFound: There is no such key.
        """
        now = self._clock.now()
        old = self.get(key_id)
        ends_at = (
            end_of_overlap(old, overlap, now)
            if isinstance(overlap, datetime)
            else now + overlap_of(overlap)
        )
        require_may_hold(by, old)
        require_rotatable(old, now)
        draft = replace(old, id=new_key_id, created_at=now, created_by=by.name, last_used_at=None)
        new, secret = self._made(draft)

        def change(tables: Tables) -> None:
            tables.raise_epoch()
            present = stored(tables, key_id)
            require_rotatable(present, now)
            tables.keys.add(new)
            tables.keys.replace(replace(present, rotated_at=now, ends_at=ends_at, successor=new.id))

        told = {"overlap": _told(overlap), "successor": new.id, "ends_at": ends_at.isoformat()}
        event = event_of(EventType.KEY_ROTATED, now, by, old, **told)
        self._recorder.commit_with(event, change)
        return MintedKey(new, secret)

    def end_overlap(self, key_id: str, *, by: Actor, seen: datetime | None = None) -> ApiKey:
        """End a rotated key now, before its time, and return it.

        Args:
            seen: The end that the actor has seen; None for any.

        Raises:
            Conflict: It does not work beside a successor, or its end was moved meanwhile.
            NotFound: There is no such key.
        """
        now = self._clock.now()
        return self._move_end(EventType.KEY_OVERLAP_ENDED, key_id, now, by, seen)

    def extend_overlap(
        self, key_id: str, until: datetime, *, by: Actor, seen: datetime | None = None
    ) -> ApiKey:
        """Let a rotated key work until another time, and return it. Raises as ``rotate``.

        Args:
            seen: The end that the actor has seen; None for any.
        """
        key = self.get(key_id)
        end_of_overlap(key, until, self._clock.now())
        require_may_hold(by, key)
        return self._move_end(EventType.KEY_OVERLAP_EXTENDED, key_id, until, by, seen)

    def _move_end(
        self, kind: EventType, key_id: str, ends_at: datetime, by: Actor, seen: datetime | None
    ) -> ApiKey:
        now = self._clock.now()
        key = self.get(key_id)
        require_overlapping(key, now, seen)

        def change(tables: Tables) -> ApiKey:
            tables.raise_epoch()
            present = stored(tables, key_id)
            require_overlapping(present, now, seen)
            moved = replace(present, ends_at=ends_at)
            tables.keys.replace(moved)
            return moved

        told = {"successor": key.successor, "ends_at": ends_at.isoformat()}
        return self._recorder.commit_with(event_of(kind, now, by, key, **told), change)

    def revoke(self, key_id: str, *, by: Actor, why: str = "") -> ApiKey:
        """End the key for good and return it; one that was revoked before stays as it is.

        Raises:
            InvalidValue: *why* is not one line.
            NotFound: There is no such key.
        """
        check_line("why", why, max_chars=MAX_REASON_CHARS)
        now = self._clock.now()
        key = self.get(key_id)
        if key.revoked_at is not None:
            return key

        def change(tables: Tables) -> ApiKey:
            tables.raise_epoch()
            present = stored(tables, key_id)
            if present.revoked_at is not None:
                raise RevokedAlready(present)  # and so nothing is recorded of this one
            ended = replace(present, revoked_at=now, revoked_by=by.name, revoked_why=why)
            tables.keys.replace(ended)
            return ended

        event = event_of(EventType.KEY_REVOKED, now, by, key, why=why)
        try:
            return self._recorder.commit_with(event, change)
        except RevokedAlready as error:
            return error.key

    # -- making --

    def _made(self, draft: ApiKey) -> tuple[ApiKey, str]:
        """Return *draft* with an id and a digest of its own, and the secret they belong to."""
        if draft.id and not is_id(draft.id):
            raise InvalidValue("key_id", "must be an id that new_id() made")
        key_id = draft.id or new_id(int(self._clock.time() * 1000))
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


def _told(overlap: str | datetime) -> str:
    return overlap.isoformat() if isinstance(overlap, datetime) else str(overlap)
