"""Callers seen before: what a verified token's text amounts to, until anything changes."""

from __future__ import annotations

from flask_jafsec.records import Identity

#: How many are remembered in one process. An entry is about 1.5 kB with its token's text.
MAX_REMEMBERED = 10_000


class Recognised:
    """Remembers identities by the whole header that proved them.

    An entry counts only in the generation it was made in (any change of a role, key, user or
    revocation ends it) and until its token expires. When the table is full it starts anew: that
    costs one verification per caller, and nobody can use it to be taken for somebody else.
    """

    __slots__ = ("_entries", "_max")

    def __init__(self, max_remembered: int = MAX_REMEMBERED) -> None:
        self._entries: dict[str, tuple[int, float, Identity]] = {}
        self._max = max_remembered

    def find(self, header: str, generation: int, now: float) -> Identity | None:
        """Return who *header* proves, if it was verified in *generation* and still holds."""
        entry = self._entries.get(header)
        if entry is None or entry[0] != generation or now >= entry[1]:
            return None
        return entry[2]

    def remember(self, header: str, generation: int, until: float, identity: Identity) -> None:
        """Keep *identity* for *header* until the time *until* (seconds since 1970)."""
        if len(self._entries) >= self._max:
            self._entries = {}
        self._entries[header] = (generation, until, identity)

    def __len__(self) -> int:
        return len(self._entries)
