"""What people say about a new key, checked: environment, overlap, end, networks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from ipaddress import ip_network
from types import MappingProxyType
from typing import Final

from flask_jafsec.errors import InvalidValue
from flask_jafsec.records import Environment

#: Each is compared on every use of the key.
MAX_NETWORKS: Final = 50

#: Days after which a key expires, for who does not want to choose a date.
#: Source: console specification, B5.
EXPIRIES: Final = ("30", "90", "365")

#: Times near the end of what Python's dates know cannot be reckoned with.
MAX_YEAR: Final = 9_000


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


def expiry_of(choice: str, day: str, now: datetime) -> datetime | None:
    """Return when a key expires; None for never.

    Args:
        choice: A number of days, ``date`` or ``never``.
        day: For ``date``: the last day of the key, such as ``2027-02-19``, UTC.

    Raises:
        InvalidValue: It is something else, or not in the future.
    """
    if choice == "never":
        return None
    if choice in EXPIRIES:
        return now + timedelta(days=int(choice))
    if choice != "date":
        raise InvalidValue("expires_at", "must be 30, 90 or 365 days, a date, or never")
    last = moment_of("expires_on", day) + timedelta(days=1, seconds=-1)
    if last <= now:
        raise InvalidValue("expires_on", "must be today or later")
    return last


def moment_of(field: str, text: str) -> datetime:
    """Return the UTC time of a date, or of a date and a time. Raises InvalidValue."""
    try:
        found = datetime.fromisoformat(text.strip())
        utc = found.replace(tzinfo=UTC) if found.utcoffset() is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidValue(field, "must be a date such as 2027-02-19") from None
    if utc.year > MAX_YEAR:
        raise InvalidValue(field, f"must not be after {MAX_YEAR}; choose never")
    return utc


def listed_networks(text: str) -> tuple[str, ...]:
    """Return networks that stand in one text, between commas or spaces. Raises InvalidValue."""
    return networks_of(text.replace(",", " ").split())
