"""What an answer says about the rates that were taken from, as plain header pairs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import ceil, isinf
from typing import Final

from flask_jafsec.protocols import Allowance

#: What ``Retry-After`` says where no wait is long enough (a request dearer than its whole rate).
NEVER_S: Final = 24 * 3600


def retry_after_seconds(retry_after_s: float) -> int:
    """Return the whole seconds for ``Retry-After``: rounded up, at least 1.

    Source: RFC 9110 section 10.2.3 (delay-seconds is a whole number).
    """
    return NEVER_S if isinf(retry_after_s) else max(1, ceil(retry_after_s))


def limit_headers(allowances: Sequence[Allowance], now: float) -> list[tuple[str, str]]:
    """Return the headers for *allowances*; none for none.

    ``RateLimit-Policy`` and ``RateLimit`` list every rate. The guide's three headers have room for
    one: the rate that refused, else the one with the least left.

    Args:
        allowances: In the order they were taken; only the last can be a refusal.
        now: Seconds since 1970. ``X-RateLimit-Reset`` is the second from which on the whole
            limit is there again.

    Source: draft-ietf-httpapi-ratelimit-headers-10 sections 3 and 4.
    """
    if not allowances:
        return []
    if len(allowances) == 1:
        tightest = allowances[0]
        policy = _policy(tightest.name, tightest.limit, tightest.window_s)
        state = _state(tightest)
    else:
        last = allowances[-1]
        tightest = min(allowances, key=_remaining) if last.allowed else last
        policy = ", ".join(_policy(one.name, one.limit, one.window_s) for one in allowances)
        state = ", ".join(map(_state, allowances))
    return [
        ("RateLimit-Policy", policy),
        ("RateLimit", state),
        ("X-RateLimit-Limit", str(tightest.limit)),
        ("X-RateLimit-Remaining", str(tightest.remaining)),
        ("X-RateLimit-Reset", str(ceil(now + tightest.reset_after_s))),
    ]


def _remaining(allowance: Allowance) -> int:
    return allowance.remaining


def limit_state(name: str, remaining: int, reset_after_s: float) -> str:
    """Return what ``RateLimit`` says about one rate."""
    return f"{_quoted(name)};r={remaining};t={ceil(reset_after_s)}"


def _state(allowance: Allowance) -> str:
    return limit_state(allowance.name, allowance.remaining, allowance.reset_after_s)


@lru_cache(maxsize=256)
def _policy(name: str, limit: int, window_s: int) -> str:
    return f"{_quoted(name)};q={limit};w={window_s}"


@lru_cache(maxsize=256)
def _quoted(name: str) -> str:
    """Return *name* as a string of RFC 9651 section 3.3.3, which is printable ASCII."""
    printable = "".join(char if " " <= char <= "~" else "?" for char in name)
    escaped = printable.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
