"""Addresses and names of the web and of stores: paths, hosts, headers, databases."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.util import find_spec
from types import MappingProxyType
from typing import Final

from flask_jafsec.config.parsing import Faults, each, mapping, matching, refuse, several

#: The file a plain installation keeps everything in, inside the instance folder.
SQLITE_FILE: Final = "jafsec.sqlite3"

#: Characters of the application's name in the console; longer ones fit no bar.
MAX_TITLE: Final = 60

_DATABASES: Final = frozenset({"sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg"})
_RATE_STORES: Final = frozenset({"redis", "rediss", "unix", "redis+unix", "valkey", "valkeys"})
_DIRECTIVE = re.compile(r"[a-z][a-z-]{1,40}")

#: A directive ends at ``;`` and a policy at ``,``: either would let one value write the next.
#: Source: Content Security Policy Level 3, section 2.2.
_DIRECTIVE_VALUE = re.compile(r"[!-+\--:<-~ ]{0,4000}")

#: An exact path; no query, no pattern, no parent folder.
path = matching(r"/(?!/)(?!.*(?:\*|\?|#|//|/\.\.?(?:/|$)))[!-~]*", "an exact path such as /health")

#: Where the console stands: never the root, where it would hide the application.
prefix = matching(
    r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+", "a path such as /security, without / at the end"
)

#: A name or address without scheme; a leading dot stands for all subdomains (Werkzeug's form).
host = matching(
    r"\.?[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[0-9]{1,5})?|\[[0-9a-f:.]+\](?::[0-9]{1,5})?",
    "a host such as example.com or .example.com, in lower case and without scheme",
)

#: Source: RFC 9110 section 5.6.2, without ``*``, which CORS gives another meaning.
header_name = matching(r"[!#$%&'+.^_`|~0-9A-Za-z-]+", "the name of a header, not a pattern")
method = matching(r"[A-Z]{1,20}", "a method in capitals, such as POST")

#: Stands between quotes in ``WWW-Authenticate``; RFC 9110 section 11.5.
realm = matching(r"[ !#-\[\]-~]{1,64}", 'up to 64 characters without " and \\')


def title(value: object) -> str:
    """Return what stands in front of pages: one line of any writing."""
    if not isinstance(value, str) or not value.strip():
        raise refuse("is not a name", "Write what the console should call the application.")
    if len(value) > MAX_TITLE or not value.isprintable():
        raise refuse("does not fit", f"Write at most {MAX_TITLE} characters on one line.")
    return value.strip()


def paths(value: object) -> tuple[str, ...]:
    """Return exact paths."""
    return each(path)(value)


def hosts(value: object) -> tuple[str, ...]:
    """Return host names."""
    return each(host)(value)


def database_url(value: object) -> str:
    """Return a database address; raises Unfit without showing it, for it may hold a password."""
    scheme = _scheme(value, "Write an SQLAlchemy address, such as postgresql://user@host/name.")
    if scheme not in _DATABASES:
        raise refuse(
            "names a database that is not supported",
            "Write sqlite:/// and a path, or postgresql://user@host/name.",
        )
    return str(value).strip()


def default_database_url(instance_path: str) -> str:
    """Return the address of the SQLite file in the instance folder."""
    return f"sqlite:///{instance_path.rstrip('/')}/{SQLITE_FILE}"


def rate_store(value: object) -> str:
    """Return ``memory`` or the address of a shared store; raises Unfit without showing it."""
    advice = "Write memory, or an address such as redis://localhost:6379/0."
    word = value.strip() if isinstance(value, str) else ""
    if word == "memory":
        return word
    if word == "database":
        raise refuse("needs the part 'abuse control', which is not in this release", advice)
    if _scheme(value, advice) not in _RATE_STORES:
        raise refuse("names a store that is not supported", advice)
    if find_spec("redis") is None:
        raise refuse(
            "names a store whose client is not installed", "pip install 'flask-jafsec[redis]'."
        )
    return word


def csp(value: object) -> Mapping[str, str]:
    """Return directives of a Content-Security-Policy, by name."""
    faults, found = Faults(), dict[str, str]()
    for number, (name, sources) in enumerate(mapping(value).items(), start=1):
        if _DIRECTIVE.fullmatch(name):
            found[name] = faults.within(f"[{name!r}]", _sources, sources, "")
        else:
            faults.add(f" (entry {number})", "is not named like a directive", "Write script-src.")
    faults.finish()
    return MappingProxyType(found)


def _sources(value: object) -> str:
    entries = [value] if isinstance(value, str) else list(several(value))
    joined = " ".join(entry.strip() for entry in entries if isinstance(entry, str))
    if not all(isinstance(entry, str) for entry in entries) or not _DIRECTIVE_VALUE.fullmatch(
        joined
    ):
        raise refuse("is not one directive's value", "Write sources with spaces, no ';' or ','.")
    return joined


def _scheme(value: object, advice: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise refuse("is not an address", advice)
    scheme, mark, _ = value.strip().partition("://")
    if not mark or "\0" in value or "\n" in value:
        raise refuse("is not an address", advice)
    return scheme
