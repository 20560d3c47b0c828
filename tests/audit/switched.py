"""A log whose database is there or away, as a test says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from flask_jafsec.audit.store import AuditBatch, AuditStore
from flask_jafsec.errors import StoreUnavailable
from tests.audit.log_setting import Setting, log_on


class Switched:
    """A database that is away when it is told so, and calls back before each import."""

    def __init__(self, store: AuditStore) -> None:
        self._store = store
        self.is_away = False
        self.before_import: Callable[[], object] = lambda: None
        self.imports = 0

    def appending(self) -> AbstractContextManager[AuditBatch]:
        self._check()
        return self._store.appending()

    @contextmanager
    def importing(self) -> Iterator[AuditBatch]:
        self._check()
        self.imports += 1
        self.before_import()
        with self._store.importing() as batch:
            yield batch

    def _check(self) -> None:
        if self.is_away:
            raise StoreUnavailable("away")

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


Logged = tuple[Switched, Setting]


@contextmanager
def switched_log(url: str, folder: Path, max_bytes: int = 1 << 20) -> Iterator[Logged]:
    switches: list[Switched] = []

    def wrap(store: AuditStore) -> AuditStore:
        switches.append(Switched(store))
        return switches[0]  # type: ignore[return-value] # the rest comes by __getattr__

    with log_on(url, folder, wrap=wrap, max_bytes=max_bytes) as log:
        yield switches[0], log


def bring_in(switch: Switched, log: Setting) -> bool:
    return log.spool.bring_in(switch)  # type: ignore[arg-type] # see switched_log
