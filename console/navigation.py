"""The pages there are, in the order of the navigation, and who may see each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from flask_jafsec.identity.permissions import covers
from flask_jafsec.web.caller import current_identity

#: What a page of the console asks for, by its subject.
VIEW: Final = "jafsec:console:view"
READ_AUDIT: Final = "jafsec:audit:read"
READ_PERSONAL: Final = "jafsec:personal:read"
EXPORT_AUDIT: Final = "jafsec:audit:export"
VERIFY_AUDIT: Final = "jafsec:audit:verify"
READ_KEYS: Final = "jafsec:keys:read"
WRITE_KEYS: Final = "jafsec:keys:write"
READ_ROUTES: Final = "jafsec:routes:read"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the navigation."""

    group: str
    label: str
    icon: str
    endpoint: str
    permission: str


#: A page stands here only when it works.
ENTRIES: Final = (
    Entry("", "Overview", "layout-dashboard", "jafsec.overview", VIEW),
    Entry("", "Audit log", "scroll-text", "jafsec.audit", READ_AUDIT),
    Entry("Assurance", "Routes", "route", "jafsec.routes", READ_ROUTES),
)


def may(permission: str) -> bool:
    """Return whether the person who looks holds *permission*."""
    return covers(current_identity.permissions, permission)


def groups(entries: Sequence[Entry] = ENTRIES) -> Iterator[tuple[str, list[Entry]]]:
    """Yield each group with those of its entries that the person may see."""
    allowed = [entry for entry in entries if may(entry.permission)]
    for name, members in groupby(allowed, key=lambda entry: entry.group):
        yield name, list(members)


def first_page() -> str:
    """Return the endpoint of the first page that the person may see; the account without any."""
    return next((entry.endpoint for entry in ENTRIES if may(entry.permission)), "jafsec.password")
