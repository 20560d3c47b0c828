"""Referrers of several processes, and parts they sealed, opened again."""

from __future__ import annotations

import json
from typing import Any

from flask_jafsec.audit.envelope import References
from flask_jafsec.audit.references import Referrer, place_of
from flask_jafsec.audit.rows import SealedRow, micros
from flask_jafsec.audit.store import AuditBatch
from flask_jafsec.encryption.keyring import Keyring
from flask_jafsec.encryption.vault import Vault
from flask_jafsec.events import Event
from flask_jafsec.stores.audit_tables import DATA_KEY
from flask_jafsec.stores.sql.audit.store import SqlAuditStore
from tests.audit.log_setting import APP, AT, ORIGIN, Setting, rows_in

OLD, NEW = ("r1", bytes(range(32))), ("r2", b"n" * 32)
TS = micros(AT)
WRITER = "0" * 16


def process(*roots: tuple[str, bytes]) -> Referrer:
    """Return the referrer of another process."""
    return Referrer(Vault(Keyring(roots or (OLD,), APP), APP))


def save(referrer: Referrer, batch: AuditBatch) -> None:
    subjects, keys = referrer.unsaved()
    batch.add_subjects(subjects)
    batch.add_data_keys(keys)
    referrer.saved(subjects, keys)


def sealed_by(
    referrer: Referrer, store: SqlAuditStore | None, one: Event, ts: int = TS
) -> tuple[References, SealedRow | None]:
    """Return what one event is written with, new persons and keys being kept."""
    if store is None:
        referrer.prepare([(one, ts)], None)
    else:
        with store.appending() as batch:
            referrer.prepare([(one, ts)], batch)
            save(referrer, batch)
    return referrer.seal(one, ts, writer_id=WRITER, n=1, origin=ORIGIN)


def opened(log: Setting, part: SealedRow | None, *roots: tuple[str, bytes]) -> Any:
    """Return the personal part, read as the console does."""
    assert part is not None
    (row,) = [row for row in rows_in(log.url, DATA_KEY) if row.ref == part.key_ref]
    vault = Vault(Keyring(roots or (OLD,), APP), APP)
    key = vault.unwrap(row.ref, row.wrapped, row.kek_id)
    return json.loads(key.open(part.data, place_of(ORIGIN, part.writer_id, part.n, part.key_ref)))
