"""Renders pages in an environment of the console's own: the host's cannot change or break them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from gettext import NullTranslations
from typing import Final

from flask import Flask, Response, g, make_response, request, url_for
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from . import access, csrf, drawing, frame, headers, navigation, step_up, texts
from .assets import assets

#: Asks for a part of a page instead of the whole. Set by the console's own script only.
FRAGMENT_HEADER: Final = "X-Jafsec-Fragment"


class Pages:
    """The templates of one console."""

    def __init__(self, app: Flask) -> None:
        own = PackageLoader("flask_jafsec_console")
        # A host may put another page or block in the place of ours, under the same name.
        hosts = app.jinja_loader
        self._environment = Environment(
            loader=ChoiceLoader([hosts, own]) if hosts is not None else own,
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        # English is the source; other languages come as catalogues of this domain.
        self._environment.install_gettext_translations(NullTranslations(), newstyle=True)  # type: ignore[attr-defined]
        self._environment.filters.update(
            foreign=texts.foreign,
            number=texts.number,
            points=drawing.points,
            visible=texts.visible,
        )
        self._environment.globals.update(
            app_name=app.config.get("JAFSEC_CONSOLE_NAME") or app.name,
            asset=_asset,
            clock_time=texts.clock_time,
            day_name=texts.day_name,
            distance=texts.distance,
            icon=_icon,
            may=navigation.may,
            nonce=headers.nonce,
            now=_now,
            proof_needed=step_up.proof_needed,
            tokens=_tokens,
            url_for=url_for,
        )

    def show(self, template: str, values: Mapping[str, object], status: int = 200) -> Response:
        """Return the page; *values* are what its template reads besides the frame."""
        page = self._environment.get_template(f"jafsec/{template}")
        response = make_response(page.render({**frame.values(), **values}), status)
        csrf.remember(response, is_https=request.is_secure)
        return response

    def fragment(self, template: str, values: Mapping[str, object], status: int = 200) -> Response:
        """Return a part of a page for the script, which takes nothing that is not marked so."""
        part = self._environment.get_template(f"jafsec/{template}")
        response = make_response(part.render({**frame.values(), **values}), status)
        response.headers[FRAGMENT_HEADER] = "1"
        csrf.remember(response, is_https=request.is_secure)
        return response


def wants_fragment() -> bool:
    """Return whether the script asks for a part of the page."""
    return FRAGMENT_HEADER in request.headers


def _asset(name: str) -> str:
    # Lists have an icon in every row, and looking up an address takes longer than all the rest.
    known: dict[str, str] = g.setdefault("jafsec_assets", {})
    if name not in known:
        known[name] = url_for("jafsec.static", filename=name, v=assets()[name].version)
    return known[name]


def _icon(name: str, label: str = "") -> Markup:
    """Return an icon; with a label it says what it means, else a text beside it does."""
    known: dict[tuple[str, str], Markup] = g.setdefault("jafsec_icons", {})
    if (name, label) not in known:
        known[name, label] = _drawn_icon(name, label)
    return known[name, label]


def _drawn_icon(name: str, label: str) -> Markup:
    said = Markup('role="img" aria-label="{}"').format(label)
    return Markup('<svg class="icon" {}><use href="{}#{}"></use></svg>').format(
        said if label else Markup('aria-hidden="true"'), _asset("icons.svg"), name
    )


def _now() -> datetime:
    return access.state().services.clock.now()


def _tokens(purpose: str) -> Markup:
    """Return the hidden fields of one form: our token, and the host's where it looks for one."""
    ours = Markup('<input type="hidden" name="{}" value="{}">').format(
        csrf.FIELD, access.form_token(purpose)
    )
    return ours + csrf.host_field()
