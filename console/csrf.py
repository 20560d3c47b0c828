"""One token for each session and form: a foreign page cannot read it, so it cannot send it."""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256
from typing import Final

from flask import Response, current_app, g, request
from markupsafe import Markup

from flask_jafsec.pipeline.inbound import is_cross_site
from flask_jafsec.web.caller import current_exchange

#: The field of every form of ours. Not the host's ``csrf_token``, which may stand beside it.
FIELD: Final = "jafsec_token"

#: Binds the forms of people who have no session of ours.
FORM_COOKIE: Final = "jafsec_form"

#: How long a form may lie open before it is sent, in seconds.
FORM_LIFETIME_S: Final = 3600

#: The longest value of ours that is looked at.
_MAX_CHARS: Final = 64

_DIGEST_BYTES: Final = sha256().digest_size


def binding(session_id: str) -> str:
    """Return what the form is bound to: the session, or a random cookie before there is one."""
    if session_id:
        return session_id
    if "jafsec_form" not in g:
        sent = request.cookies.get(FORM_COOKIE, "")[:_MAX_CHARS]
        g.jafsec_form = sent or secrets.token_urlsafe(24)
    return str(g.jafsec_form)


def token(key: bytes, bound_to: str, purpose: str) -> str:
    """Return the token of one form, behind a mask that is another one each time.

    Pages are sent compressed: a value that stays the same could be guessed from their length.
    Source: BREACH (CVE-2013-3587), mitigation "masking secrets".
    """
    mask = secrets.token_bytes(_DIGEST_BYTES)
    return (mask + _mixed(mask, _digest(key, bound_to, purpose))).hex()


def holds(key: bytes, bound_to: str, purpose: str) -> bool:
    """Return whether the form that was sent is ours and comes from our own page."""
    if is_cross_site(current_exchange()) or not bound_to:
        return False
    try:
        sent = bytes.fromhex(request.form.get(FIELD, ""))
    except ValueError:
        return False
    if len(sent) != 2 * _DIGEST_BYTES:
        return False
    found = _mixed(sent[:_DIGEST_BYTES], sent[_DIGEST_BYTES:])
    return hmac.compare_digest(found, _digest(key, bound_to, purpose))


def host_field() -> Markup:
    """Return the field that the host's Flask-WTF wants in every form, if it looks at ours."""
    make = current_app.jinja_env.globals.get("csrf_token")
    if "csrf" not in current_app.extensions or not callable(make):
        return Markup()
    name = current_app.config.get("WTF_CSRF_FIELD_NAME", "csrf_token")
    return Markup('<input type="hidden" name="{}" value="{}">').format(name, make())


def remember(response: Response, *, is_https: bool) -> None:
    """Keep the binding of somebody who has no session of ours, if the page has a form."""
    bound_to = g.get("jafsec_form")
    if bound_to is None or request.cookies.get(FORM_COOKIE) == bound_to:
        return
    response.set_cookie(
        FORM_COOKIE,
        bound_to,
        max_age=FORM_LIFETIME_S,
        secure=is_https,
        httponly=True,
        samesite="Strict",
    )


def _digest(key: bytes, bound_to: str, purpose: str) -> bytes:
    return hmac.digest(key, f"{len(bound_to)}:{bound_to}{purpose}".encode(), sha256)


def _mixed(mask: bytes, text: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(mask, text, strict=True))
