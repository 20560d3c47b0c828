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
from flask_jafsec.audit.cursors import Cursors
from flask_jafsec.audit.export_alarms import ExportReport
from flask_jafsec.audit.exporters import Exporters
from flask_jafsec.audit.exporting import Exporter
from flask_jafsec.audit.extracts import Extracts
from flask_jafsec.audit.integrity import Integrity
from flask_jafsec.audit.journal import JournalFailed, prepare_folder
from flask_jafsec.audit.keeping import Keeper
from flask_jafsec.audit.kept_anchors import kept_anchors
from flask_jafsec.audit.note_keys import NoteSigner, NoteVerifier
from flask_jafsec.audit.opening import Opener
from flask_jafsec.audit.references import Referrer
from flask_jafsec.audit.reserve import Reserve
from flask_jafsec.audit.searching import LogSearch
from flask_jafsec.audit.sequencer import Sequencer
from flask_jafsec.audit.sinks.places import target_of
from flask_jafsec.audit.spool import Spool
from flask_jafsec.audit.standing import Standing, standing
from flask_jafsec.audit.trail import Trail
from flask_jafsec.audit.verifying import Verifier
from flask_jafsec.audit.writer import AuditWriter
from flask_jafsec.encryption.keyring import Keyring, Purpose
from flask_jafsec.encryption.vault import Vault
from flask_jafsec.web import forking

if TYPE_CHECKING:
    from flask_jafsec.config.settings import Settings
    from flask_jafsec.protocols import Clock, Recorder, Sink, Store
    from flask_jafsec.stores.sql.audit.store import SqlAuditStore

_log = logging.getLogger("flask_jafsec")


@dataclass(frozen=True, slots=True)
class AuditLog:
    """The log's parts for one app, for those who read and verify it."""

    store: SqlAuditStore
    origin: str
    signers: Sequence[NoteSigner]
    vault: Vault
    keyring: Keyring

    @property
    def verifiers(self) -> Sequence[NoteVerifier]:
        """The public keys of the log, newest first."""
        return [NoteVerifier.from_vkey(signer.verifier_key) for signer in self.signers]

    def verifier(self, more: Sequence[NoteVerifier] = ()) -> Verifier:
        """Return what verifies the log.

        Args:
            more: Public keys whose signatures count besides, such as those of retired root keys.
        """
        return Verifier(
            self.store,
            origin=self.origin,
            verifiers=[*self.verifiers, *more],
            mac_key=self.mac_key,
        )

    @property
    def opener(self) -> Opener:
        """What finds single events and opens what is sealed in them."""
        return Opener(self.store, self.store, self.vault, self.origin)

    @property
    def search(self) -> LogSearch:
        """What searches the log."""
        keys = [self.keyring.derive(Purpose.CURSOR, root) for root in self.keyring.root_ids]
        opener = self.opener
        return LogSearch(
            self.store,
            Cursors(keys),
            subject_refs=opener.subject_refs,
            address_refs=opener.address_refs,
        )

    def standing(self) -> Standing:
        """Return how far the log is proven. Raises StoreUnavailable."""
        return standing(self.store, self.search, self.opener)

    def mac_key(self, root_id: str) -> bytes | None:
        """Return the key that MACs were made with under a root key; None once it is retired."""
        try:
            return self.keyring.derive(Purpose.AUDIT_MAC, root_id)
        except KeyError:
            return None


def integrity_of(
    log: AuditLog, recorder: Recorder, clock: Clock, anchors: Sequence[str]
) -> Integrity:
    """Return what knows how *log* stands, and verifies it; *anchors* are the configured places."""
    made = Integrity(
        log.store,
        recorder,
        clock,
        read=log.standing,
        verifier=log.verifier,
        anchors=lambda: kept_anchors(anchors, log.verifiers),
    )
    forking.watch(made)
    return made


def extracts_of(log: AuditLog, recorder: Recorder, clock: Clock) -> Extracts:
    """Return what makes copies of *log*."""
    return Extracts(log.search, log.opener, recorder, clock, log.signers, log.origin)


def open_log(settings: Settings, keyring: Keyring, store: SqlAuditStore) -> AuditLog:
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
    anchors = Anchors([_anchor(text) for text in settings.audit.anchors], clock)
    verifiers = log.verifiers
    sequencer = Sequencer(
        log.store,
        origin=log.origin,
        signers=log.signers,
        mac_key=log.mac_key,
        clock=clock,
        anchored=lambda: anchors.newest(verifiers),
    )
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
    if settings.audit.exports:
        trail.add_companion(_exporters(settings, log, trail, clock))
    return trail


def _exporters(settings: Settings, log: AuditLog, trail: Trail, clock: Clock) -> Exporters:
    def report(told: ExportReport) -> None:
        trail.record(told.event(clock.now()))

    targets = (
        target_of(place, clock, own_host=settings.audit.host) for place in settings.audit.exports
    )
    return Exporters(
        Exporter(log.store.exports, target, clock, report=report) for target in targets
    )


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
    spool = Spool(folder, reserve=Reserve(folder) if folder else None)
    return AuditWriter(log.store, Chain(named, referrer), referrer, spool, clock)


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
