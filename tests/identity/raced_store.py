"""A store where somebody else is quicker; no tests live here."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from flask_jafsec.protocols import Store, Tables
from tests.identity.rights_setting import WatchedStore


class RacedStore(WatchedStore):
    """Carries ``meanwhile`` out after its user has read, and before it writes."""

    def __init__(self, inner: Store) -> None:
        super().__init__()
        self.inner = inner  # type: ignore[assignment]  # any store will do
        self.meanwhile: list[Callable[[], object]] = []

    def writing(self) -> AbstractContextManager[Tables]:
        if self.meanwhile:
            self.meanwhile.pop()()
        return super().writing()
