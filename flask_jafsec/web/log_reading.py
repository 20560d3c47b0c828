"""What pages read the audit log with. Made once for each app: it remembers who looked at what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask_jafsec.audit.extracts import Extracts
from flask_jafsec.audit.integrity import Integrity
from flask_jafsec.audit.kept_anchors import kept_anchors
from flask_jafsec.audit.looking import Looks
from flask_jafsec.audit.searching import LogSearch
from flask_jafsec.web import forking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask_jafsec.protocols import Clock, Recorder
    from flask_jafsec.web.audit_log import AuditLog


@dataclass(frozen=True, slots=True)
class LogReading:
    """The services behind the pages of the log."""

    search: LogSearch
    looks: Looks
    integrity: Integrity
    extracts: Extracts


def read_with(
    log: AuditLog, recorder: Recorder, clock: Clock, anchors: Sequence[str]
) -> LogReading:
    """Return what pages read *log* with.

    Args:
        recorder: Takes the events of looking, copying and verifying.
        anchors: The configured places of anchors.
    """
    search, opener = log.search, log.opener
    looks = Looks(opener, recorder, clock)
    integrity = Integrity(
        log.store,
        search,
        opener,
        recorder,
        clock,
        verifier=log.verifier,
        anchors=lambda: kept_anchors(anchors, log.verifiers),
    )
    forking.watch(looks, integrity)
    extracts = Extracts(search, opener, recorder, clock, log.signers, log.origin)
    return LogReading(search, looks, integrity, extracts)
