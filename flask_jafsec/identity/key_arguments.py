"""What people say about a new key, checked: environment, overlap, end, networks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_network
from types import MappingProxyType
from typing import Final

from flask_jafsec.errors import InvalidValue
from flask_jafsec.records import Environment

#: Each is compared on every use of the key.
MAX_NETWORKS: Final = 50


class Overlap(StrEnum):
    """How long a rotated key goes on working beside its successor."""

    NONE = "none"
    HOUR = "1h"
    DAY = "24h"
    WEEK = "7d"


_LASTS: Final[Mapping[Overlap, timedelta]] = MappingProxyType(
    {
        Overlap.NONE: timedelta(0),
        Overlap.HOUR: timedelta(hours=1),
        Overlap.DAY: timedelta(days=1),
        Overlap.WEEK: timedelta(days=7),
    }
)


def environment_of(text: str) -> Environment:
    """Return the environment called *text*. Raises InvalidValue."""
    try:
        return Environment(text)
    except ValueError:
        raise InvalidValue("environment", "must be 'live' or 'test'") from None


def overlap_of(text: str) -> timedelta:
    """Return how long the overlap called *text* lasts. Raises InvalidValue."""
    try:
        return _LASTS[Overlap(text)]
    except ValueError:
        raise InvalidValue("overlap", "must be 'none', '1h', '24h' or '7d'") from None


def in_future(at: datetime | None, now: datetime) -> datetime | None:
    """Return *at* if it is None, or aware and later than *now*. Raises InvalidValue."""
    if at is not None and (at.utcoffset() is None or at <= now):
        raise InvalidValue("expires_at", "must be an aware time in the future")
    return at


def networks_of(texts: Iterable[str]) -> tuple[str, ...]:
    """Return *texts* in one form each, if they are CIDR networks. Raises InvalidValue."""
    try:
        networks = tuple(str(ip_network(text)) for text in texts)
    except ValueError as error:
        raise InvalidValue("networks", f"must be CIDR networks: {error}") from error
    if len(networks) > MAX_NETWORKS:
        raise InvalidValue("networks", f"must be at most {MAX_NETWORKS}")
    return networks
