"""The writing half of the log put together by hand, and what stands in the database afterwards."""

from __future__ import annotations

import itertools
import resource
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, Row, create_engine, select

from flask_jafsec.audit.chain import Chain, Log, mac_of
from flask_jafsec.audit.envelope import read
from flask_jafsec.audit.references import Referrer
from flask_jafsec.audit.rows import EventRow
from flask_jafsec.audit.spool import Spool, adopt
from flask_jafsec.audit.store import AuditStore
from flask_jafsec.audit.writer import AuditWriter, Item
from flask_jafsec.encryption.keyring import Keyring, Purpose
from flask_jafsec.encryption.vault import Vault
from flask_jafsec.events import Event, EventType
from flask_jafsec.ids import new_id
from flask_jafsec.protocols import Tables
from flask_jafsec.stores.audit_tables import EVENT
from flask_jafsec.stores.sql.audit.store import SqlAuditStore
from flask_jafsec.stores.sql.store import SqlStore
from flask_jafsec.stores.tables import EPOCH
from flask_jafsec.testing import FrozenClock
from tests.stores.conftest import make_tables

ORIGIN = "shop.example.com/shop/audit/1"
APP = "shop"
ROOTS = (("r1", bytes(range(32))),)
AT = FrozenClock().now()

_numbers = itertools.count(1)


def event(**fields: Any) -> Event:
    """Return a change nobody in particular made; its code tells it from others."""
    given: dict[str, Any] = {
        "id": new_id(),
        "type": EventType.KEY_MINTED,
        "at": AT,
        "code": f"e{next(_numbers)}",
    }
    return Event(**(given | fields))


def events(count: int) -> list[Event]:
    return [event() for _ in range(count)]


def raise_epoch(tables: Tables) -> None:
    """Change something that can be read back."""
    tables.raise_epoch()


@dataclass(frozen=True, slots=True)
class Setting:
    """One process's writer on one database."""

    url: str
    store: SqlStore
    audit: SqlAuditStore
    keyring: Keyring
    chain: Chain
    referrer: Referrer
    spool: Spool
    writer: AuditWriter
    clock: FrozenClock
    folder: Path | None

    def keep(self, *kept: Event) -> list[Item]:
        """Have the writer keep events in one batch; return what it made of them."""
        items = [Item(one) for one in kept]
        self.writer.write(items)
        return items

    def carry_out(self, *changes: Callable[[Tables], Any]) -> list[Item]:
        """Have the writer carry out changes in one batch, each with an event of its own."""
        items = [Item(event(), change) for change in changes]
        self.writer.write(items)
        return items

    def later(self) -> None:
        """Let so much time pass that a database that was down is asked again."""
        self.clock.advance(2)

    def journals(self) -> list[Path]:
        """The journals there are."""
        return sorted(self.folder.glob("*.j*")) if self.folder else []

    def adopt(self) -> list[str]:
        """Import what writers left behind that are gone."""
        assert self.folder is not None
        return adopt(self.folder, self.audit, 1)

    def kept(self) -> list[str]:
        """The codes of all events in the database, in the order of their writers."""
        return [code for codes in codes_by_writer(self.url).values() for code in codes]


def result_of(item: Item) -> Any:
    """Return what became of it; what is not finished yet fails the test."""
    return item.wait(0)


def rows_in(url: str, table: Any = EVENT) -> Sequence[Row[Any]]:
    """Return all rows of a table, read on a connection of our own."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return connection.execute(select(table).order_by(*table.primary_key)).all()


def epoch_in(url: str) -> int:
    """Return what ``raise_epoch`` counts up."""
    (row,) = rows_in(url, EPOCH)
    return int(row.n)


def codes_by_writer(url: str) -> dict[str, list[str]]:
    """Return the codes of each writer's events, having checked that its chain is whole."""
    found: dict[str, list[str]] = {}
    for writer_id, members in chains_in(url).items():
        found[writer_id] = [str(each["d"].get("code")) for each in members]
    return found


def chains_in(url: str) -> dict[str, list[Mapping[str, Any]]]:
    """Return each writer's envelopes, having checked numbers, places, MACs and times."""
    key = Keyring(ROOTS, APP).derive(Purpose.AUDIT_MAC, "r1")
    chains: dict[str, list[Mapping[str, Any]]] = {}
    prev = ""
    for row in (EventRow._make(each) for each in rows_in(url)):
        chain = chains.setdefault(row.writer_id, [])
        members = read(row.envelope)
        assert row.n == members["n"] == len(chain) + 1, "a number is missing or twice"
        assert members["prev"] == (prev if chain else "0" * 64), "stands behind another event"
        assert not chain or members["ts"] > chain[-1]["ts"]
        assert row.mac == mac_of(key, row.envelope)
        chain.append(members)
        prev = sha256(row.envelope).hexdigest()
    return chains


def database_url(request: pytest.FixtureRequest, kind: str) -> str:
    """Return the URL of an empty database of this kind that has our tables, or gets them."""
    url: str = request.getfixturevalue(f"{kind}_url")
    if kind == "postgres":
        make_tables(url)
    return url


@contextmanager
def log_on(
    url: str,
    folder: Path | None,
    *,
    max_bytes: int = 1 << 20,
    store_url: str = "",
    wrap: Callable[[AuditStore], AuditStore] = lambda store: store,
    **limits: Any,
) -> Iterator[Setting]:
    """Yield the writing half of a log.

    Args:
        store_url: Where the log finds its database, if by another way than we do.
        wrap: What stands between the writer and its database.
        limits: Of ``SqlStore``.
    """
    keyring = Keyring(ROOTS, APP)
    named = Log(ORIGIN, APP, "r1", keyring.derive(Purpose.AUDIT_MAC, "r1"), "host", "0.2")
    clock = FrozenClock()
    if folder is not None:
        folder.mkdir(exist_ok=True)
    with closing(SqlStore(store_url or url, **limits)) as store:
        audit = SqlAuditStore(store)
        referrer = Referrer(Vault(keyring, APP))
        chain, spool = Chain(named, referrer), Spool(folder, max_bytes)
        writer = AuditWriter(wrap(audit), chain, referrer, spool, clock)
        yield Setting(url, store, audit, keyring, chain, referrer, spool, writer, clock, folder)
        spool.abandon()


@contextmanager
def files_may_have(size: int) -> Iterator[None]:
    """Fail every write beyond *size* bytes of a file, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
