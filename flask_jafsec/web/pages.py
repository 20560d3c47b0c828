"""Gives pages a Content-Security-Policy with a nonce, by a Flask-Talisman of the app's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from flask import Flask, Response, has_request_context, request

if TYPE_CHECKING:
    from flask_talisman import Talisman

    from flask_jafsec.config.settings import HeaderSettings

Pairs = list[tuple[str, str]]

#: What a page may load: its own origin's files, inline code only with the nonce of this answer.
#: Source: OWASP Content Security Policy Cheat Sheet; MDN, strict policies.
PAGE_POLICY: Final = {
    "default-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "object-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
}

#: With ``no-referrer`` browsers send ``Origin: null`` with a page's own forms, which no check can
#: tell from a foreign page's. Source: Fetch standard, "append a request Origin header".
REFERRER_POLICY: Final = "same-origin"


def install(app: Flask, settings: HeaderSettings) -> Callable[[Pairs], None] | None:
    """Offer ``csp_nonce()`` to the templates of *app*; return what finishes a page's headers.

    Where headers are switched off nothing finishes them, and the nonce is empty.

    Flask-Talisman is never registered on the host: it would work on every answer, JSON included.
    Each app has an instance of its own, as one shared by two apps gives both the last settings.
    """
    if not settings.enabled:
        app.context_processor(lambda: _missing(app, lambda: ""))
        return None
    made: list[Talisman] = []

    def talisman() -> Talisman:
        if not made:
            made.append(_make(settings))
        return made[0]

    def csp_nonce() -> str:
        talisman()._make_nonce()  # noqa: SLF001 - what its own hook calls, which is not registered
        return str(request.csp_nonce)  # type: ignore[attr-defined]

    # A context processor gives way to a value of the host's; a global would replace it.
    app.context_processor(lambda: _missing(app, csp_nonce))

    def finish_page(headers: Pairs) -> None:
        if not _is_page(headers) or not has_request_context():
            return
        present = {name.lower() for name, _ in headers}
        page = Response()
        page.headers.clear()
        talisman()._set_response_headers(page)  # noqa: SLF001 - as above
        headers += [pair for pair in page.headers.to_wsgi_list() if pair[0].lower() not in present]

    return finish_page


def _make(settings: HeaderSettings) -> Talisman:
    from flask_talisman import Talisman

    return Talisman(
        Flask(__name__),  # thrown away: only the settings are wanted
        content_security_policy={**PAGE_POLICY, **settings.content_security_policy},
        content_security_policy_nonce_in=["script-src", "style-src"],
        permissions_policy=None,  # the profile of every answer has it
        frame_options="DENY",
        force_https=False,
        strict_transport_security=False,  # the profile of every answer says it, on https only
        referrer_policy=REFERRER_POLICY,
    )


def _missing(app: Flask, csp_nonce: Callable[[], str]) -> dict[str, Callable[[], str]]:
    return {} if "csp_nonce" in app.jinja_env.globals else {"csp_nonce": csp_nonce}


def _is_page(headers: Pairs) -> bool:
    return any(
        name.lower() == "content-type" and value.lower().startswith("text/html")
        for name, value in headers
    )
