"""Puts the audit log together: writer, journal, sequencer, anchors."""

from __future__ import annotations

import logging
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flask_jafsec import __version__
from flask_jafsec.audit.anchors import Anchors, FileAnchor, LogLineAnchor
from flask_jafsec.audit.chain import Chain, Log
from flask_jafsec.audit.journal import JournalFailed, prepare_folder
from flask_jafsec.audit.keeping import Keeper
from flask_jafsec.audit.note_keys import NoteSigner
from flask_jafsec.audit.references import Referrer
from flask_jafsec.audit.sequencer import Sequencer
from flask_jafsec.audit.spool import Spool
from flask_jafsec.audit.trail import Trail
from flask_jafsec.audit.writer import AuditWriter
from flask_jafsec.encryption.keyring import Keyring, Purpose
from flask_jafsec.encryption.vault import Vault

if TYPE_CHECKING:
    from flask_jafsec.audit.store import AuditStore
    from flask_jafsec.config.settings import Settings
    from flask_jafsec.protocols import Clock, Sink, Store

_log = logging.getLogger("flask_jafsec")


@dataclass(frozen=True, slots=True)
class AuditLog:
    """The log's parts for one app, for those who read and verify it."""

    store: AuditStore
    origin: str
    signers: Sequence[NoteSigner]
    vault: Vault
    keyring: Keyring

    def mac_key(self, root_id: str) -> bytes | None:
        """Return the key that MACs were made with under a root key; None once it is retired."""
        try:
            return self.keyring.derive(Purpose.AUDIT_MAC, root_id)
        except KeyError:
            return None


def open_log(settings: Settings, keyring: Keyring, store: AuditStore) -> AuditLog:
    """Return the log's parts; nothing is read or written yet."""
    origin = settings.audit.origin
    seeds = [keyring.derive(Purpose.AUDIT_ED25519, root) for root in keyring.root_ids]
    return AuditLog(
        store=store,
        origin=origin,
        signers=[NoteSigner(origin, seed) for seed in seeds],
        vault=Vault(keyring, settings.app_id),
        keyring=keyring,
    )


def make_trail(
    settings: Settings, log: AuditLog, store: Store, sinks: Sequence[Sink], clock: Clock
) -> Trail:
    """Return the trail that writes to *log*, and the thread beside it."""
    folder = _spool_folder(settings)
    writer = _writer(settings, log, clock, folder)
    trail = Trail(store, sinks, clock, writer=writer, waits=settings.audit.waits)
    sequencer = Sequencer(
        log.store, origin=log.origin, signers=log.signers, mac_key=log.mac_key, clock=clock
    )
    anchors = Anchors([_anchor(text) for text in settings.audit.anchors], clock)
    trail.add_companion(
        Keeper(
            log.store,
            writer.spool,
            sequencer,
            anchors,
            clock,
            folder=folder,
            record=trail.record,
        )
    )
    return trail


def _writer(settings: Settings, log: AuditLog, clock: Clock, folder: Path | None) -> AuditWriter:
    root = log.keyring.active
    named = Log(
        origin=log.origin,
        app_id=settings.app_id,
        mac_key_id=root,
        mac_key=log.keyring.derive(Purpose.AUDIT_MAC, root),
        host=platform.node(),
        version=__version__,
    )
    referrer = Referrer(log.vault)
    return AuditWriter(log.store, Chain(named, referrer), referrer, Spool(folder), clock)


def _spool_folder(settings: Settings) -> Path | None:
    if not settings.audit.spool_folder:
        return None
    folder = Path(settings.audit.spool_folder)
    try:
        prepare_folder(folder)
    except JournalFailed as error:
        _log.warning("the audit log has no second place to write to: %s", error)
        return None
    return folder


def _anchor(text: str) -> FileAnchor | LogLineAnchor:
    if text == "log":
        return LogLineAnchor()
    return FileAnchor(Path(text.removeprefix("file:")))
