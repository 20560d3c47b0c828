"""Where events can go, as values, and the target for each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from flask_jafsec.audit.sinks.file import LineFile
from flask_jafsec.audit.sinks.http_collector import Address, HttpCollector
from flask_jafsec.audit.sinks.log_stream import LogStream
from flask_jafsec.audit.sinks.syslog import FACILITY, SyslogTcp, SyslogUdp
from flask_jafsec.audit.sinks.target import Target
from flask_jafsec.protocols import Clock


@dataclass(frozen=True, slots=True)
class LogPlace:
    """The process's log."""


@dataclass(frozen=True, slots=True)
class FilePlace:
    """A file."""

    path: str


@dataclass(frozen=True, slots=True)
class SyslogPlace:
    """A syslog receiver."""

    transport: Literal["tcp", "udp"]
    host: str
    port: int
    facility: int = FACILITY


Place = LogPlace | FilePlace | SyslogPlace | Address


def target_of(place: Place, clock: Clock, *, own_host: str) -> Target:
    """Return the target at *place*; nothing is opened yet.

    Args:
        own_host: What this machine is called in syslog messages.
    """
    if isinstance(place, LogPlace):
        return LogStream()
    if isinstance(place, FilePlace):
        return LineFile(Path(place.path))
    if isinstance(place, Address):
        return HttpCollector(place, clock)
    host, port, facility = place.host, place.port, place.facility
    if place.transport == "udp":
        return SyslogUdp(host, port, own_host=own_host, facility=facility)
    return SyslogTcp(host, port, clock, own_host=own_host, facility=facility)
