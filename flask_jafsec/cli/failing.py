"""Errors of services as one line and an exit code; nobody reads a traceback for a wrong name."""

from __future__ import annotations

import functools
import getpass
import sys
from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeVar

import click
from flask import current_app
from flask.cli import AppGroup, with_appcontext

from flask_jafsec.cli.output import shown
from flask_jafsec.errors import (
    Busy,
    Conflict,
    CredentialRejected,
    GrantExceeded,
    InvalidValue,
    NotFound,
    SettingsError,
    StoreUnavailable,
)
from flask_jafsec.identity.permissions import Actor
from flask_jafsec.web.extension import EXTENSION, state_of
from flask_jafsec.web.state import State

F = TypeVar("F", bound=Callable[..., Any])

#: What a check found wanting; also an expired or revoked token.
WANTING: Final = 1
#: Refused: no such thing, not allowed, in conflict, or a value that cannot be used.
REFUSED: Final = 3
#: The database did not answer, or is not at the schema this code works with.
UNAVAILABLE: Final = 4
#: The app refuses its configuration. Source: EX_CONFIG of BSD's sysexits.h.
MISCONFIGURED: Final = 78

EPILOG: Final = (
    "Exit codes: 0 done; 1 checked and found wanting; 2 wrong usage; 3 refused (no such thing, "
    "not allowed, in conflict); 4 the database is not available; 78 the configuration is not "
    "valid."
)


def command(group: AppGroup, name: str, help_text: str) -> Callable[[F], click.Command]:
    """Return a decorator that adds a command of the app to *group*, with our exit codes."""

    def decorate(function: F) -> click.Command:
        # Around it all: the app is loaded on the way in, and may refuse its configuration there.
        guarded = _guarded(with_appcontext(_without_lines(function)))
        return group.command(name, with_appcontext=False, help=help_text, epilog=EPILOG)(guarded)

    return decorate


def _without_lines(function: F) -> F:
    """Return *function* without its events as lines on standard error.

    To a person at a terminal they look like an error. They are in the audit log all the same;
    where the store keeps none, the lines are all there is, and stay.
    """

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        found = current_app.extensions.get(EXTENSION)
        if found is None or found.lines is None or found.audit_log is None:
            return function(*args, **kwargs)
        with found.lines.quiet():
            try:
                return function(*args, **kwargs)
            finally:
                # At once, while it is quiet: the process is about to end, and would tell of it.
                found.services.trail.say_goodbye()

    return run  # type: ignore[return-value]  # the same signature, by functools.wraps


def _guarded(function: F) -> F:
    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except StoreUnavailable as error:
            fail(str(error), UNAVAILABLE)
        except CredentialRejected as error:
            fail(f"not accepted: {error.reason}", WANTING)
        except SettingsError as error:
            for line in str(error).splitlines():
                click.echo(shown(line), err=True)
            sys.exit(MISCONFIGURED)
        except (Busy, Conflict, GrantExceeded, InvalidValue, NotFound) as error:
            fail(str(error), REFUSED)

    return run  # type: ignore[return-value]  # the same signature, by functools.wraps


def fail(message: str, code: int) -> NoReturn:
    """Print *message* on standard error and end with *code*."""
    click.echo(f"jafsec: {shown(message)}", err=True)
    sys.exit(code)


def state() -> State:
    """Return the services of the app the command runs for."""
    if EXTENSION not in current_app.extensions:
        fail("this application has no JafSecurity. Did you forget JafSecurity(app)?", REFUSED)
    return state_of(current_app)


def operator() -> Actor:
    """Return who runs the command. Whoever has the machine has its keys, so may do everything."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "unknown"  # a container without a user database
    return Actor.operator(f"cli:{name}")


def confirmed(question: str, *, yes: bool) -> None:
    """Ask before something that cannot be taken back; ``--yes`` answers for scripts."""
    if not yes:
        click.confirm(shown(question), abort=True, err=True)


def yes_option(function: F) -> F:
    """Add ``--yes`` to a command."""
    return click.option("--yes", is_flag=True, help="Do not ask.")(function)


def json_option(function: F) -> F:
    """Add ``--json`` to a command."""
    option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
    return option(function)
