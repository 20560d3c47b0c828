"""What a person likes: theme and time zone. Kept in the browser, read by the server."""

from __future__ import annotations

from flask import Blueprint, Response, request

from flask_jafsec.pipeline.policy import public_policy
from flask_jafsec.web.declarations import attach

from .. import access, frame
from ..going import back, see_other
from ..rendering import Pages


def add(blueprint: Blueprint, pages: Pages) -> None:  # noqa: ARG001 - every page takes both
    """Add the form's address to *blueprint*."""

    @blueprint.post("/preferences")
    @attach(public_policy())
    def preferences() -> Response:
        response = see_other(back(request.form.get("next", "")))
        if not access.form_holds("preferences"):
            return response  # nothing dangerous, nothing lost: the button is still there
        for cookie, choices in (
            (frame.THEME_COOKIE, frame.THEMES),
            (frame.ZONE_COOKIE, frame.ZONES),
        ):
            chosen = request.form.get(cookie.removeprefix("jafsec_"), "")
            if chosen in choices:
                frame.keep(response, cookie, chosen)
        return response
