"""Tokens that were verified, and the memory of them: each signature is checked once a process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from flask_jafsec.records import Kind

if TYPE_CHECKING:
    from flask_jafsec.identity.token_keys import TokenKey, TokenKeys

#: How many are remembered in one process. An entry is about 1.5 kB with its token's text.
MAX_REMEMBERED: Final = 10_000


class VerifiedToken(NamedTuple):
    """What a genuine, current token for us says. Whether it was revoked is not known here.

    A tuple, because one is made for every token met for the first time.
    """

    subject: str
    kind: Kind
    scopes: frozenset[str] | None
    """Upper bound of what its bearer may do; None for all the subject may."""
    tenant: str
    token_id: str
    family: str
    """The sign-in it comes from; empty when it was made without one."""
    issued_at: int
    """Seconds since 1970 UTC."""
    expires_at: int
    kid: str


class VerifiedTokens:
    """Remembers verified tokens by their whole text, so a changed character is never found.

    Only what was verified gets in: nobody without our key can fill it. It consists of two halves;
    when the newer one is full the older one is dropped. Threads share it without a lock: a lost
    race costs one more verification, never a wrong answer.
    """

    __slots__ = ("_half", "_newer", "_older")

    def __init__(self, max_remembered: int = MAX_REMEMBERED) -> None:
        self._half = max(1, max_remembered // 2)
        self._newer: dict[str, tuple[VerifiedToken, TokenKey, float]] = {}
        self._older: dict[str, tuple[VerifiedToken, TokenKey, float]] = {}

    def find(self, text: str, keys: TokenKeys, now: float) -> VerifiedToken | None:
        """Return what *text* was verified to say, if it still holds at *now* under *keys*."""
        entry = self._newer.get(text)
        if entry is None:
            entry = self._promoted(text)
            if entry is None:
                return None
        token, key, until = entry
        if now >= until or keys.by_kid.get(token.kid) is not key:
            return None
        return token

    def remember(self, text: str, token: VerifiedToken, key: TokenKey, until: float) -> None:
        """Keep *token*, verified by *key*, for *text* until the time *until*."""
        self._keep(text, (token, key, until))

    def _promoted(self, text: str) -> tuple[VerifiedToken, TokenKey, float] | None:
        """Return the entry of the older half, which from now on stands in the newer one."""
        entry = self._older.get(text)
        if entry is not None:
            self._keep(text, entry)
        return entry

    def _keep(self, text: str, entry: tuple[VerifiedToken, TokenKey, float]) -> None:
        if len(self._newer) >= self._half:
            self._older = self._newer
            self._newer = {}
        self._newer[text] = entry

    def __contains__(self, text: str) -> bool:
        return text in self._newer or text in self._older

    def __len__(self) -> int:
        return len(self._newer.keys() | self._older.keys())
