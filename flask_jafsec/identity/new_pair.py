"""A pair of tokens in the making: what the access token says, and the event of its birth."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from flask_jafsec.events import Event, EventType
from flask_jafsec.ids import new_id
from flask_jafsec.records import RefreshToken


@dataclass(frozen=True, slots=True)
class NewPair:
    """A pair that nobody has yet."""

    token: RefreshToken
    text: str = field(repr=False)
    token_id: str
    lifetime_s: int

    def claims(self, issuer: str, audience: str) -> dict[str, object]:
        """Return the claims of the access token. Source: RFC 9068 section 2.2; RFC 8693 4.2."""
        token = self.token
        issued_at = int(token.issued_at.timestamp())
        claims: dict[str, object] = {
            "iss": issuer,
            "sub": token.subject,
            "aud": audience,
            "exp": issued_at + self.lifetime_s,
            "iat": issued_at,
            "jti": self.token_id,
            "fam": token.family,
            "knd": token.kind.value,
        }
        if token.tenant:
            claims["tenant"] = token.tenant
        if token.scopes is not None:
            claims["scope"] = " ".join(sorted(token.scopes))
        return claims

    def event(self, event_type: EventType, at: datetime, by: str) -> Event:
        """Return the event that this pair was made."""
        token = self.token
        return Event(
            id=new_id(),
            type=event_type,
            at=at,
            actor=by,
            credential="token",
            subject=token.subject,
            tenant=token.tenant,
            facts={
                "family": token.family,
                "kind": token.kind.value,
                "lifetime_s": self.lifetime_s,
                "scopes": None if token.scopes is None else sorted(token.scopes),
                "token_id": self.token_id,
            },
        )
