"""Every page of the console, in each state that looks different. A new page is one line here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Visitor = Literal["admin", "guest", "newcomer", "nobody"]
Theme = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class Page:
    """One page in one state."""

    name: str
    path: str
    """Below the prefix; ``{key}`` stands for one of the ids that site.py made."""
    endpoint: str
    visitor: Visitor = "admin"
    status: int = 200
    max_kb: int = 60
    """What the first visit may weigh, all files together, as sent. Source: console.md B14."""
    opens: str = ""
    """What is clicked before anybody looks, where it is seen: a menu, a dialog, a row."""


PAGES = (
    Page("sign-in", "/sign-in", "jafsec.sign_in", "nobody"),
    Page("password", "/password", "jafsec.password"),
    Page("first-password", "/password", "jafsec.password", "newcomer"),
    Page("overview", "/", "jafsec.overview"),
    Page("audit", "/audit", "jafsec.audit", max_kb=40),
    Page("audit-counted", "/audit?q=outcome:deny&range=7d&counts=1&size=25", "jafsec.audit"),
    Page("audit-problem", "/audit?q=outcom:deny&was=severity:>=warning", "jafsec.audit"),
    Page("audit-nothing", "/audit?q=outcome:deny+request:none", "jafsec.audit"),
    Page("event", "/audit/{event}", "jafsec.audit_event"),
    Page("event-denied", "/audit/{denied}", "jafsec.audit_event"),
    Page("audit-export", "/audit/export?q=outcome:deny", "jafsec.audit_export"),
    Page("audit-integrity", "/audit/integrity", "jafsec.audit_integrity"),
    Page("keys", "/keys", "jafsec.keys"),
    Page("keys-none", "/keys?q=nothing+like+it&status=active&sort=wrong", "jafsec.keys"),
    Page("keys-new", "/keys/new", "jafsec.keys_new"),
    Page("key", "/keys/{key}", "jafsec.keys_detail"),
    Page("key-rotating", "/keys/{rotating}", "jafsec.keys_detail"),
    Page("key-rotate", "/keys/{key}/rotate", "jafsec.keys_rotate"),
    Page("key-revoke", "/keys/{key}/revoke", "jafsec.keys_revoke"),
    Page("key-revoked", "/keys/{revoked}/revoke", "jafsec.keys_revoke"),
    Page("key-end", "/keys/{rotating}/end", "jafsec.keys_end"),
    Page("key-extend", "/keys/{rotating}/extend", "jafsec.keys_extend"),
    Page("routes", "/routes", "jafsec.routes"),
    Page("refused", "/routes", "jafsec.routes", "guest", 403),
    Page("not-found", "/no/such/page", "jafsec.unknown", "admin", 404),
)

#: The same pages with something open on them.
STATES = (
    Page("account-menu", "/", "jafsec.overview", opens="[popovertarget=account]"),
    Page("key-menu", "/keys", "jafsec.keys", opens=".keys-menu button"),
    Page("keys-dialog", "/keys", "jafsec.keys", opens=".head [data-dialog]"),
    Page("key-dialog", "/keys/{key}", "jafsec.keys_detail", opens=".danger-zone [data-dialog]"),
    Page("audit-row", "/audit", "jafsec.audit", opens="[data-detail]"),
    Page("drawer", "/routes", "jafsec.routes", opens="[popovertarget=nav]"),
)

#: Addresses that answer GET with something else than a page, and why.
NO_PAGES = {
    "jafsec.audit_counts": "a part of the list, which the list's page loads",
    "jafsec.audit_newer": "rows of the list, asked for while it is live",
    "jafsec.audit_suggest": "suggestions below the query",
    "jafsec.keys_networks": "what is said of addresses while they are typed",
    "jafsec.static": "files",
}

WIDTHS = (1440, 768, 390)
THEMES: tuple[Theme, ...] = ("light", "dark")


def page(name: str) -> Page:
    """Return the page of that name."""
    return next(page for page in (*PAGES, *STATES) if page.name == name)
