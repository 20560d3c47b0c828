"""What takes events outside, and how it says that it did not. No target is written here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from flask_jafsec.audit.sinks.rendering import ExportRecord
from flask_jafsec.errors import JafsecError

#: How long connecting may take, and each step after it, in seconds. Source: fault matrix, R4.
TIMEOUT_S = 5.0


class Target(Protocol):
    """One place outside."""

    @property
    def name(self) -> str:
        """What its cursor is kept under: stable, and without a secret."""

    def send(self, records: Sequence[ExportRecord]) -> None:
        """Return once all *records*, in this order, are taken.

        Raises:
            TargetFailed: They may or may not be; send them again later.
            RecordRefused: One of them will never be taken as it is.
        """


class TargetFailed(JafsecError):
    """Nobody knows whether the target took the events. The message holds nothing it answered.

    ``retry_after_s`` is how long the target wishes to be left alone, where it said so.
    """

    code = "export_failed"

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class TlsInvalid(TargetFailed):
    """The target could not prove who it is. Nothing was sent, and nothing goes in clear text."""

    code = "export_tls"


class RecordRefused(JafsecError):
    """The target refuses one record for good; ``index`` is its place, None if it did not say."""

    code = "export_refused"

    def __init__(self, message: str, index: int | None = None) -> None:
        self.index = index
        super().__init__(message)
