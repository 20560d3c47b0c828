"""Whose requests are counted together by address."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.limiting.addresses import UNKNOWN, address_key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        pytest.param("192.0.2.7", "192.0.2.7", id="IPv4 is itself"),
        pytest.param("192.0.2.8", "192.0.2.8", id="and not its neighbour"),
        pytest.param("::ffff:192.0.2.7", "192.0.2.7", id="IPv4 inside IPv6"),
        pytest.param("::FFFF:C000:207", "192.0.2.7", id="the same in hexadecimal"),
        pytest.param("64:ff9b::192.0.2.7", "192.0.2.7", id="IPv4 through a translator"),
        pytest.param("64:ff9b::192.0.2.8", "192.0.2.8", id="each for itself there, too"),
        pytest.param("2001:db8:1:2::1", "2001:db8:1:2::/64", id="IPv6 is its /64"),
        pytest.param("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64", id="all of it"),
        pytest.param("2001:db8:1:3::1", "2001:db8:1:3::/64", id="and not the next"),
        pytest.param("2001:DB8:1:2:0:0:0:1", "2001:db8:1:2::/64", id="however written"),
        pytest.param("fe80::1%eth0", "fe80::/64", id="a zone is no other caller"),
        pytest.param("::1", "::/64", id="this machine"),
    ],
)
def test_an_address_is_counted_as_one_caller(text: str, key: str) -> None:
    assert address_key(text) == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "unix:",
        "localhost",
        "192.0.2.7, 203.0.113.9",
        "192.0.2.7:80",
        "192.0.2.07",
        "192.0.2",
        "[::1]",
        "::1::",
        "::1/64",
        "\u0661.2.3.4",
        "192.0.2.7\n",
        "1" * 100_000,
        "fe80::1%" + "z" * 100,
    ],
)
def test_who_has_no_readable_address_is_counted_with_all_the_others(text: str) -> None:
    assert address_key(text) == UNKNOWN


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_two_ipv4_addresses_are_never_one_caller(one: int, other: int) -> None:
    keys = {address_key(str(IPv4Address(number))) for number in (one, other)}

    assert len(keys) == len({one, other})


@given(st.integers(1, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_every_address_of_a_64_is_one_caller(network: int, one: int, other: int) -> None:
    first, second = (IPv6Address(network << 64 | host) for host in (one, other))
    if str(first).startswith("64:ff9b::"):
        return

    assert address_key(str(first)) == address_key(second.exploded) != UNKNOWN


@given(st.text())
def test_any_text_is_somebody(text: str) -> None:
    assert 1 <= len(address_key(text)) <= 43
