"""What the commands of the log share: their exit codes, and the log itself."""

from __future__ import annotations

from typing import Any, Final

import click
from flask.cli import AppGroup

from flask_jafsec.cli.failing import REFUSED, fail, operator, state
from flask_jafsec.events import Event, EventType, Outcome
from flask_jafsec.ids import new_id
from flask_jafsec.web.audit_log import AuditLog

#: Source: audit-log specification, 5.7.
TAMPERED: Final = 1
INCOMPLETE: Final = 2
USAGE: Final = 3

EPILOG: Final = (
    "Exit codes: 0 OK; 1 tampered; 2 incomplete, or it cannot be verified; 3 wrong usage, or "
    "refused; 4 the database is not available."
)


class _WrongUsage(click.UsageError):
    exit_code = USAGE


class AuditGroup(AppGroup):
    """A group in which 2 means "incomplete", so that wrong usage needs a code of its own."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; wrong usage ends with 3."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            # Some have no message but what they make of the option that is missing.
            raise _WrongUsage(error.format_message(), ctx=error.ctx) from error


def log_of() -> AuditLog:
    """Return the log of the app the command runs for."""
    log = state().audit_log
    if log is None:
        fail("this application's store keeps no audit log", REFUSED)
    return log


def record_looking(kind: EventType, facts: dict[str, object]) -> None:
    """Record that somebody looked: who verified, copied or opened, and when, is in the log too."""
    services = state().services
    services.trail.record(
        Event(
            id=new_id(),
            type=kind,
            at=services.clock.now(),
            outcome=Outcome.DONE,
            actor=operator().name,
            facts=facts,
        )
    )
