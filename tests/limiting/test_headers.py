"""What answers say about rates: the draft's two headers, the guide's three, and Retry-After."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.limiting.headers import NEVER_S, limit_headers, limit_state, retry_after_seconds
from flask_jafsec.protocols import Allowance

CHAT = Allowance("chat", True, 20, 60, 19, 0.0, 2.4)
API = Allowance("api", True, 1_000, 3_600, 3, 0.0, 3_590.0)
SPENT = Allowance("burst", False, 2, 1, 0, 0.3, 1.0)


@pytest.mark.parametrize(
    ("wait_s", "told"),
    [
        pytest.param(0.001, 1, id="a moment"),
        pytest.param(1.0, 1, id="a second"),
        pytest.param(1.0001, 2, id="a little more is two"),
        pytest.param(59.2, 60, id="rounded up, never down"),
        pytest.param(0.0, 1, id="never nothing"),
        pytest.param(inf, NEVER_S, id="no wait is long enough"),
    ],
)
def test_retry_after_is_whole_seconds_and_never_too_few(wait_s: float, told: int) -> None:
    assert retry_after_seconds(wait_s) == told


@given(st.floats(0, 1e7))
def test_who_waits_as_long_as_told_has_waited_long_enough(wait_s: float) -> None:
    assert wait_s <= retry_after_seconds(wait_s) <= wait_s + 1


def test_without_a_rate_nothing_is_said() -> None:
    assert limit_headers([], 0.0) == []


@pytest.mark.parametrize(
    ("allowances", "said"),
    [
        pytest.param(
            [CHAT],
            ('"chat";q=20;w=60', '"chat";r=19;t=3', "20", "19", "1003"),
            id="one rate",
        ),
        pytest.param(
            [CHAT, API],
            (
                '"chat";q=20;w=60, "api";q=1000;w=3600',
                '"chat";r=19;t=3, "api";r=3;t=3590',
                "1000",
                "3",
                "4590",
            ),
            id="the guide's name the one with the least left",
        ),
        pytest.param(
            [Allowance("chat", True, 20, 60, 0, 0.0, 60.0), SPENT],
            (
                '"chat";q=20;w=60, "burst";q=2;w=1',
                '"chat";r=0;t=60, "burst";r=0;t=1',
                "2",
                "0",
                "1001",
            ),
            id="or the one that refused",
        ),
    ],
)
def test_the_headers_say_what_the_rates_say(
    allowances: list[Allowance], said: tuple[str, ...]
) -> None:
    names = (
        "RateLimit-Policy",
        "RateLimit",
        "X-RateLimit-Limit",
        "X-RateLimit-Remaining",
        "X-RateLimit-Reset",
    )

    assert limit_headers(allowances, 1_000.0) == list(zip(names, said, strict=True))


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ('say "hi"', r'"say \"hi\""'),
        ("back\\slash", r'"back\\slash"'),
        ("a\r\nSet-Cookie: x", '"a??Set-Cookie: x"'),
        ("caf\u00e9", '"caf?"'),
    ],
)
def test_a_name_stays_inside_its_quotes(name: str, quoted: str) -> None:
    assert limit_state(name, 1, 1.0) == f"{quoted};r=1;t=1"
    ((_, policy), *_) = limit_headers([CHAT._replace(name=name)], 0.0)
    assert policy == f"{quoted};q=20;w=60"
