"""Which address counts as one caller. Who the caller is behind proxies is not decided here."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address, IPv6Network
from typing import Final

#: What callers without a readable address are counted as: all together, so that nobody escapes
#: a limit by having none. A server behind a proxy on a Unix socket needs ProxyFix.
UNKNOWN: Final = "unknown"

#: Translators of IPv4 into IPv6 put the IPv4 address into the last 32 bits, so that all of IPv4
#: would share one /64. Source: RFC 6052 section 2.1.
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")

#: One customer's line has at least a /64, and can take a new address in it for every request.
#: Source: RFC 6177 section 2; RFC 4291 section 2.5.1.
_HOST_BITS: Final = 64

#: The longest address: IPv6 with an embedded IPv4 and a zone as long as Linux allows.
_MAX_TEXT: Final = 64


@lru_cache(maxsize=16_384)
def address_key(text: str) -> str:
    """Return the text under which requests from the address *text* are counted.

    IPv4 is itself, also when written inside IPv6; IPv6 is its network of 64 bits.
    """
    if len(text) > _MAX_TEXT:
        return UNKNOWN
    try:
        if ":" not in text:
            return str(IPv4Address(text))
        return _ipv6_key(IPv6Address(text.partition("%")[0]))
    except AddressValueError:
        return UNKNOWN


def _ipv6_key(address: IPv6Address) -> str:
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    if address in _TRANSLATED:
        return str(IPv4Address(int(address) & 0xFFFF_FFFF))
    network = int(address) >> _HOST_BITS << _HOST_BITS
    return f"{IPv6Address(network)}/64"
