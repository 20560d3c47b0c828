"""Who is looking: the signed-in person, and what binds their forms to them."""

from __future__ import annotations

import hmac

from flask import current_app, g, request

from flask_jafsec.identity.permissions import Actor
from flask_jafsec.records import Session, User
from flask_jafsec.web.accounts import cookie_of
from flask_jafsec.web.caller import current_identity
from flask_jafsec.web.extension import state_of
from flask_jafsec.web.state import State

from . import csrf


def state() -> State:
    """Return the services of the present app."""
    return state_of(current_app)


def actor() -> Actor:
    """Return the signed-in person as the one who asks for a change."""
    return Actor(current_identity.subject, current_identity.permissions)


def session_and_user() -> tuple[Session, User] | None:
    """Return who is signed in by our cookie, whether or not they may do anything yet."""
    if "jafsec_session" not in g:
        g.jafsec_session = state().sessions.find(cookie_of(request.headers.get("Cookie")))
    found: tuple[Session, User] | None = g.jafsec_session
    return found


def remember_session(session: Session, user: User) -> None:
    """Take note that the person has another session now: what follows is bound to it."""
    g.jafsec_session = (session, user)


def forget_session() -> None:
    """Look again: the session has just ended, or another one has begun."""
    g.pop("jafsec_session", None)


def assume_nobody() -> None:
    """Look nobody up for the rest of this request: what would tell has just failed."""
    g.jafsec_session = None


def form_token(purpose: str) -> str:
    """Return the token of one form for whoever looks."""
    return csrf.token(_csrf_key(), _bound_to(), purpose)


def form_holds(purpose: str) -> bool:
    """Return whether the form that was sent is the one we gave this person."""
    return csrf.holds(_csrf_key(), _bound_to(), purpose)


def form_key() -> bytes:
    """Return a key for marks on forms, another one for each session."""
    return hmac.digest(_csrf_key(), f"form {_bound_to()}".encode(), "sha256")


def _bound_to() -> str:
    found = session_and_user()
    return csrf.binding(found[0].id if found else "")


def _csrf_key() -> bytes:
    keyring = state().keyring
    return keyring.derive("csrf", keyring.active)
