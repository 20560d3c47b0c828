"""A service of tokens on dictionaries, with a clock that stands still; no tests live here."""

import base64
import hmac
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from flask_jafsec.errors import CredentialRejected
from flask_jafsec.events import Event, EventType
from flask_jafsec.identity.revocations import Revocations
from flask_jafsec.identity.token_claims import ClaimRules
from flask_jafsec.identity.token_keys import TokenKey, TokenKeys
from flask_jafsec.identity.token_verifying import TokenVerifier
from flask_jafsec.identity.tokens import Tokens
from flask_jafsec.protocols import Store, Tables
from flask_jafsec.stores.memory import MemoryStore

T = TypeVar("T")

ISSUER = "https://issuer.example"
AUDIENCE = "https://api.example"
SECRET = bytes(range(32))
REFRESH_KEY = bytes(range(32, 64))

_RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
_OTHER_RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
_EC = ec.generate_private_key(ec.SECP256R1())
_ED = ed25519.Ed25519PrivateKey.generate()


def private_pem(key: Any) -> str:
    return str(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()
    )


def public_pem(key: Any) -> str:
    return str(
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


RSA_PEM = private_pem(_RSA)
RSA_PUBLIC_PEM = public_pem(_RSA)
RSA_PUBLIC_DER = _RSA.public_key().public_bytes(
    serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
)
OTHER_RSA_PEM = private_pem(_OTHER_RSA)
EC_PEM = private_pem(_EC)
ED_PEM = private_pem(_ED)

#: One key per algorithm we accept; the RSA ones share their numbers, as do the Ed25519 ones.
KEYS: Mapping[str, TokenKey] = {
    "HS256": TokenKey.from_secret("k-hs", SECRET),
    "RS256": TokenKey.from_text("k-rs", RSA_PEM),
    "PS256": TokenKey.from_text("k-ps", RSA_PEM, "PS256"),
    "ES256": TokenKey.from_text("k-es", EC_PEM),
    "EdDSA": TokenKey.from_text("k-ed", ED_PEM),
    "Ed25519": TokenKey.from_text("k-25519", ED_PEM, "Ed25519"),
}


class StillClock:
    """Time passes only when ``advance`` is called. (flask_jafsec.testing's would bring Flask.)"""

    def __init__(self, at: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC)) -> None:
        self._at = at
        self._monotonic = 1_000.0

    def now(self) -> datetime:
        return self._at

    def time(self) -> float:
        return self._at.timestamp()

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        self._at += timedelta(seconds=seconds)
        self._monotonic += seconds


class PlainRecorder:
    """Begin, change, commit, remember the event."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.events: list[Event] = []
        self._lock = threading.Lock()

    def record(self, event: Event) -> None:
        with self._lock:
            self.events.append(event)

    def commit_with(self, event: Event, change: Callable[[Tables], T]) -> T:
        with self._store.writing() as tables:
            result = change(tables)
        self.record(event)
        return result

    def of(self, event_type: EventType) -> list[Event]:
        return [event for event in self.events if event.type is event_type]


@dataclass
class Setting:
    """Everything a test of tokens needs; ``tokens`` is what is tested."""

    keys: TokenKeys = field(default_factory=lambda: TokenKeys([KEYS["HS256"]]))
    options: Mapping[str, Any] = field(default_factory=dict)
    clock: StillClock = field(default_factory=StillClock)
    store: MemoryStore = field(default_factory=MemoryStore)

    def __post_init__(self) -> None:
        self.recorder = PlainRecorder(self.store)
        self.tokens = self.process(self.keys)
        self.revocations = Revocations(self.store, self.clock)

    def process(self, keys: TokenKeys) -> Tokens:
        """The service as another process on the same store has it."""
        options: dict[str, Any] = {
            "issuer": ISSUER,
            "audience": AUDIENCE,
            "refresh_keys": [REFRESH_KEY],
            **self.options,
        }
        return Tokens(keys, self.store, self.recorder, self.clock, **options)

    @property
    def now(self) -> float:
        return self.clock.time()

    def admit(self, access: str) -> str:
        """Return the subject of *access*, as the gate would find it, bans and all."""
        token = self.tokens.verify(access, now=self.now)
        self.revocations.check(token, self.store.epoch())
        return token.subject


def claims(now: float, **changed: Any) -> dict[str, Any]:
    """Return good claims with some changed; the value ``...`` leaves one out."""
    good = {
        "iss": ISSUER,
        "sub": "anna",
        "aud": AUDIENCE,
        "exp": int(now) + 600,
        "iat": int(now),
        "jti": "01KE00000000000000000000AA",
    }
    return {name: value for name, value in {**good, **changed}.items() if value is not ...}


def forge(
    key: TokenKey, members: Mapping[str, Any] | bytes, header: Mapping[str, str] | None = None
) -> str:
    """Return a token that *key* really signed, whatever its claims say."""
    payload = members if isinstance(members, bytes) else json.dumps(members).encode()
    return key.sign({"typ": "at+jwt", **(header or {})}, payload)


def segment(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


#: All keys at once, so that a token may try any of them.
RING = TokenKeys(KEYS.values())
VERIFIER = TokenVerifier(RING, ClaimRules(ISSUER, AUDIENCE))


def hand_signed(header: object, members: object, secret: bytes = SECRET) -> str:
    """Return a token with any header at all, really signed by HS256."""
    text = f"{segment(header)}.{segment(members)}"
    return f"{text}.{segment(hmac.digest(secret, text.encode(), 'sha256'))}"


def reason(token: str, now: float, verifier: TokenVerifier = VERIFIER) -> str:
    """Return why *token* is refused; fails the test where it is not."""
    with pytest.raises(CredentialRejected) as refused:
        verifier.verify(token, now)
    return refused.value.reason
