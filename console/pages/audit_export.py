"""A copy of what the list shows, to be handed over."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, Response, request

from flask_jafsec.audit.extracts import MAX_ROWS, Form, Wanted
from flask_jafsec.pipeline.policy import require_policy
from flask_jafsec.web.declarations import attach
from flask_jafsec.web.log_reading import LogReading

from .. import access
from ..log_asking import Asked, asked, log_reading
from ..navigation import EXPORT_AUDIT, READ_AUDIT, READ_PERSONAL, may
from ..rendering import Pages

#: What the form's token is bound to.
PURPOSE = "audit_export"

_EXPORTERS = require_policy([READ_AUDIT, EXPORT_AUDIT], credentials="session")


def add(blueprint: Blueprint, pages: Pages) -> None:
    """Add the form and the copy itself to *blueprint*."""

    @blueprint.get("/audit/export")
    @attach(_EXPORTERS)
    def audit_export() -> Response:
        return pages.show("audit_export.html", _form(log_reading(), asked()))

    @blueprint.post("/audit/export")
    @attach(_EXPORTERS)
    def send_audit_export() -> Response:
        reading, question = log_reading(), asked()
        chosen = request.form.get("form", Form.CSV.value)
        problem = ""
        if not access.form_holds(PURPOSE):
            problem = "The form had expired. Please send it again."
        elif not question.is_right or chosen not in set(Form):
            problem = "Please choose what to export."
        if problem:
            return pages.show("audit_export.html", _form(reading, question, problem), 400)
        return _copy(reading, question, Form(chosen))


def _copy(reading: LogReading, question: Asked, form: Form) -> Response:
    extract = reading.extracts.begin(
        Wanted(
            query=question.whole,
            span=question.span,
            form=form,
            by=access.actor().name,
            with_names="names" in request.form and may(READ_PERSONAL),
        )
    )
    response = Response(extract.body, mimetype="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="{extract.file_name}"'
    return response


def _form(reading: LogReading, question: Asked, problem: str = "") -> Mapping[str, object]:
    span = question.span
    total = (
        reading.search.total(question.whole, span.from_us, span.to_us)
        if question.is_right
        else None
    )
    return {
        "asked": question,
        "max_rows": MAX_ROWS,
        "may_see_names": may(READ_PERSONAL),
        "problem": problem,
        "total": total,
    }
