"""A bounded memory whose entries end when anything changes; it knows nothing of its contents."""

from __future__ import annotations

from typing import Generic, TypeVar

V = TypeVar("V")


class Remembered(Generic[V]):
    """Keeps values by name, each for one generation.

    It consists of two halves; when the newer one is full the older one is dropped, so what is
    used stays. Threads share it without a lock: a lost race costs one more read of the store,
    never a wrong answer.

    Args:
        max_kept: How many values are kept at most.
    """

    __slots__ = ("_half", "_newer", "_older")

    def __init__(self, max_kept: int) -> None:
        self._half = max(1, max_kept // 2)
        self._newer: dict[str, tuple[int, V]] = {}
        self._older: dict[str, tuple[int, V]] = {}

    def find(self, name: str, generation: int) -> V | None:
        """Return the value of *name* if it was kept in this *generation*."""
        entry = self._newer.get(name)
        if entry is None:
            entry = self._older.get(name)
            if entry is None:
                return None
            if entry[0] == generation:
                self.keep(name, generation, entry[1])
        return entry[1] if entry[0] == generation else None

    def keep(self, name: str, generation: int, value: V) -> None:
        """Keep *value*, which was read in *generation*."""
        newer = self._newer
        if len(newer) >= self._half and name not in newer:
            self._older = newer
            self._newer = newer = {}
        newer[name] = (generation, value)

    def __len__(self) -> int:
        return len(self._newer) + len(self._older)
