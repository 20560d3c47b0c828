"""What an operator is told when an application starts."""

from __future__ import annotations

import logging
import os
import sys
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask_jafsec.config.settings import Settings

_log = logging.getLogger("flask_jafsec")


def say_what_to_know(settings: Settings) -> None:
    """Log what is less safe than it looks as warnings, which Python shows; the rest as notes."""
    if settings.root_keys_made_up:
        _log.warning(
            "JAFSEC_ROOT_KEYS is not set: a key was made up for debug or tests. Tokens and API "
            "keys made now end with this process. 'flask jafsec secrets new' prints a ready line."
        )
    if settings.limits.enabled and settings.limits.store == "memory":
        _say_how_loose(_workers())
    for name in settings.fallbacks_used:
        _log.info("%s was read from the environment, as the guide calls it", name)
    for name in settings.fallbacks_ignored:
        _log.warning("%s is set and has no effect in this release", name)


def _say_how_loose(workers: int | None) -> None:
    level = logging.WARNING if workers and workers > 1 else logging.INFO
    _log.log(
        level,
        "limits are kept in memory, by each process for itself: several workers together let "
        "%s as much through. JAFSEC_LIMITS_STORE=redis://... makes them exact.",
        f"{workers} times" if workers else "as many times as there are workers",
    )


def _workers() -> int | None:
    """Return how many workers a server was told to start, where that can be seen."""
    for number in (os.environ.get("WEB_CONCURRENCY", ""), *_arguments(sys.argv)):
        if number.isdigit():
            return int(number)
    return None


def _arguments(words: list[str]) -> list[str]:
    """Return what stands behind gunicorn's options for the number of workers."""
    found = [word.partition("=")[2] for word in words if word.startswith("--workers=")]
    found += [after for word, after in pairwise(words) if word in _OPTIONS]
    return found


_OPTIONS = frozenset({"-w", "--workers"})
