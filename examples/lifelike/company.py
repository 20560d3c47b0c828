"""Fernhill Freight, an invented company: its people, its agents, and the routes of its product.

Addresses: 192.0.2.0/24 is the office, 198.51.100.0/24 the data centre, 2001:db8:10::/48 are homes,
203.0.113.0/24 and 2001:db8:bad::/48 are everybody else. Source: RFC 5737, RFC 3849.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

NAME = "Fernhill Freight"

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the company."""

    name: str
    role: str
    address: str
    joined: float
    """Days before the end."""
    left: float | None = None
    browser: str = "Mozilla/5.0 (X11; Linux x86_64; rv:152.0) Gecko/20100101 Firefox/152.0"

    def is_there(self, days_ago: float) -> bool:
        """Return whether they were with the company then."""
        return days_ago <= self.joined and (self.left is None or days_ago > self.left)


@dataclass(frozen=True, slots=True)
class Agent:
    """A program that acts by itself, under a subject of its own."""

    subject: str
    role: str


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the product, as the gate sees it."""

    method: str
    rule: str
    permission: str

    def path(self, number: int) -> str:
        """Return a path that the rule matches."""
        before, _, rest = self.rule.partition("<")
        return f"{before}{number}{rest.partition('>')[2]}" if rest else before


#: What the company has defined beside the roles of the application.
ROLES = {
    "dispatcher": ["chat:basic", "shipment:read", "shipment:write", "quote:read"],
    "support": ["chat:basic", "chat:advanced", "customer:read", "claim:read", "shipment:read"],
    "finance": ["chat:basic", "invoice:read", "invoice:write", "analytics:view"],
    "auditor": ["jafsec:audit:read", "jafsec:keys:read", "analytics:view"],
    "agent": ["chat:*", "shipment:*", "quote:*", "claim:*", "invoice:*", "document:*"],
}

_MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 15_6) AppleWebKit/605.1.15 Version/26.0 Safari/605.1.15"
)
_WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/148.0.0.0 Safari/537.36"
)

#: Who is on duty when it happens, and who looks after the log every week.
GUARD = "nadia.haddad"
AUDITOR = "henrik.lund"

PEOPLE = (
    Person("nadia.haddad", "jafsec_admin", "192.0.2.11", 212, browser=_MAC),
    Person("tomasz.wrona", "system_admin", "192.0.2.12", 212),
    Person("henrik.lund", "auditor", "192.0.2.14", 209, browser=_WINDOWS),
    Person("mei.tanaka", "admin", "192.0.2.21", 208, browser=_MAC),
    Person("idris.okoye", "admin", "2001:db8:10:4::21", 205),
    Person("sofia.marques", "premium_user", "192.0.2.23", 205, browser=_MAC),
    Person("ines.carrasco", "dispatcher", "192.0.2.31", 204, browser=_WINDOWS),
    Person("piotr.zielinski", "dispatcher", "192.0.2.32", 204, browser=_WINDOWS),
    Person("amara.diallo", "dispatcher", "192.0.2.33", 203, browser=_WINDOWS),
    Person("lars.nyberg", "dispatcher", "192.0.2.34", 188, browser=_WINDOWS),
    Person("yusuf.demir", "dispatcher", "192.0.2.35", 151, browser=_WINDOWS),
    Person("clara.fontaine", "support", "192.0.2.41", 203, browser=_MAC),
    Person("ravi.menon", "support", "2001:db8:10:7::5", 202),
    Person("hanna.kowalczyk", "support", "192.0.2.43", 199, browser=_WINDOWS),
    Person("diego.salas", "support", "2001:db8:10:9::1c", 177, browser=_MAC),
    Person("freya.lindqvist", "support", "192.0.2.45", 96, browser=_MAC),
    Person("oliver.brandt", "finance", "192.0.2.51", 202, browser=_WINDOWS),
    Person("leila.rahimi", "finance", "192.0.2.52", 201, browser=_WINDOWS),
    Person("mateo.rossi", "finance", "192.0.2.53", 132, browser=_WINDOWS),
    Person("noor.janssen", "premium_user", "2001:db8:10:b::9", 198),
    Person("samuel.adeyemi", "premium_user", "192.0.2.62", 143, browser=_MAC),
    Person("greta.hofmann", "user", "192.0.2.63", 111, browser=_WINDOWS),
    Person("bram.devries", "user", "192.0.2.64", 18, browser=_WINDOWS),
    Person("jonas.keller", "admin", "192.0.2.22", 204, left=51),
    Person("priya.nair", "support", "192.0.2.44", 190, left=12),
)

AGENTS = (
    Agent("agent:quotes", "agent"),
    Agent("agent:support", "agent"),
    Agent("agent:claims", "agent"),
    Agent("agent:dispatch", "agent"),
    Agent("agent:customs", "agent"),
    Agent("agent:invoices", "agent"),
    Agent("agent:routes", "agent"),
    Agent("agent:onboarding", "agent"),
)

CHAT = Route("POST", "/chat", "chat:basic")
STREAM = Route("POST", "/chat/stream", "chat:advanced")

#: What people, agents and services call.
ROUTES = (
    CHAT,
    STREAM,
    Route("GET", "/shipments", "shipment:read"),
    Route("GET", "/shipments/<int:shipment>", "shipment:read"),
    Route("PATCH", "/shipments/<int:shipment>", "shipment:write"),
    Route("GET", "/quotes/<int:quote>", "quote:read"),
    Route("POST", "/quotes", "quote:write"),
    Route("GET", "/claims/<int:claim>", "claim:read"),
    Route("POST", "/claims/<int:claim>/decision", "claim:decide"),
    Route("GET", "/customers/<int:customer>", "customer:read"),
    Route("GET", "/invoices/<int:invoice>", "invoice:read"),
    Route("POST", "/invoices", "invoice:write"),
    Route("GET", "/documents/<int:document>", "document:read"),
    Route("POST", "/documents", "document:write"),
    Route("GET", "/status", "status:read"),
    Route("GET", "/reports/daily", "analytics:view"),
)

#: What only administrators may, and what somebody with a stolen key tries first.
ADMIN_ROUTES = (
    Route("GET", "/agents", "agent:manage"),
    Route("POST", "/agents", "agent:manage"),
    Route("GET", "/settings", "system:admin"),
    Route("PUT", "/settings", "system:admin"),
    Route("GET", "/staff", "system:admin"),
    Route("POST", "/staff", "system:admin"),
    Route("GET", "/reports/daily", "analytics:view"),
    Route("GET", "/customers/<int:customer>", "customer:read"),
)

#: What the people who look after the log open.
CONSOLE_ROUTES = (
    Route("GET", "/security/", "jafsec:audit:read"),
    Route("GET", "/security/audit", "jafsec:audit:read"),
    Route("GET", "/security/keys", "jafsec:keys:read"),
)

#: Addresses of nobody in particular, who knock at every door of the internet.
SCANNERS = (
    *(f"203.0.113.{number}" for number in (4, 9, 17, 23, 31, 38, 44, 52)),
    "2001:db8:bad:1::66",
    "2001:db8:bad:2::9f",
)
