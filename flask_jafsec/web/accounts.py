"""The bridge to Flask-Login: the host's signed-in user, or one of the built-in users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flask import Flask, has_request_context, request
from werkzeug.http import parse_cookie

from flask_jafsec.errors import SessionEnded
from flask_jafsec.pipeline.exchange import Exchange
from flask_jafsec.records import Credential, Identity, Kind, User
from flask_jafsec.web.declarations import sign_in_of

if TYPE_CHECKING:
    from flask_login import LoginManager

    from flask_jafsec.identity.access import Access
    from flask_jafsec.identity.freshness import Freshness
    from flask_jafsec.identity.sessions import Sessions

#: The session cookie of the built-in users; the longer name is used on https and binds it to the
#: host. Source: RFC 6265bis section 4.1.3.2.
COOKIE: Final = "jafsec_session"
SECURE_COOKIE: Final = "__Host-jafsec_session"


class SignedIn:
    """A built-in user as Flask-Login sees one."""

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def __init__(self, user: User) -> None:
        self.user = user

    def get_id(self) -> str:
        """Return the user's id."""
        return self.user.id


class Accounts:
    """Finds out which person a browser's cookies stand for.

    Where the host has a ``LoginManager``, its users are the people and nothing of it is touched;
    our users count only where they sign in, in the console, and there before the host's. Where it
    has none, ``flask_login.current_user`` is given our users.
    """

    def __init__(
        self, app: Flask, sessions: Sessions, access: Access, freshness: Freshness
    ) -> None:
        self._app = app
        self._sessions = sessions
        self._access = access
        self._freshness = freshness
        self._ours: LoginManager | None = None

    def offer_login_manager(self) -> None:
        """Give Flask-Login our users where the host has said nothing about its own.

        The manager is not ``init_app``-ed: its hook would read the host's session cookie on every
        answer. A host that makes its own later replaces ours, as it would replace none.
        """
        if hasattr(self._app, "login_manager"):
            return
        from flask_login import LoginManager

        manager = LoginManager()
        manager.request_loader(self._load)
        self._app.login_manager = self._ours = manager  # type: ignore[attr-defined]

    def _load(self, flask_request: Any) -> SignedIn | None:
        found = self._sessions.find(cookie_of(flask_request.headers.get("Cookie")))
        # The bearer of a handed-out password is nobody to the host's @login_required either.
        return SignedIn(found[1]) if found and not found[1].must_change else None

    def find_session(self, exchange: Exchange) -> Identity | None:
        """Return the signed-in person of *exchange*, or None.

        Raises:
            SessionEnded: The browser sent a cookie of ours that opens nothing any more.
            StoreUnavailable: Who it is, or what they may do, cannot be found out now.
        """
        cookies = exchange.facts.cookie or ""
        manager = getattr(self._app, "login_manager", None)
        if manager is not None and manager is not self._ours:
            ours = self._of_ours_if_live(cookies) if self._is_where_ours_sign_in() else None
            return ours or self._of_host(cookies)
        return self._of_ours(cookies)

    def _is_where_ours_sign_in(self) -> bool:
        return has_request_context() and bool(sign_in_of(self._app, request.blueprints))

    def _of_ours_if_live(self, cookies: str) -> Identity | None:
        try:
            return self._of_ours(cookies)
        except SessionEnded:
            return None  # the host may know the person all the same

    def _of_ours(self, cookies: str) -> Identity | None:
        if COOKIE not in cookies:
            return None
        found = self._sessions.find(cookie_of(cookies))
        if found is None:
            raise SessionEnded("session_ended")
        session, user = found
        if user.must_change:
            return None  # a handed-out password opens the page to choose one, and nothing else
        return self._identity(user.id, self._permissions(user.id), user.tenant, session.id)

    def _of_host(self, cookies: str) -> Identity | None:
        config = self._app.config
        names = (
            config["SESSION_COOKIE_NAME"],
            config.get("REMEMBER_COOKIE_NAME", "remember_token"),
        )
        if not any(name in cookies for name in names) or not has_request_context():
            return None
        from flask_login import current_user

        user = current_user
        if not user or not user.is_authenticated or not user.is_active:
            return None
        subject = str(user.get_id())
        return self._identity(subject, self._permissions(subject), "", "")

    def _permissions(self, subject: str) -> frozenset[str]:
        return self._access.permissions_of(subject, self._freshness.check())

    @staticmethod
    def _identity(
        subject: str, permissions: frozenset[str], tenant: str, session_id: str
    ) -> Identity:
        return Identity(
            subject=subject,
            kind=Kind.PERSON,
            permissions=permissions,
            credential=Credential.SESSION,
            tenant=tenant,
            token_id=session_id,
        )


def cookie_of(header: str | None) -> str:
    """Return our session cookie's value from a Cookie header; empty where there is none.

    The ``__Host-`` one wins: a page on a sister domain can plant the other.
    """
    cookies = parse_cookie(header or "")
    return cookies.get(SECURE_COOKIE) or cookies.get(COOKIE) or ""
