"""The cookie of our sessions: set and taken back in one place."""

from __future__ import annotations

from flask import Response, request

from flask_jafsec.web.accounts import COOKIE, SECURE_COOKIE


def set_session_cookie(response: Response, value: str) -> None:
    """Give the browser its session; on https under a name that binds it to this host."""
    response.set_cookie(
        SECURE_COOKIE if request.is_secure else COOKIE,
        value,
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )
