"""Who is looking: the signed-in person and the token of the sign-out form."""

from __future__ import annotations

from flask import current_app, request

from flask_jafsec.records import Session, User
from flask_jafsec.web.accounts import cookie_of
from flask_jafsec.web.extension import state_of
from flask_jafsec.web.state import State

from . import csrf


def state() -> State:
    """Return the services of the present app."""
    return state_of(current_app)


def csrf_key() -> bytes:
    """Return the key of the form tokens, derived from the newest root key."""
    keyring = state().keyring
    return keyring.derive("csrf", keyring.active)


def session_and_user() -> tuple[Session, User] | None:
    """Return who is signed in by our cookie, whether or not they may do anything yet."""
    return state().sessions.find(cookie_of(request.headers.get("Cookie")))


def signed_in() -> dict[str, object]:
    """Return what the frame of every page shows: the name, and the way out."""
    found = session_and_user()
    if found is None:
        return {"user_name": "", "sign_out_token": ""}
    session, user = found
    return {
        "user_name": user.name,
        "sign_out_token": csrf.token(csrf_key(), session.id, "sign_out"),
    }
