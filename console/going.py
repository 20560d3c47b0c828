"""Where a browser is sent next: only ever to another page of the console itself."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from flask import Response, redirect, request, url_for

from . import access

#: Longer ones are no address of ours: the longest query is 2,000 characters, each up to 9 escaped.
MAX_CHARS: Final = 20_000


def see_other(address: str) -> Response:
    """Return the answer to a form: look there now (RFC 9110 section 15.4.4)."""
    response = redirect(address, 303)
    assert isinstance(response, Response)  # noqa: S101 - narrows werkzeug's type for Flask
    return response


def to(endpoint: str, **values: Any) -> Response:
    """Return the answer that leads to a page of ours."""
    return see_other(url_for(endpoint, **values))


def back(address: str) -> str:
    """Return *address* if it is a page of this console, else the console's first page.

    A backslash or a control character is read by browsers in ways that a parser does not see.
    Source: OWASP Unvalidated Redirects and Forwards Cheat Sheet.
    """
    home = f"{request.script_root}{access.state().settings.console_prefix}/"
    is_plain = (
        len(address) <= MAX_CHARS
        and address.startswith("/")
        and not address.startswith("//")
        and "\\" not in address
        and address.isprintable()
        and address.isascii()
    )
    if not is_plain:
        return home
    # The page says where it is without the part that a proxy or mount put in front.
    inner = address if address.startswith(home) else f"{request.script_root}{address}"
    path = urlsplit(inner).path
    return inner if path.startswith(home) and "/.." not in path else home
