"""What the console's answers leave with: its own policy, whatever the host says about its pages."""

from __future__ import annotations

import gzip
import logging
import secrets
from typing import Final

from flask import Flask, Response, current_app, g, request, request_finished

from . import access

_log = logging.getLogger("flask_jafsec")

#: Below this a packed page is hardly smaller, in bytes.
MIN_PACKED_BYTES: Final = 1_024

#: Speed against size, 1 to 9: a page of 60 KB takes about a millisecond.
GZIP_LEVEL: Final = 5

#: Where an app keeps the policies that a page left with in the place of ours. Absent: none did.
REPLACED: Final = "jafsec.policy_replaced"

#: Bytes of randomness in a nonce. Source: CSP Level 3, section 7.1, at least 128 bits.
_NONCE_BYTES: Final = 16

#: Everything the browser could offer to a page and this one does not want.
#: Source: Permissions Policy, the features that browsers implement.
_PERMISSIONS: Final = (
    "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), "
    "fullscreen=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), "
    "payment=(), usb=(), clipboard-write=(self)"
)

_FIXED: Final = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": _PERMISSIONS,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


def nonce() -> str:
    """Return what marks the page's one script and one stylesheet as ours.

    A host with a policy of its own that knows nonces hands them out through the ``csp_nonce`` of
    its templates (as Flask-Talisman does); then theirs is used, and both policies let us through.
    """
    made = g.get("jafsec_nonce")
    if made is None:
        hosts = current_app.jinja_env.globals.get("csp_nonce")
        made = (str(hosts()) if callable(hosts) else "") or secrets.token_urlsafe(_NONCE_BYTES)
        g.jafsec_nonce = made
    return str(made)


def policy() -> str:
    """Return the Content-Security-Policy of the present page.

    Source: OWASP Content Security Policy Cheat Sheet, strict policy; W3C Trusted Types.
    """
    return (
        f"default-src 'none'; script-src 'nonce-{nonce()}'; style-src 'nonce-{nonce()}'; "
        "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types jafsec"
    )


def finish(response: Response) -> Response:
    """Give *response*, if it is a page or data of the console, its headers, and pack it."""
    if request.endpoint == "jafsec.static":
        return response
    response.headers.update(_FIXED)
    if response.mimetype == "text/html":
        response.headers["Content-Security-Policy"] = policy()
        response.headers.add("Vary", "X-Jafsec-Fragment, Cookie")
        _pack(response)
    return response


def watch(app: Flask) -> None:
    """Set the policy last of all; tell the log, once, if something replaces it all the same.

    Flask calls an app's hooks in reverse order: the first to register has the last word. Hooks
    that were registered before us come later still.
    """
    app.after_request(_set_last)
    request_finished.connect(_compare, app, weak=False)


def _set_last(response: Response) -> Response:
    if _is_page(response):
        response.headers["Content-Security-Policy"] = policy()
    return response


def _compare(sender: Flask, response: Response, **_: object) -> None:
    """Compare the policy that really leaves with the intended one."""
    if not _is_page(response):
        return
    found = response.headers.getlist("Content-Security-Policy")
    if found == [policy()] or REPLACED in sender.extensions:
        return
    sender.extensions[REPLACED] = found
    _log.warning(
        "A hook of the application replaces the Content-Security-Policy of the console. Register "
        "it after JafSecurity(app), or let it leave out paths below %s. A page left with: %s",
        access.state().settings.console_prefix,
        " and ".join(found) or "none",
    )


def _is_page(response: Response) -> bool:
    endpoint = request.endpoint or ""
    return endpoint.startswith("jafsec.") and response.mimetype == "text/html"


def keep_unpacked() -> None:
    """Leave the present page as it is: it shows a secret, whose length tells nothing this way."""
    g.jafsec_unpacked = True


def takes_gzip() -> bool:
    """Return whether the browser takes gzip (RFC 9110 section 12.5.3)."""
    return request.accept_encodings.quality("gzip") > 0


def _pack(response: Response) -> None:
    response.headers.add("Vary", "Accept-Encoding")
    if g.get("jafsec_unpacked") or response.is_streamed or not takes_gzip():
        return
    body = response.get_data()
    if len(body) >= MIN_PACKED_BYTES:
        response.set_data(gzip.compress(body, GZIP_LEVEL, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
