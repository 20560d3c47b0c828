"""The company's forty API keys: who has them, for what, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass

CENTRE = "198.51.100."


@dataclass(frozen=True, slots=True)
class End:
    """How a key was cut off."""

    ago: float
    """Days before the end of the story."""
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Turn:
    """How a key got a successor."""

    ago: float
    overlap: str = "24h"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPlan:
    """One name; two keys, where it was rotated."""

    name: str
    scopes: tuple[str, ...]
    made: float
    """Days before the end of the story."""
    by: str = "tomasz.wrona"
    lasts: float | None = None
    """Days until it expires; None for never."""
    owner: str = ""
    """A subject or a person's name; empty for a service's own key."""
    environment: str = "live"
    rate: str = ""
    networks: tuple[str, ...] = ()
    turn: Turn | None = None
    end: End | None = None
    busy: float = 0.0
    """Its share of the calls of its kind."""
    last_used: float | None = None
    """Days before the end, for keys that nobody uses any more."""
    address: str = ""
    client: str = "python-httpx/0.28.1"


def _service(name: str, address: int, busy: float, *scopes: str, **more: object) -> KeyPlan:
    return KeyPlan(
        name=name,
        scopes=scopes,
        busy=busy,
        address=f"{CENTRE}{address}",
        **more,  # type: ignore[arg-type]  # each of its own kind
    )


_GO, _JAVA, _PHONE = "Go-http-client/2.0", "Java-http-client/21.0.9", "okhttp/5.3.0"
_CENTRE_ONLY = ("198.51.100.0/24",)
_CENTRE_AND_OFFICE = ("198.51.100.0/24", "192.0.2.0/24")

#: The services that run by themselves.
SERVICES = (
    _service(
        "mobile-app",
        12,
        9,
        "chat:basic",
        "chat:advanced",
        "shipment:read",
        made=160,
        rate="600/minute",
        client=_PHONE,
    ),
    _service("web-widget", 14, 7, "chat:basic", made=120, lasts=365, rate="300/minute"),
    _service("tracking-feed", 23, 6, "shipment:read", "chat:basic", made=64, lasts=365, client=_GO),
    _service(
        "partner-portal",
        31,
        4,
        "chat:basic",
        "shipment:read",
        "quote:read",
        made=81,
        lasts=90,
        by="mei.tanaka",
    ),
    _service("crm-bridge", 33, 4, "customer:read", "shipment:read", made=75, turn=Turn(ago=0.11)),
    _service(
        "billing-sync",
        35,
        2,
        "invoice:read",
        "invoice:write",
        made=40,
        lasts=90,
        by="mei.tanaka",
        networks=_CENTRE_ONLY,
        client=_JAVA,
    ),
    _service("nightly-report", 40, 1, "analytics:view", "invoice:read", made=84, lasts=90),
    _service(
        "slack-bot", 41, 3, "chat:basic", "status:read", made=200, turn=Turn(ago=26.3, overlap="7d")
    ),
    _service(
        "customs-filer",
        44,
        2,
        "document:read",
        "document:write",
        made=33,
        lasts=180,
        networks=_CENTRE_AND_OFFICE,
    ),
    _service("status-page", 50, 3, "status:read", made=206, client=_GO),
    _service("warehouse-scanner", 61, 5, "shipment:*", made=140, by="jonas.keller", client=_PHONE),
    _service("data-lake", 70, 2, "*", made=96, by="jonas.keller", rate="1200/hour", client=_JAVA),
)


def _agent(name: str, address: int, busy: float, *scopes: str, **more: object) -> KeyPlan:
    return KeyPlan(
        name=f"{name}-agent",
        owner=f"agent:{name}",
        scopes=scopes,
        by="mei.tanaka",
        busy=busy,
        address=f"{CENTRE}{address}",
        client="fernhill-agents/4.2 python-httpx/0.28.1",
        **{"made": 70.0, "lasts": 180.0, **more},  # type: ignore[arg-type]  # each of its own kind
    )


#: The agents act under subjects of their own: a key of theirs may do no more than its agent.
AGENT_KEYS = (
    _agent("quotes", 101, 6, "quote:read", "quote:write", "shipment:read"),
    _agent("support", 102, 8, "chat:*", "claim:read", "shipment:read", rate="400/minute"),
    _agent("claims", 103, 5, "claim:read", "claim:decide", "document:read"),
    _agent("dispatch", 104, 7, "shipment:*", made=118.0, lasts=None),
    _agent("customs", 105, 3, "document:*"),
    _agent("invoices", 106, 4, "invoice:read", "invoice:write", turn=Turn(ago=0.93, overlap="7d")),
    _agent("routes", 107, 6, "shipment:read", "shipment:write", made=44.0, lasts=365.0),
    _agent("onboarding", 108, 1.5, "chat:basic", "document:read", made=77.0, lasts=90.0),
)

#: What people made for themselves, for tests, and what nobody has cleared away.
OTHERS = (
    KeyPlan(
        name="Inés: command line",
        owner="ines.carrasco",
        by="ines.carrasco",
        scopes=("shipment:read", "quote:read"),
        made=58,
        lasts=90,
        busy=0.6,
        address="192.0.2.31",
        client="curl/8.15.0",
    ),
    KeyPlan(
        name="Sofia: notebook",
        owner="sofia.marques",
        by="sofia.marques",
        scopes=("chat:basic", "chat:advanced"),
        made=21,
        lasts=30,
        busy=0.8,
        address="192.0.2.23",
        client="python-requests/2.33.0",
    ),
    KeyPlan(
        name="Idris: local tests",
        owner="idris.okoye",
        by="idris.okoye",
        scopes=("chat:basic", "agent:manage"),
        made=37,
        lasts=90,
        environment="test",
    ),
    KeyPlan(
        name="Noor: demo for partners",
        owner="noor.janssen",
        by="noor.janssen",
        scopes=("chat:basic",),
        made=15,
        lasts=30,
        environment="test",
    ),
    KeyPlan(
        name="mobile-app-staging",
        scopes=("chat:basic", "chat:advanced", "shipment:read"),
        made=62,
        lasts=180,
        environment="test",
    ),
    KeyPlan(
        name="web-widget-staging", scopes=("chat:basic",), made=62, lasts=180, environment="test"
    ),
    KeyPlan(
        name="load-test",
        scopes=("chat:*",),
        made=46,
        by="mei.tanaka",
        environment="test",
        end=End(20.2, "mei.tanaka", "load test is over"),
    ),
    KeyPlan(
        name="trade-fair-stand",
        scopes=("chat:basic", "quote:read"),
        made=131,
        by="mei.tanaka",
        last_used=101,
    ),
    KeyPlan(name="archive-import", scopes=("document:*",), made=173, last_used=129.5),
    KeyPlan(
        name="warehouse-label-printer",
        scopes=("shipment:read",),
        made=186,
        by="jonas.keller",
        last_used=92.4,
    ),
    KeyPlan(
        name="contractor-q3",
        scopes=("shipment:read", "document:read"),
        made=107,
        lasts=90,
        busy=0.7,
        address="2001:db8:10:c::3",
        client="python-requests/2.31.0",
    ),
    KeyPlan(name="pilot-rotterdam", scopes=("chat:basic",), made=152, lasts=90, last_used=70),
    KeyPlan(
        name="legacy-etl",
        scopes=("*",),
        made=203,
        by="jonas.keller",
        last_used=34.5,
        end=End(34.1, "tomasz.wrona", "replaced by data-lake"),
    ),
    KeyPlan(
        name="Jonas: scripts",
        owner="jonas.keller",
        by="jonas.keller",
        scopes=("agent:manage", "chat:*"),
        made=166,
        last_used=51.6,
        end=End(50.9, "nadia.haddad", "left the company"),
    ),
    KeyPlan(
        name="web-widget-beta",
        scopes=("chat:basic",),
        made=49,
        busy=0.6,
        address=f"{CENTRE}15",
        client="node",
        end=End(8.4, "mei.tanaka", "beta is over"),
    ),
    KeyPlan(
        name="status-mirror",
        scopes=("status:read",),
        made=29,
        lasts=60,
        busy=0.7,
        address=f"{CENTRE}51",
        client="curl/8.15.0",
    ),
)

PLANS = (*SERVICES, *AGENT_KEYS, *OTHERS)
