"""What stands behind the question mark: read, checked, and written in one way only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flask import Response, request, url_for

from .going import see_other


def parameter(name: str, default: str = "") -> str:
    """Return a parameter of the page's address, the default where it is missing or empty."""
    return request.args.get(name, "") or default


def tidied(
    known: Iterable[str], clean: Callable[[str, str], str] = lambda _name, value: value
) -> Response | None:
    """Return where the page really is, if its address has empty parameters or dirty ones.

    Args:
        known: The parameters of the page; others are left out of the new address.
        clean: Returns what should stand there for a name and a value.
    """
    names = list(known)
    kept: dict[str, Any] = {
        name: clean(name, request.args[name]) for name in names if request.args.get(name)
    }
    given = {name: request.args[name] for name in names if name in request.args}
    if kept == given:
        return None
    return see_other(url_for(str(request.endpoint), **(request.view_args or {}), **kept))


def with_changes(endpoint: str, kept: Mapping[str, str], **changes: str) -> str:
    """Return the address of a page with some parameters changed; empty ones are left out."""
    values: dict[str, Any] = {name: value for name, value in {**kept, **changes}.items() if value}
    return url_for(endpoint, **values)
