"""Renders pages in an environment of the console's own: the host's cannot change or break them."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, make_response, url_for
from jinja2 import Environment, PackageLoader, StrictUndefined


class Pages:
    """The templates of one console."""

    def __init__(self, app_name: str) -> None:
        self._environment = Environment(
            loader=PackageLoader("flask_jafsec_console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(app_name=app_name, url_for=url_for)

    def show(self, template: str, values: Mapping[str, object], status: int = 200) -> Response:
        """Return the page; *values* are what its template reads."""
        page = self._environment.get_template(f"jafsec/{template}")
        return make_response(page.render(values), status)
