"""Applications of others that the console must get on with: each does to it what real ones do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, g
from flask_babel import Babel
from flask_login import LoginManager, UserMixin
from flask_security import RoleMixin, Security
from flask_security import UserMixin as SecurityUserMixin
from flask_security.datastore import Datastore, UserDatastore
from flask_talisman import Talisman
from flask_wtf import CSRFProtect
from jinja2 import Undefined

#: Does its work on the app, before JafSecurity comes (False) and afterwards (True).
Host = Callable[[Flask, bool], None]

#: What a host's hook says about every answer, ours included.
HOOKS_POLICY = "default-src 'self'"


def bare(app: Flask, is_after: bool) -> None:
    """Do nothing."""


def flask_wtf(app: Flask, is_after: bool) -> None:
    """Want a token of Flask-WTF's in every form, under another name than usual."""
    if is_after:
        app.config["WTF_CSRF_FIELD_NAME"] = "their_token"
        CSRFProtect(app)


def flask_talisman_first(app: Flask, is_after: bool) -> None:
    """Set a policy with nonces on everything, by a hook that runs after ours."""
    if not is_after:
        talisman(app)


def flask_talisman_last(app: Flask, is_after: bool) -> None:
    """Set a policy with nonces on everything, by a hook that runs before ours."""
    if is_after:
        talisman(app)


def talisman(app: Flask) -> None:
    Talisman(
        app,
        force_https=False,
        content_security_policy={"default-src": "'self'"},
        content_security_policy_nonce_in=["script-src", "style-src"],
    )


class _Person(UserMixin):  # type: ignore[misc]  # Flask-Login ships no types
    def __init__(self, user_id: str) -> None:
        self.id = user_id


def flask_login(app: Flask, is_after: bool) -> None:
    """Have users of its own, and a page of its own to sign in."""
    if is_after:
        manager = LoginManager(app)
        manager.user_loader(_Person)
        manager.login_view = "theirs"
        manager.session_protection = "strong"


class _SecurityUser(SecurityUserMixin):
    fs_uniquifier = "1"
    active = True


class _SecurityRole(RoleMixin):
    name = "r"


class _Nowhere(Datastore, UserDatastore):
    """Knows nobody."""

    def __init__(self) -> None:
        Datastore.__init__(self, None)  # type: ignore[no-untyped-call]
        UserDatastore.__init__(self, _SecurityUser, _SecurityRole)

    def find_user(self, case_insensitive: bool = False, **kwargs: Any) -> None:
        return None

    def find_role(self, role: str) -> None:
        return None


def flask_security(app: Flask, is_after: bool) -> None:
    """Have a blueprint and templates called security, users, and CSRF of its own."""
    if not is_after:
        app.config.update(
            SECURITY_PASSWORD_SALT="salt",
            SECURITY_PASSWORD_HASH="plaintext",
            SECURITY_PASSWORD_SCHEMES=["plaintext"],
            WTF_CSRF_CHECK_DEFAULT=False,
            SECURITY_CSRF_PROTECT_MECHANISMS=["session", "basic"],
        )
        CSRFProtect(app)
        Security(app, _Nowhere())


def odd_templates(app: Flask, is_after: bool) -> None:
    """Bend Jinja as far as it goes, with Flask-Babel's own gettext in it."""
    if not is_after:
        app.jinja_options = {
            "block_start_string": "<%",
            "block_end_string": "%>",
            "variable_start_string": "[[",
            "variable_end_string": "]]",
            "autoescape": False,
            "undefined": Undefined,
        }
        return
    Babel(app, default_locale="de", locale_selector=lambda: "de")
    for name in ("foreign", "visible", "number", "join", "length", "upper"):
        app.jinja_env.filters[name] = lambda *_: "BROKEN"
    for name in ("url_for", "icon", "tokens", "asset", "_", "gettext"):
        app.jinja_env.globals[name] = lambda *_, **__: "BROKEN"
    app.context_processor(lambda: {"user_name": "BROKEN", "theme": "BROKEN", "here": "BROKEN"})


def policy_hook_first(app: Flask, is_after: bool) -> None:
    """Replace the policy of every answer, by a hook that runs after ours."""
    if not is_after:
        app.after_request(_say_policy)


def policy_hook_last(app: Flask, is_after: bool) -> None:
    """Replace the policy of every answer, by a hook that runs before ours."""
    if is_after:
        app.after_request(_say_policy)


def _say_policy(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = HOOKS_POLICY
    return response


def url_defaults(app: Flask, is_after: bool) -> None:
    """Put the language into every address, and take it out again."""
    if not is_after:
        app.url_defaults(lambda _, values: values.setdefault("lang", "en"))

        @app.url_value_preprocessor
        def take(endpoint: str | None, values: dict[str, Any] | None) -> None:
            g.lang = (values or {}).pop("lang", "en")


HOSTS: tuple[Host, ...] = (
    bare,
    flask_wtf,
    flask_talisman_first,
    flask_talisman_last,
    flask_login,
    flask_security,
    odd_templates,
    policy_hook_first,
    policy_hook_last,
    url_defaults,
)

#: Hosts that have the last word about every header.
REPLACING: tuple[Host, ...] = (flask_talisman_first, policy_hook_first)
