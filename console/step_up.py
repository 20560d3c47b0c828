"""Step-up: what cannot be taken back wants a fresh proof of who acts, given in the form itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from flask import Response, after_this_request, request

from flask_jafsec.errors import Busy, Conflict, NotFound, PasswordWrong
from flask_jafsec.web.caller import current_exchange

from . import access
from .session_cookie import set_session_cookie

#: How old a proof may be, in seconds. Source: console specification, B2.
FRESH_S: Final = 15 * 60

#: The field that carries the proof; the form's other fields stand beside it.
FIELD: Final = "jafsec_proof"


def proof_needed() -> bool:
    """Return whether the person must prove again who they are.

    A session begins with a proof and is renewed by one. People whom the host signs in have none
    of our sessions: how fresh their sign-in is, the host decides.
    """
    found = access.session_and_user()
    if found is None:
        return False
    now = access.state().services.clock.now()
    return now - found[0].created_at >= timedelta(seconds=FRESH_S)


def prove() -> str | None:
    """Check the proof in the form that was sent; return what is wrong with it, else None.

    A good one renews the session: its id changes, as it does at sign-in.
    """
    found = access.session_and_user()
    if found is None or not proof_needed():
        return None
    session, user = found
    state = access.state()
    try:
        state.users.prove(
            user.id,
            request.form.get(FIELD, ""),
            source=current_exchange().facts.client,
        )
    except (PasswordWrong, NotFound):
        return "that is not your password"
    except Busy as busy:
        return f"too many attempts; please try again in {busy.retry_after_s} seconds"
    try:
        opened = state.sessions.renew(session)
    except Conflict as conflict:
        return str(conflict)
    access.remember_session(opened.session, user)

    @after_this_request
    def with_cookie(response: Response) -> Response:
        set_session_cookie(response, opened.cookie)
        return response

    return None
