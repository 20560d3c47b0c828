"""The arithmetic of token buckets, as pure functions. Where states are kept is not said here.

A bucket holds ``limit`` tokens and gets one back every ``window_s / limit`` seconds. Its whole
state is one float, the time at which it will be full again: the "theoretical arrival time" of the
generic cell rate algorithm (ITU-T I.371, annex A), which counts exactly as a leaky bucket does.
"""

from __future__ import annotations

from math import inf
from typing import Final

#: The state of a bucket that was never used. Any time up to now means the same.
FULL: Final = -inf

#: How much too early, in tokens, one may be taken. Floats carry time with about 1e-11 s of noise,
#: and without any slack the last token of a full bucket could be refused by it.
SLACK: Final = 0.001


def take(
    full_at: float, now: float, limit: int, window_s: int, cost: int = 1
) -> tuple[float, bool, int, float, float]:
    """Take *cost* tokens at *now* from the bucket that is full again at *full_at*.

    A refused request takes nothing. A state further ahead than one window (another rate's, or
    from before a clock was set back) counts as an empty bucket.

    Returns:
        The new state, allowed, remaining, retry_after_s (0.0 when allowed; infinite when *cost*
        is more than the whole bucket) and reset_after_s, as in ``protocols.Allowance``.
    """
    token_s = window_s / limit
    missing_s = full_at - now
    if missing_s < 0.0:
        missing_s = 0.0
    elif missing_s > window_s:
        missing_s = window_s
    wanted_s = missing_s + cost * token_s
    excess_s = wanted_s - window_s
    if excess_s <= SLACK * token_s:
        left = int((window_s - wanted_s) / token_s + SLACK)
        return now + wanted_s, True, left, 0.0, wanted_s
    left = int((window_s - missing_s) / token_s + SLACK)
    return full_at, False, left, excess_s if cost <= limit else inf, missing_s
