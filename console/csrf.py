"""One token for each session and form: a foreign page cannot read it, so it cannot send it."""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256
from typing import Final

from flask import Response, request

from flask_jafsec.pipeline.inbound import is_cross_site
from flask_jafsec.web.caller import current_exchange

#: Binds the forms of people who are not signed in yet.
FORM_COOKIE: Final = "jafsec_form"

#: How long a form may lie open before it is sent, in seconds.
FORM_LIFETIME_S: Final = 3600

#: The longest value of ours that is looked at.
_MAX_CHARS: Final = 64


def binding(session_id: str) -> str:
    """Return what the form is bound to: the session, or a random cookie before there is one."""
    return (
        session_id or request.cookies.get(FORM_COOKIE, "")[:_MAX_CHARS] or secrets.token_urlsafe(24)
    )


def token(key: bytes, bound_to: str, purpose: str) -> str:
    """Return the token of one form."""
    return hmac.new(key, f"{len(bound_to)}:{bound_to}{purpose}".encode(), sha256).hexdigest()


def holds(key: bytes, bound_to: str, purpose: str) -> bool:
    """Return whether the form that was sent is ours and comes from our own page."""
    if is_cross_site(current_exchange()):
        return False
    sent = request.form.get("csrf_token", "").encode()
    return bool(bound_to) and hmac.compare_digest(sent, token(key, bound_to, purpose).encode())


def remember(response: Response, bound_to: str, *, is_https: bool) -> None:
    """Keep the binding of somebody who is not signed in."""
    response.set_cookie(
        FORM_COOKIE,
        bound_to,
        max_age=FORM_LIFETIME_S,
        secure=is_https,
        httponly=True,
        samesite="Strict",
    )
