"""The first page: is everything fine, and what waits."""

from __future__ import annotations

from flask import Blueprint, Response

from flask_jafsec.pipeline.policy import require_policy
from flask_jafsec.web.declarations import attach

from ..navigation import VIEW
from ..rendering import Pages


def add(blueprint: Blueprint, pages: Pages) -> None:
    """Add the page to *blueprint*."""

    @blueprint.get("/")
    @attach(require_policy([VIEW], credentials="session"))
    def overview() -> Response:
        return pages.show("overview.html", {})
