"""Which foreign pages may read our answers: CORS, as the Fetch standard has it.

CORS opens; it protects nothing. What a caller may do is decided elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask_jafsec.errors import InvalidValue, OriginRefused

if TYPE_CHECKING:
    from flask_jafsec.config.settings import CorsSettings

Pair = tuple[str, str]

ANY: Final = "*"

#: An answer to one preflight must not be served to another. Source: Fetch standard, 3.2.4 and
#: RFC 9111 section 4.1.
_PREFLIGHT_VARY: Final = (
    "Vary",
    "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
)


class Cors:
    """Answers preflights and tells browsers which pages may read.

    Origins are compared as whole texts. Browsers send them in one form only (RFC 6454 section
    6.2), so whatever needs interpreting is not the origin that was configured.
    """

    def __init__(self, settings: CorsSettings) -> None:
        """Prepare every answer.

        Raises:
            InvalidValue: Every origin is allowed together with credentials.
        """
        self._origins = frozenset(settings.origins or ())
        self._is_open = ANY in self._origins
        if self._is_open and settings.credentials:
            raise InvalidValue(
                "origins",
                "'*' with credentials lets any page act as its visitor. List the origins.",
            )
        self._methods = frozenset(settings.methods)
        self._headers = frozenset(name.lower() for name in settings.headers)
        self._shared: tuple[Pair, ...] = (
            (("Access-Control-Allow-Credentials", "true"),) if settings.credentials else ()
        )
        exposed = ", ".join(settings.expose)
        self._readable = (
            *self._shared,
            *((("Access-Control-Expose-Headers", exposed),) if exposed else ()),
        )
        self._allowed: tuple[Pair, ...] = (
            *self._shared,
            ("Access-Control-Allow-Methods", ", ".join(settings.methods)),
            ("Access-Control-Allow-Headers", ", ".join(settings.headers)),
            ("Access-Control-Max-Age", str(settings.max_age_s)),
            _PREFLIGHT_VARY,
        )

    def preflight(self, origin: str, method: str, asked_headers: str) -> list[Pair]:
        """Return the headers of the answer 204 to a preflight.

        Nothing of the request is repeated but an origin that is on the list.

        Args:
            method: ``Access-Control-Request-Method``; methods are compared in their case.
            asked_headers: ``Access-Control-Request-Headers``; empty where absent.

        Raises:
            OriginRefused: ``reason`` says whether origin, method or headers were not on the list.
        """
        allowed = self._allow_origin(origin)
        if allowed is None:
            raise self._refused("origin_not_listed")
        if method not in self._methods:
            raise self._refused("method_not_listed")
        asked = {name.strip().lower() for name in asked_headers.split(",")} - {""}
        if not asked <= self._headers:
            raise self._refused("header_not_listed")
        return [allowed, *self._allowed]

    def headers_for(self, origin: str | None) -> tuple[Pair, ...]:
        """Return what an answer to a request of *origin* carries, ``Vary`` apart."""
        allowed = None if origin is None else self._allow_origin(origin)
        return () if allowed is None else (allowed, *self._readable)

    def finish(self, headers: list[Pair], origin: str | None) -> None:
        """Change *headers* in place: add what a listed origin may read, and ``Vary: Origin``.

        ``Vary`` is there even without an origin: a cache that kept such an answer would serve it
        to foreign pages, without the permission to read it. An answer that already says who may
        read it keeps its word.
        """
        vary_by_origin(headers)
        if origin is None:
            return
        mine = self.headers_for(origin)
        if mine and not any(name.lower().startswith(_ALLOW) for name, _ in headers):
            headers += mine

    def _allow_origin(self, origin: str) -> Pair | None:
        if self._is_open:
            return ("Access-Control-Allow-Origin", ANY)
        if origin in self._origins:
            return ("Access-Control-Allow-Origin", origin)
        return None

    @staticmethod
    def _refused(reason: str) -> OriginRefused:
        return OriginRefused(reason, headers=(_PREFLIGHT_VARY,))


_ALLOW: Final = "access-control-allow-"


def vary_by_origin(headers: list[Pair]) -> None:
    """Add ``Origin`` to the ``Vary`` of *headers*, in place, unless it is there."""
    place = -1
    for number, (name, value) in enumerate(headers):
        # Most names differ in length already; this runs for every header of every answer.
        if len(name) == _VARY_LENGTH and name.lower() == "vary":
            fields = {field.strip().lower() for field in value.split(",")}
            if "origin" in fields or ANY in fields:
                return
            place = number
    if place < 0:
        headers.append(("Vary", "Origin"))
    else:
        name, value = headers[place]
        headers[place] = (name, f"{value}, Origin" if value.strip() else "Origin")


_VARY_LENGTH: Final = len("Vary")
