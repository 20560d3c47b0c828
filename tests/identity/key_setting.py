"""A key, and what its bearer may do; no tests live here."""

from __future__ import annotations

from typing import Any

from flask_jafsec.errors import CredentialRejected
from flask_jafsec.records import MintedKey
from tests.identity.rights_setting import HOME, OPERATOR, House


def mint(house: House, *scopes: str, **options: Any) -> MintedKey:
    return house.keys.mint("ci", scopes=scopes or ("agent:read",), by=OPERATOR, **options)


def may(house: House, secret: str, client: str = HOME) -> frozenset[str]:
    """Return what the bearer of *secret* may do now."""
    match = house.keys.match(
        secret, client=client, now=house.clock.time(), generation=house.generation
    )
    return match.permissions


def reason(house: House, secret: str, client: str = HOME) -> str:
    """Return why *secret* is refused; empty where it is not."""
    try:
        may(house, secret, client)
    except CredentialRejected as refused:
        return refused.reason
    return ""
