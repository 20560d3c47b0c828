"""A collector on this machine, as the tests of HTTP reach it."""

from __future__ import annotations

from typing import Any

from flask_jafsec.audit.sinks.http_collector import Address, HttpCollector
from flask_jafsec.clock import SystemClock

TOKEN = "canary-token-0123456789"


TOKEN = "canary-token-0123456789"


def collector(
    port: int, *, timeout_s: float = 20, clock: Any = None, **about: Any
) -> HttpCollector:
    values: dict[str, Any] = {"host": "127.0.0.1", "port": port, "path": "/in", "is_tls": False}
    return HttpCollector(Address(**(values | about)), clock or SystemClock(), timeout_s=timeout_s)
