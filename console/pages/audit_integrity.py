"""How the log stands, and a part of it verified now."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, Response, request

from flask_jafsec.audit.anchors import AnchorFailed
from flask_jafsec.audit.findings import Verification
from flask_jafsec.audit.integrity import MAX_LEAVES
from flask_jafsec.audit.kept_anchors import newest_kept
from flask_jafsec.audit.notes import NoteInvalid
from flask_jafsec.audit.standing import RESULTS
from flask_jafsec.errors import Busy, InvalidValue
from flask_jafsec.pipeline.policy import require_policy
from flask_jafsec.web.declarations import attach
from flask_jafsec.web.log_reading import LogReading

from .. import access
from ..drawing import moment
from ..log_asking import log_reading
from ..navigation import READ_AUDIT, VERIFY_AUDIT, may
from ..rendering import Pages

#: What the form's token is bound to.
PURPOSE = "audit_verify"

#: How many of the newest events may be chosen.
CHOICES = (1_000, 10_000, MAX_LEAVES)


def add(blueprint: Blueprint, pages: Pages) -> None:
    """Add the page and its form to *blueprint*."""

    @blueprint.get("/audit/integrity")
    @attach(require_policy([READ_AUDIT], credentials="session"))
    def audit_integrity() -> Response:
        return pages.show("audit_integrity.html", _values(log_reading()))

    @blueprint.post("/audit/integrity")
    @attach(require_policy([READ_AUDIT, VERIFY_AUDIT], credentials="session"))
    def send_audit_integrity() -> Response:
        reading = log_reading()
        if not access.form_holds(PURPOSE):
            problem = "The form had expired. Please send it again."
            return pages.show("audit_integrity.html", _values(reading, problem=problem), 400)
        found, problem, status = _verified(reading)
        values = _values(reading, found, problem)
        return pages.show("audit_integrity.html", values, status)


def _verified(reading: LogReading) -> tuple[Verification | None, str, int]:
    chosen = request.form.get("newest", "")
    newest = int(chosen) if chosen.isascii() and chosen.isdigit() and len(chosen) < 9 else 0
    try:
        return reading.integrity.verify(newest, by=access.actor().name), "", 200
    except InvalidValue:
        return None, "Please choose how many events to verify.", 400
    except Busy:
        return None, "A verification runs already. Please try again in a moment.", 409
    except (AnchorFailed, NoteInvalid) as error:
        return None, f"What the anchors keep cannot be compared: {error}", 409


def _values(
    reading: LogReading, found: Verification | None = None, problem: str = ""
) -> Mapping[str, object]:
    log = access.state().audit_log
    places = access.state().settings.audit.anchors
    size = reading.integrity.size()
    return {
        "anchors": newest_kept(places, log.verifiers) if log else (),
        "checkpoints": reading.integrity.checkpoints(),
        "choices": [(number, number >= size) for number in CHOICES],
        "found": found,
        "may_verify": may(VERIFY_AUDIT),
        "moment": moment,
        "problem": problem,
        "result": RESULTS[found.exit_code] if found else "",
        "size": size,
        "max_leaves": MAX_LEAVES,
        "standing": reading.integrity.standing(),
        "vkeys": [signer.verifier_key for signer in log.signers] if log else (),
    }
