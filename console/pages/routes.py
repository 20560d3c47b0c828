"""The table of routes: who may call what."""

from __future__ import annotations

from flask import Blueprint, Response, current_app

from flask_jafsec.pipeline.policy import require_policy
from flask_jafsec.web.declarations import attach
from flask_jafsec.web.route_table import rows

from ..navigation import READ_ROUTES
from ..rendering import Pages


def add(blueprint: Blueprint, pages: Pages) -> None:
    """Add the page to *blueprint*."""

    @blueprint.get("/routes")
    @attach(require_policy([READ_ROUTES], credentials="session"))
    def routes() -> Response:
        table = rows(current_app)
        return pages.show(
            "routes.html",
            {
                "rows": table,
                "undeclared": sum(1 for row in table if row.access == "undeclared"),
            },
        )
