"""The console: what JafSecurity shows to people, as a blueprint made for each app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import headers
from .blueprint import make_blueprint

if TYPE_CHECKING:
    from flask import Flask


def mount(app: Flask, prefix: str) -> None:
    """Register a new console on *app* below the path *prefix*."""
    app.register_blueprint(make_blueprint(app), url_prefix=prefix)
    headers.watch(app)
