"""The frozen bundle of collaborators the steps may use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask_jafsec.records import Identity

if TYPE_CHECKING:
    from flask_jafsec.audit.trail import Trail
    from flask_jafsec.identity.access import Access
    from flask_jafsec.identity.api_keys import ApiKeys
    from flask_jafsec.identity.freshness import Freshness
    from flask_jafsec.identity.key_use import KeyUseCounter
    from flask_jafsec.identity.revocations import Revocations
    from flask_jafsec.identity.tokens import Tokens
    from flask_jafsec.limiting.limiter import Limiter
    from flask_jafsec.limiting.rates import Rate
    from flask_jafsec.pipeline.exchange import Exchange
    from flask_jafsec.pipeline.recognised import Recognised
    from flask_jafsec.protocols import Clock, RateStore
    from flask_jafsec.transport.cors import Cors


@dataclass(frozen=True, slots=True)
class Services:
    """What the steps work with; put together once per app in web/assemble.py."""

    clock: Clock
    trail: Trail
    tokens: Tokens
    keys: ApiKeys
    key_use: KeyUseCounter
    access: Access
    revocations: Revocations
    freshness: Freshness
    recognised: Recognised
    limiter: Limiter | None
    """None where limits are switched off."""
    address_rate: Rate | None
    address_rates: RateStore
    """Always local: the gate waits for no network."""
    cors: Cors | None
    find_session: Callable[[Exchange], Identity | None]
    """Knows the host's signed-in user, or ours; None when nobody is signed in."""
    https_redirect: bool
    health_paths: frozenset[str]
    realm: str
    trusted_hosts: tuple[str, ...] = ()
    """Hosts the application answers to; empty for any."""
    private_prefix: str = ""
    """Where the console stands, which no page of another origin may read."""
