"""Other origins that may call, read the way browsers write them."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from flask_jafsec.config.parsing import each, refuse, text

ANY: Final = "*"
EXAMPLE: Final = "Write it as browsers do: https://app.example.com, with the port if it has one."

#: Schemes whose pages have no origin of their own: browsers send ``null`` for them.
_OPAQUE: Final = frozenset({"about", "blob", "data", "file", "javascript"})
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_HOST = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
    r"|\[[0-9a-f:.]{2,45}\]"
)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,31}")


def origins(value: object) -> tuple[str, ...]:
    """Return exact origins, or ``("*",)``; nothing between commas means none.

    Raises Unfit. A message repeats at most scheme, host and port, and only of what is an address.
    """
    found = each(origin)(value)
    if ANY in found and len(found) > 1:
        raise refuse("names '*' beside other origins", "Write '*' alone, or list the origins.")
    return found


def origin(value: object) -> str:
    """Return one origin in the form of RFC 6454 section 6.2, or ``*``.

    A nearly right form is refused, not mended: it would never match what a browser sends, and
    a reader of the configuration should see what is compared.
    """
    written = text(value)
    if written == ANY:
        return written
    _refuse_patterns(written)
    parts, port = _split(written)
    if not parts.netloc or not parts.scheme:
        raise refuse("has no scheme", EXAMPLE)
    right = _right(parts, port)
    if written != right:
        raise refuse("is not written as browsers write it", f"Write {right}.")
    return right


def _refuse_patterns(written: str) -> None:
    if written.casefold() == "null":
        raise refuse(
            "is the origin of every sandboxed page and local file, so of any attacker's",
            "Remove it and write the origins that shall call.",
        )
    if "*" in written:
        raise refuse("holds a wildcard", "List each origin; there are no patterns.")


def _split(written: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(written)
        return parts, parts.port
    except ValueError:
        pass
    raise refuse("is not an origin", EXAMPLE)


def _right(parts: SplitResult, port: int | None) -> str:
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    shown = f"[{host}]" if ":" in host else host
    if not _SCHEME.fullmatch(scheme) or scheme in _OPAQUE:
        raise refuse("has a scheme whose pages have no origin", EXAMPLE)
    if "@" in parts.netloc or not _HOST.fullmatch(shown):
        raise refuse("does not name a host", EXAMPLE)
    is_default = port is None or _DEFAULT_PORTS.get(scheme) == port
    return f"{scheme}://{shown}" if is_default else f"{scheme}://{shown}:{port}"
