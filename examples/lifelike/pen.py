"""Writes events as the gate and the services write them, with ids that come from the seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from flask_jafsec.events import Event, EventType, Outcome, Severity, system_event
from flask_jafsec.ids import encode
from flask_jafsec.pipeline.recording import EVENT_OF

from .cast import Held
from .company import Route

#: Severities as the gate gives them; every other refusal is a warning.
_SEVERITY = {
    EventType.CREDENTIAL_MISSING: Severity.NOTICE,
    EventType.LIMIT_EXCEEDED: Severity.NOTICE,
    EventType.REQUEST_CRASHED: Severity.ERROR,
    EventType.SECURITY_FAILED: Severity.CRITICAL,
}

#: Statuses of refusals, by code; every other one is 403.
_STATUS = {
    "credential_invalid": 401,
    "credential_malformed": 400,
    "credential_missing": 401,
    "rate_exceeded": 429,
    "request_malformed": 400,
    "security_unavailable": 503,
}

_REJECTED = {"key": EventType.KEY_REJECTED, "session": EventType.SESSION_REJECTED}


class Caller:
    """Who sends a request, from where, with what."""

    __slots__ = ("actor", "client", "credential", "key_id", "software")

    def __init__(
        self,
        client: str,
        software: str,
        *,
        actor: str = "anonymous",
        credential: str = "none",
        key_id: str = "",
    ) -> None:
        self.client = client
        self.software = software
        self.actor = actor
        self.credential = credential
        self.key_id = key_id

    @classmethod
    def with_key(cls, held: Held, *, client: str = "", software: str = "") -> Caller:
        """Return who has this key and whose key works."""
        return cls(
            client or held.plan.address,
            software or held.plan.client,
            actor=held.subject,
            credential="key",
            key_id=held.key.id,
        )


class Pen:
    """Collects events; what it does not say comes from one generator of random numbers."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.events: list[Event] = []
        self._process = f"{random.getrandbits(48):012x}"
        self._requests = 0

    def request_id(self) -> str:
        """Return the id of the next request, of the form that the gate gives."""
        self._requests += 1
        return f"{self._process}-{self._requests}"

    def new_id(self, at: datetime) -> str:
        """Return an id of that moment. Source: RFC 9562 section 5.7."""
        noise = self.random.getrandbits(74)
        milliseconds = int(at.timestamp() * 1000)
        value = milliseconds << 80 | 0x7 << 76 | (noise >> 62) << 64
        return encode(value | 0b10 << 62 | noise & 0x3FFF_FFFF_FFFF_FFFF)

    def allow(
        self,
        at: datetime,
        caller: Caller,
        route: Route,
        *,
        request_id: str = "",
        status: int = 200,
        count: int = 1,
        lasts_s: float = 0.0,
    ) -> None:
        """Write that a request was let through; with *count*, that more of its minute were."""
        kind = EventType.REQUEST_CRASHED if status >= 500 else EventType.REQUEST_ALLOWED
        outcome = Outcome.FAIL if status >= 500 else Outcome.ALLOW
        self._write(
            at,
            kind,
            outcome,
            caller,
            route,
            status=status,
            request_id=request_id or self.request_id(),
            count=count,
            until=at + timedelta(seconds=lasts_s) if count > 1 else None,
        )

    def refuse(
        self,
        at: datetime,
        caller: Caller,
        route: Route | None,
        code: str,
        reason: str = "",
        *,
        request_id: str = "",
        count: int = 1,
        lasts_s: float = 0.0,
    ) -> None:
        """Write that a request was refused with *code*."""
        kind = EVENT_OF.get(code) or _REJECTED.get(caller.credential, EventType.TOKEN_REJECTED)
        self._write(
            at,
            kind,
            Outcome.DENY,
            caller,
            route,
            code=code,
            reason=reason or code,
            status=_STATUS.get(code, 403),
            request_id=request_id or self.request_id(),
            count=count,
            until=at + timedelta(seconds=lasts_s) if count > 1 else None,
        )

    def note(self, at: datetime, kind: EventType, **fields: object) -> None:
        """Write an event of a service."""
        self.events.append(Event(id=self.new_id(at), type=kind, at=at, **fields))  # type: ignore[arg-type]  # each of its own kind

    def system(
        self,
        at: datetime,
        kind: EventType,
        severity: Severity = Severity.INFO,
        outcome: Outcome = Outcome.DONE,
        *,
        reason: str = "",
        facts: Mapping[str, object] | None = None,
    ) -> None:
        """Write an event that the system itself brought about."""
        made = system_event(kind, at, severity, outcome, reason=reason, facts=facts or {})
        self.events.append(replace(made, id=self.new_id(at)))

    def _write(
        self,
        at: datetime,
        kind: EventType,
        outcome: Outcome,
        caller: Caller,
        route: Route | None,
        **fields: object,
    ) -> None:
        default = Severity.INFO if outcome is Outcome.ALLOW else Severity.WARNING
        path = route.path(self.random.randrange(10_000, 99_999)) if route else "/"
        self.events.append(
            Event(
                id=self.new_id(at),
                type=kind,
                at=at,
                outcome=outcome,
                severity=_SEVERITY.get(kind, default),
                actor=caller.actor,
                credential=caller.credential,
                key_id=caller.key_id,
                client=caller.client,
                method=route.method if route else "GET",
                route=route.rule if route else "",
                personal={"path": path, "user_agent": caller.software},
                **fields,  # type: ignore[arg-type]  # each of its own kind
            )
        )
