"""Makes a blueprint and adds the pages."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Flask, Response, abort, request

from flask_jafsec.pipeline.policy import UNROUTED, require_policy
from flask_jafsec.web.declarations import SIGN_IN, attach, attach_to_blueprint

from . import errors, headers
from .assets import assets
from .headers import takes_gzip
from .navigation import VIEW
from .pages import (
    audit,
    audit_event,
    audit_export,
    audit_integrity,
    keys,
    keys_danger,
    keys_new,
    overview,
    preferences,
    routes,
    sign_in,
)
from .rendering import Pages

#: Files whose address carries their hash never change. Source: RFC 8246 (immutable).
IMMUTABLE: Final = "public, max-age=31536000, immutable"


def make_blueprint(app: Flask) -> Blueprint:
    """Return a console for one app; nothing is shared between apps."""
    blueprint = Blueprint("jafsec", __name__)
    # Whatever page is added and forgets to say who may see it is shown to nobody but people
    # who hold this.
    attach_to_blueprint(blueprint, require_policy([VIEW], credentials="session"))
    setattr(blueprint, SIGN_IN, "jafsec.sign_in")
    pages = Pages(app)
    for page in (
        *(sign_in, preferences, overview),
        *(audit, audit_event, audit_export, audit_integrity),
        *(keys, keys_new, keys_danger, routes),
    ):
        page.add(blueprint, pages)
    _add_files(blueprint)
    _add_unknown(blueprint, pages)
    errors.add(blueprint, pages)
    blueprint.after_request(headers.finish)
    return blueprint


def _add_files(blueprint: Blueprint) -> None:
    @blueprint.get("/static/<filename>")
    @attach(UNROUTED)  # a file of ours is nobody's business: no credential is looked at
    def static(filename: str) -> Response:
        asset = assets().get(filename)
        if asset is None:
            abort(404)
        packed = takes_gzip()
        response = Response(asset.packed if packed else asset.plain, mimetype=asset.content_type)
        response.headers["Content-Type"] = asset.content_type
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        is_named = request.args.get("v") == asset.version
        response.headers["Cache-Control"] = IMMUTABLE if is_named else "no-cache"
        if packed:
            response.headers["Content-Encoding"] = "gzip"
        return response


def _add_unknown(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.get("/<path:rest>")
    def unknown(rest: str) -> Response:  # noqa: ARG001 - Flask hands it over
        return pages.show("errors/not_found.html", {}, 404)
