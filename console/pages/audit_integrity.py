"""How the log stands, and a part of it verified now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

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

from .. import access
from ..drawing import moment
from ..navigation import READ_AUDIT, VERIFY_AUDIT, may
from ..rendering import Pages

if TYPE_CHECKING:
    from flask_jafsec.audit.integrity import Integrity
    from flask_jafsec.web.audit_log import AuditLog

#: What the form's token is bound to.
PURPOSE: Final = "audit_verify"

#: How many of the newest events may be chosen.
CHOICES: Final = (1_000, 10_000, MAX_LEAVES)


#: Digits of a number that may be chosen.
_MAX_DIGITS: Final = 8


def add(blueprint: Blueprint, pages: Pages) -> None:
    """Add the page and its form to *blueprint*."""

    @blueprint.get("/audit/integrity")
    @attach(require_policy([READ_AUDIT], credentials="session"))
    def audit_integrity() -> Response:
        log, integrity = access.state().audit_log, access.state().integrity
        if log is None or integrity is None:
            return pages.show("audit/none.html", {})
        return pages.show("audit/integrity.html", _values(log, integrity))

    @blueprint.post("/audit/integrity")
    @attach(require_policy([READ_AUDIT, VERIFY_AUDIT], credentials="session"))
    def send_audit_integrity() -> Response:
        log, integrity = access.state().audit_log, access.state().integrity
        if log is None or integrity is None:
            return pages.show("audit/none.html", {})
        if not access.form_holds(PURPOSE):
            problem = "The form had expired. Please send it again."
            return pages.show("audit/integrity.html", _values(log, integrity, None, problem), 400)
        found, problem, status = _verified(integrity)
        return pages.show("audit/integrity.html", _values(log, integrity, found, problem), status)


def _verified(integrity: Integrity) -> tuple[Verification | None, str, int]:
    chosen = request.form.get("newest", "")
    is_number = chosen.isascii() and chosen.isdecimal() and len(chosen) <= _MAX_DIGITS
    try:
        found = integrity.verify(int(chosen) if is_number else 0, by=access.actor().name)
    except InvalidValue:
        return None, "Please choose how many events to verify.", 400
    except Busy:
        return None, "A verification runs already. Please try again in a moment.", 409
    except (AnchorFailed, NoteInvalid) as error:
        return None, f"What the anchors keep cannot be compared: {error}", 409
    return found, "", 200


def _values(
    log: AuditLog, integrity: Integrity, found: Verification | None = None, problem: str = ""
) -> Mapping[str, object]:
    standing = integrity.standing()
    # Exactly as many leaves as there are now: the number that stands in the form.
    size = integrity.size()
    return {
        "anchors": newest_kept(access.state().settings.audit.anchors, log.verifiers),
        "broken_at": moment(standing.broken_at_us) if standing.broken_at_us else None,
        "checkpoints": integrity.checkpoints(),
        "choices": [(number, number >= size) for number in CHOICES],
        "found": found,
        "max_leaves": MAX_LEAVES,
        "may_verify": may(VERIFY_AUDIT),
        "moment": moment,
        "problem": problem,
        "result": RESULTS[found.exit_code] if found else "",
        "size": size,
        "standing": standing,
        "verified_at": moment(standing.verified.at_us) if standing.verified else None,
        "vkeys": [signer.verifier_key for signer in log.signers],
    }
