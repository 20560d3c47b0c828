"""Sign in, choose a password of one's own, sign out."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request, url_for

from flask_jafsec.errors import Busy, Conflict, InvalidValue, NotFound, PasswordWrong
from flask_jafsec.pipeline.policy import public_policy
from flask_jafsec.records import User
from flask_jafsec.web.accounts import COOKIE, SECURE_COOKIE
from flask_jafsec.web.caller import current_exchange
from flask_jafsec.web.declarations import attach

from .. import access, csrf
from ..rendering import Pages

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
        response = _see_other("jafsec.sign_in")
        if found is None:
            return response
        if not csrf.holds(access.csrf_key(), found[0].id, "sign_out"):
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
        bound_to = request.cookies.get(csrf.FORM_COOKIE, "")
        if not csrf.holds(access.csrf_key(), bound_to, "sign_in"):
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
        return _password_form(pages, "") or _see_other("jafsec.sign_in")

    @blueprint.post("/password")
    @attach(public_policy(limit=SIGN_IN_LIMIT))
    def send_password() -> Response:
        found = access.session_and_user()
        if found is None:
            return _see_other("jafsec.sign_in")
        session, user = found
        if not csrf.holds(access.csrf_key(), session.id, "password"):
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
        return _see_other("jafsec.sign_in")
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
    response = _see_other("jafsec.password" if user.must_change else "jafsec.routes")
    response.set_cookie(
        SECURE_COOKIE if request.is_secure else COOKIE,
        opened.cookie,
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )
    response.delete_cookie(csrf.FORM_COOKIE)
    return response


def _forget(response: Response) -> None:
    response.delete_cookie(COOKIE)
    response.delete_cookie(SECURE_COOKIE, secure=True)
    response.headers["Clear-Site-Data"] = '"cache"'


def _form(pages: Pages, problem: str, status: int = 200) -> Response:
    bound_to = csrf.binding("")
    response = pages.show(
        "sign_in.html",
        {
            "problem": problem,
            "csrf_token": csrf.token(access.csrf_key(), bound_to, "sign_in"),
            "has_users": access.state().users.any(),
            "user_name": "",
        },
        status,
    )
    csrf.remember(response, bound_to, is_https=request.is_secure)
    return response


def _password_form(pages: Pages, problem: str, status: int = 200) -> Response | None:
    found = access.session_and_user()
    if found is None:
        return None
    return pages.show(
        "password.html",
        {
            "problem": problem,
            "csrf_token": csrf.token(access.csrf_key(), found[0].id, "password"),
            "must_change": found[1].must_change,
            **access.signed_in(),
        },
        status,
    )


def _password_page(pages: Pages, problem: str, status: int) -> Response:
    return _password_form(pages, problem, status) or _see_other("jafsec.sign_in")


def _see_other(endpoint: str) -> Response:
    response = redirect(url_for(endpoint), 303)
    assert isinstance(response, Response)  # noqa: S101 - narrows werkzeug's type for Flask
    return response
