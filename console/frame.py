"""What stands around every page: who looks, where they are, where they may go."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from flask import Response, current_app, request

from flask_jafsec.web.caller import current_exchange, current_identity

from . import access, navigation
from .drawing import moment

#: Preferences are cookies that the server reads: no flash of the wrong theme, no script needed.
THEME_COOKIE: Final = "jafsec_theme"
ZONE_COOKIE: Final = "jafsec_zone"
THEMES: Final = ("auto", "light", "dark")
ZONES: Final = ("utc", "local")
PREFERENCE_AGE_S: Final = 365 * 24 * 3600


def values() -> Mapping[str, object]:
    """Return what the frame of the present page shows."""
    is_known = not current_identity.is_anonymous
    return {
        "user_name": _name(),
        "is_inside": is_known,
        "groups": list(navigation.groups()) if is_known else [],
        "active": _section(),
        "permissions": sorted(current_identity.permissions),
        "theme": preferred(THEME_COOKIE, THEMES),
        "zone": preferred(ZONE_COOKIE, ZONES),
        "environment": access.state().settings.environment,
        "is_debug": current_app.debug,
        "request_id": current_exchange().facts.request_id,
        "prefix": access.state().settings.console_prefix,
        "here": request.full_path.rstrip("?"),
        "alarm": _alarm(),
    }


def preferred(cookie: str, choices: tuple[str, ...]) -> str:
    """Return the choice that the cookie holds; the first one where it holds none."""
    chosen = request.cookies.get(cookie, "")
    return chosen if chosen in choices else choices[0]


def keep(response: Response, cookie: str, value: str) -> None:
    """Remember a preference in the browser."""
    response.set_cookie(
        cookie,
        value,
        max_age=PREFERENCE_AGE_S,
        path=f"{request.script_root}{access.state().settings.console_prefix}/",
        secure=request.is_secure,
        samesite="Lax",
    )


def _alarm() -> tuple[datetime, str] | None:
    """Return when the log was found damaged, and how, for those who may read it.

    The database is asked once in 30 seconds, not for every page.
    """
    integrity = access.state().integrity
    if integrity is None or not navigation.may(navigation.READ_AUDIT):
        return None
    known = integrity.last_known()
    if known is None or known.broken_at_us is None:
        return None
    return moment(known.broken_at_us), known.damage


def _name() -> str:
    found = access.session_and_user()
    if found is not None:
        return found[1].name
    return current_identity.subject


def _section() -> str:
    """Return the endpoint of the navigation's entry that the present page belongs to."""
    endpoint = request.endpoint or ""
    names = [entry.endpoint for entry in navigation.ENTRIES]
    return max((name for name in names if endpoint.startswith(name)), key=len, default="")
