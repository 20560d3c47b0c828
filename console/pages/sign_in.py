"""Sign in, choose a password of one's own, sign out."""

from __future__ import annotations

from flask import Blueprint, Response, request

from flask_jafsec.errors import Busy, Conflict, InvalidValue, NotFound, PasswordWrong
from flask_jafsec.pipeline.policy import public_policy
from flask_jafsec.records import User
from flask_jafsec.web.accounts import COOKIE, SECURE_COOKIE
from flask_jafsec.web.caller import current_exchange
from flask_jafsec.web.declarations import attach

from .. import access, csrf
from ..going import to
from ..rendering import Pages
from ..session_cookie import set_session_cookie

#: Guessing is slow: by address, beside what the built-in users' own throttle does.
SIGN_IN_LIMIT = "10/minute by address"


def add(blueprint: Blueprint, pages: Pages) -> None:
    """Add the pages to *blueprint*."""
    _add_sign_in(blueprint, pages)
    _add_password(blueprint, pages)

    @blueprint.post("/sign-out")
    @attach(public_policy(limit=SIGN_IN_LIMIT))
    def sign_out() -> Response:
        found = access.session_and_user()
        response = to("jafsec.sign_in")
        if found is None:
            return response
        if not access.form_holds("sign_out"):
            # Silence would look like success, to somebody who is about to leave the machine.
            told = "You are still signed in: the page had expired. Press Sign out once more."
            return _password_page(pages, told, 400)
        access.state().sessions.end(*found)
        _forget(response)
        return response


def _add_sign_in(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.get("/sign-in")
    @attach(public_policy())
    def sign_in() -> Response:
        return _form(pages, "")

    @blueprint.post("/sign-in")
    @attach(public_policy(limit=SIGN_IN_LIMIT))
    def send_sign_in() -> Response:
        if not access.form_holds("sign_in"):
            return _form(pages, "The form had expired. Please try again.", 400)
        try:
            user = access.state().users.authenticate(
                request.form.get("name", ""),
                request.form.get("password", ""),
                source=current_exchange().facts.client,
            )
        except PasswordWrong:
            return _form(pages, "Name and password do not belong together.", 401)
        except Busy as busy:
            response = _form(pages, "Many people are signing in. Please try again.", 503)
            response.headers["Retry-After"] = str(busy.retry_after_s)
            return response
        return _let_in(user)


def _add_password(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.get("/password")
    @attach(public_policy())
    def password() -> Response:
        return _password_form(pages, "") or to("jafsec.sign_in")

    @blueprint.post("/password")
    @attach(public_policy(limit=SIGN_IN_LIMIT))
    def send_password() -> Response:
        found = access.session_and_user()
        if found is None:
            return to("jafsec.sign_in")
        _, user = found
        if not access.form_holds("password"):
            return _password_page(pages, "The form had expired. Please try again.", 400)
        chosen = request.form.get("new", "")
        if chosen != request.form.get("again", ""):
            return _password_page(pages, "The two new passwords differ.", 400)
        return _change_password(pages, user, chosen)


def _change_password(pages: Pages, user: User, chosen: str) -> Response:
    try:
        changed = access.state().users.change_password(
            user.id,
            request.form.get("old", ""),
            chosen,
            source=current_exchange().facts.client,
        )
    except PasswordWrong:
        return _password_page(pages, "The present password is not right.", 400)
    except InvalidValue as error:
        return _password_page(pages, f"{error.problem}.", 400)
    except Conflict:
        return _password_page(pages, "The password was changed meanwhile. Please try again.", 409)
    except NotFound:
        return to("jafsec.sign_in")
    except Busy as busy:
        told = f"Too many attempts. Please try again in {busy.retry_after_s} seconds."
        response = _password_page(pages, told, 429)
        response.headers["Retry-After"] = str(busy.retry_after_s)
        return response
    # Every other browser that was signed in is out, and this one gets a session of its own.
    access.state().sessions.end_all(user.id)
    return _let_in(changed)


def _let_in(user: User) -> Response:
    opened = access.state().sessions.open(user)
    response = to("jafsec.password" if user.must_change else "jafsec.overview")
    set_session_cookie(response, opened.cookie)
    response.delete_cookie(csrf.FORM_COOKIE)
    return response


def _forget(response: Response) -> None:
    response.delete_cookie(COOKIE)
    response.delete_cookie(SECURE_COOKIE, secure=True)
    response.headers["Clear-Site-Data"] = '"cache"'


def _form(pages: Pages, problem: str, status: int = 200) -> Response:
    has_users = access.state().users.any()
    return pages.show("sign_in.html", {"problem": problem, "has_users": has_users}, status)


def _password_form(pages: Pages, problem: str, status: int = 200) -> Response | None:
    access.forget_session()  # it may have ended while the password was looked at
    found = access.session_and_user()
    if found is None:
        return None
    return pages.show(
        "password.html",
        {"problem": problem, "must_change": found[1].must_change},
        status,
    )


def _password_page(pages: Pages, problem: str, status: int) -> Response:
    return _password_form(pages, problem, status) or to("jafsec.sign_in")
