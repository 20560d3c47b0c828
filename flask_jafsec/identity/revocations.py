"""The picture of banned tokens every process keeps in memory. Bans are written elsewhere."""

from __future__ import annotations

import math
import threading
from typing import Final

from flask_jafsec.errors import TokenRevoked
from flask_jafsec.identity.verified_tokens import VerifiedToken
from flask_jafsec.protocols import Clock, Store
from flask_jafsec.records import Revocation

#: How often ended bans are swept out of memory, in seconds. Each costs about 200 bytes.
SWEEP_EVERY_S: Final = 60.0


class Revocations:
    """Refuses banned tokens from a picture in memory, brought up to date when anything changed.

    Args:
        longest_s: Seconds the longest access token is accepted. A ban is forgotten that long
            after it was read: what it bans has expired by then, although the store must keep it
            for refresh tokens.
    """

    def __init__(self, store: Store, clock: Clock, *, longest_s: float = math.inf) -> None:
        self._store = store
        self._clock = clock
        self._longest_s = longest_s
        self._generation = -1
        self._next_sweep = -math.inf
        self._loading = threading.Lock()
        # What is banned, and until when it must be known. Times are seconds since 1970.
        self._token_ids: dict[str, float] = {}
        self._families: dict[str, float] = {}
        self._subjects: dict[str, tuple[float, float]] = {}

    def check(self, token: VerifiedToken, generation: int) -> None:
        """Return if nothing bans *token* as of *generation* (see ``Freshness``).

        Raises:
            TokenRevoked: The token, its family, or all tokens its subject had were revoked.
            StoreUnavailable: Something changed and could not be read; nobody is let in on trust.
        """
        if generation != self._generation:
            self._load(generation)
        if token.token_id in self._token_ids:
            raise TokenRevoked
        if token.family in self._families:
            raise TokenRevoked("family_revoked")
        ban = self._subjects.get(token.subject)
        if ban is not None and token.issued_at <= ban[0]:
            raise TokenRevoked("subject_revoked")

    def __len__(self) -> int:
        return len(self._token_ids) + len(self._families) + len(self._subjects)

    def _load(self, generation: int) -> None:
        with self._loading:
            if generation == self._generation:
                return
            newer_than = self._generation
            if generation < newer_than:
                # Either this thread slept, or the database was put back to an older state, whose
                # new bans have numbers we believe to know already.
                generation = self._store.epoch()
                newer_than = newer_than if generation >= newer_than else -1
            now = self._clock.now()
            with self._store.reading() as tables:
                bans = tables.tokens.revocations(newer_than=newer_than, at=now)
            for ban in bans:
                self._add(ban, now.timestamp())
            self._sweep(now.timestamp())
            self._generation = generation

    def _add(self, ban: Revocation, now: float) -> None:
        until = min(ban.ends_at.timestamp(), now + self._longest_s)
        if ban.token_id:
            self._token_ids[ban.token_id] = until
        if ban.family:
            self._families[ban.family] = until
        if ban.subject and ban.not_before is not None:
            old = self._subjects.get(ban.subject, (-math.inf, -math.inf))
            not_before = max(old[0], ban.not_before.timestamp())
            self._subjects[ban.subject] = (not_before, max(old[1], until))

    def _sweep(self, now: float) -> None:
        if now < self._next_sweep:
            return
        self._next_sweep = now + SWEEP_EVERY_S
        # New dicts take the place of the old ones, so that no reader meets one half swept.
        self._token_ids = {name: end for name, end in self._token_ids.items() if end > now}
        self._families = {name: end for name, end in self._families.items() if end > now}
        self._subjects = {name: ban for name, ban in self._subjects.items() if ban[1] > now}
