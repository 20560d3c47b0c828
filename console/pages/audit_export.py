"""A copy of what the list shows, to be handed over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response, request

from flask_jafsec.audit.extracts import MAX_ROWS, Form, Wanted
from flask_jafsec.pipeline.policy import require_policy
from flask_jafsec.web.declarations import attach

from .. import access
from ..audit_asking import Asked, asked
from ..drawing import moment
from ..navigation import EXPORT_AUDIT, READ_AUDIT, READ_PERSONAL, may
from ..rendering import Pages

if TYPE_CHECKING:
    from flask_jafsec.audit.extracts import Extracts
    from flask_jafsec.web.audit_log import AuditLog

#: What the form's token is bound to.
PURPOSE: Final = "audit_export"

_EXPORTERS: Final = require_policy([READ_AUDIT, EXPORT_AUDIT], credentials="session")


def add(blueprint: Blueprint, pages: Pages) -> None:
    """Add the form and the copy itself to *blueprint*."""

    @blueprint.get("/audit/export")
    @attach(_EXPORTERS)
    def audit_export() -> Response:
        log, ask = access.state().audit_log, _asked()
        if log is None:
            return pages.show("audit/none.html", {"ask": ask})
        return pages.show("audit/export.html", _form(log, ask))

    @blueprint.post("/audit/export")
    @attach(_EXPORTERS)
    def send_audit_export() -> Response:
        log, extracts, ask = access.state().audit_log, access.state().extracts, _asked()
        if log is None or extracts is None:
            return pages.show("audit/none.html", {"ask": ask})
        chosen = request.form.get("form", "")
        problem = ""
        if not access.form_holds(PURPOSE):
            problem = "The form had expired. Please look it over and send it again."
        elif ask.problem or ask.time_problem:
            problem = "What to export is not clear; nothing was exported."
        elif chosen not in {form.value for form in Form}:
            problem = "Please choose a form."
        if problem:
            return pages.show("audit/export.html", _form(log, ask, problem), 400)
        return _copy(extracts, ask, Form(chosen))


def _asked() -> Asked:
    return asked(request.args, access.state().services.clock.now())


def _copy(extracts: Extracts, ask: Asked, form: Form) -> Response:
    extract = extracts.begin(
        Wanted(
            query=ask.query,
            from_us=ask.from_us,
            to_us=ask.to_us,
            form=form,
            by=access.actor().name,
            with_names="names" in request.form and may(READ_PERSONAL),
        )
    )
    response = Response(extract.body, mimetype="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="{extract.file_name}"'
    return response


def _form(log: AuditLog, ask: Asked, problem: str = "") -> Mapping[str, object]:
    is_clear = not ask.problem and not ask.time_problem
    return {
        "ask": ask,
        "from": moment(ask.from_us),
        "to": moment(ask.to_us),
        "max_rows": MAX_ROWS,
        "may_see_names": may(READ_PERSONAL),
        "problem": problem,
        "total": log.search.total(ask.query, ask.from_us, ask.to_us) if is_clear else None,
    }
