"""Where the audit log goes outside: a list of addresses, each with a few options in its query.

No message shows an address: people write passwords into them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, cast
from urllib.parse import SplitResult, parse_qsl, urlsplit

from flask_jafsec.audit.sinks.http_collector import Address, Form
from flask_jafsec.audit.sinks.places import FilePlace, LogPlace, Place, SyslogPlace
from flask_jafsec.audit.sinks.syslog import FACILITY
from flask_jafsec.config.parsing import boolean, each, one_of, refuse, text, whole
from flask_jafsec.config.sources import Sources

#: Each has a thread and a cursor of its own.
MAX_PLACES: Final = 8

EXPORTS: Final = "JAFSEC_AUDIT_EXPORTS"
TOKEN: Final = "JAFSEC_AUDIT_EXPORT_TOKEN"

_EXAMPLE: Final = (
    "Write log:, file:/path, syslog+udp://host:514, syslog+tcp://host:601 "
    "or https://collector/path."
)

#: Source: RFC 5424 section 6.2.1, table 1.
_FACILITIES: Final = {
    "kern": 0,
    "user": 1,
    "daemon": 3,
    "auth": 4,
    "syslog": 5,
    "authpriv": 10,
    "audit": FACILITY,
    **{f"local{number}": 16 + number for number in range(8)},
}

#: Ports by scheme. Source: RFC 5426, RFC 3195 (601, as RFC 6587 has no port of its own), RFC 9110.
_PORTS: Final = {"syslog+udp": 514, "syslog+tcp": 601, "https": 443, "http": 80}

_HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?|[0-9a-f:.]{2,45}")
_PATH: Final = re.compile(r"/[!-~]*")

#: Source: RFC 6750 section 2.1.
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]{8,4096}={0,2}")


def exports(sources: Sources, folder: str) -> tuple[Place, ...]:
    """Return where the log goes; relative paths are taken from *folder*."""
    nowhere: tuple[Place, ...] = ()
    places = sources.take(EXPORTS, places_in(folder), nowhere)
    token = sources.take(TOKEN, bearer_token, "")
    return _with_token(sources, places, token) if token else places


def places_in(folder: str) -> Callable[[object], tuple[Place, ...]]:
    """Return a parser of lists of addresses."""

    def parse(value: object) -> tuple[Place, ...]:
        found = each(lambda entry: _place(entry, folder))(value)
        if len(found) > MAX_PLACES:
            raise refuse("has too many entries", f"Write at most {MAX_PLACES}.")
        # Two entries that differ only in options would share one cursor.
        if len({_cursor(place) for place in found}) < len(found):
            raise refuse("names one place twice", "Write each place once.")
        return found

    return parse


def bearer_token(value: object) -> str:
    """Return a token as it may stand in a header; raises Unfit without showing it."""
    written = value.strip() if isinstance(value, str) else ""
    if not _TOKEN.fullmatch(written):
        raise refuse(
            "is not a bearer token",
            "Write what the collector gave you: at least 8 letters, digits and . _ ~ + / - =.",
        )
    return written


def _place(value: object, folder: str) -> Place:
    written = text(value)
    scheme, mark, rest = written.partition(":")
    if written in {"log", "log:"}:
        return LogPlace()
    if scheme == "file" and rest:
        return FilePlace(str(Path(folder) / (rest.removeprefix("//"))))
    if scheme not in _PORTS or not mark:
        raise refuse("is no place the log can go to", _EXAMPLE)
    parts, port = _split(written)
    if scheme.startswith("syslog"):
        return _syslog(parts, port)
    return _collector(parts, port, folder)


def _split(written: str) -> tuple[SplitResult, int]:
    try:
        parts = urlsplit(written)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    host = parts.hostname or ""
    if "@" in parts.netloc:
        raise refuse("holds a name or a password", f"Write the token into {TOKEN}.")
    if not _HOST.fullmatch(host) or port == 0 or parts.fragment:
        raise refuse("does not name a host and a port", _EXAMPLE)
    return parts, port or _PORTS[parts.scheme]


def _syslog(parts: SplitResult, port: int) -> SyslogPlace:
    options = _options(parts, {"facility"})
    if parts.path not in {"", "/"}:
        raise refuse("has a path, which syslog does not know", _EXAMPLE)
    transport = cast(Literal["tcp", "udp"], parts.scheme.removeprefix("syslog+"))
    facility = _facility(options["facility"]) if "facility" in options else FACILITY
    return SyslogPlace(transport, parts.hostname or "", port, facility)


def _facility(value: str) -> int:
    if value.isdigit():
        return whole(0, 23)(value)
    return _FACILITIES[one_of(tuple(_FACILITIES))(value)]


def _collector(parts: SplitResult, port: int, folder: str) -> Address:
    options = _options(parts, {"form", "ca", "plain"})
    host, is_tls = parts.hostname or "", parts.scheme == "https"
    if not is_tls and not _is_loopback(host) and not boolean(options.get("plain", "false")):
        raise refuse(
            "would send the log in clear text",
            "Write https://; if the way there is protected otherwise, add ?plain=true.",
        )
    path = parts.path or "/"
    if not _PATH.fullmatch(path):
        raise refuse("has a path with characters that do not belong there", _EXAMPLE)
    form = one_of(("ndjson", "array"))(options.get("form", "ndjson"))
    return Address(
        host=host,
        port=port,
        path=path,
        is_tls=is_tls,
        ca_file=_ca_file(options["ca"], folder) if "ca" in options else "",
        form=cast(Form, form),
    )


def _ca_file(value: str, folder: str) -> str:
    path = Path(folder) / value
    if not path.is_file():
        raise refuse("names a file of certificates that is not there", "Check the path after ca=.")
    return str(path)


def _options(parts: SplitResult, known: set[str]) -> Mapping[str, str]:
    """Return the options in the query. What is none of ours could be a token, and is refused."""
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    options = dict(pairs)
    if not set(options) <= known or len(options) < len(pairs):
        raise refuse(
            "has an option that is not known here, or one twice",
            f"Write {' or '.join(sorted(known))} after the question mark; a token goes to {TOKEN}.",
        )
    return options


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _cursor(place: Place) -> object:
    if isinstance(place, Address):
        return place.shown
    return replace(place, facility=0) if isinstance(place, SyslogPlace) else place


def _with_token(sources: Sources, places: tuple[Place, ...], token: str) -> tuple[Place, ...]:
    """Return the places, the one collector among them with its token."""
    collectors = [place for place in places if isinstance(place, Address)]
    name = sources.name_of(TOKEN)
    if not collectors:
        sources.complain(
            name, "is set and no collector is there to get it", f"Write one into {EXPORTS}."
        )
    if len({(place.host, place.port) for place in collectors}) > 1:
        # One of them would learn what opens the other.
        sources.complain(
            name,
            "would be shown to several collectors",
            f"Keep one of them in {EXPORTS}, and let it pass the log on.",
        )
    if any(not place.is_tls and not _is_loopback(place.host) for place in collectors):
        sources.complain(name, "would be sent in clear text", "Write https:// for the collector.")
    return tuple(
        replace(place, token=token) if isinstance(place, Address) else place for place in places
    )
