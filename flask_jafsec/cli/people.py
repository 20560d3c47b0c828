"""``users``: the built-in users."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import AppGroup

from flask_jafsec.cli.failing import (
    EPILOG,
    command,
    confirmed,
    json_option,
    operator,
    state,
    yes_option,
)
from flask_jafsec.cli.output import (
    moment,
    page_all,
    print_facts,
    print_json,
    print_secret,
    print_table,
    say,
)
from flask_jafsec.records import User
from flask_jafsec.web import subjects


def add(group: AppGroup) -> None:
    """Add the commands to *group*."""
    users = AppGroup("users", help="The built-in users.", epilog=EPILOG)
    group.add_command(users)
    _add_looking(users)
    _add_changing(users)


def find_user(who: str) -> User:
    """Return the user with this name or id. Raises NotFound."""
    return subjects.find_user(state(), who)


def subject_of(who: str) -> str:
    """Return the id of the built-in user called *who*; else *who*, a subject of the host's."""
    return subjects.subject_of(state(), who)


def _add_looking(users: AppGroup) -> None:
    @command(users, "list", "List all users.")
    @json_option
    def list_users(as_json: bool) -> None:
        found = page_all(state().users.list)
        if as_json:
            print_json([_told(user) for user in found])
            return
        rows = [(user.id, user.name, _status(user)) for user in found]
        print_table(("Id", "Name", "Status"), rows, empty="There are no users.")

    @command(users, "show", "Show one user, by name or id.")
    @click.argument("who")
    @json_option
    def show_user(who: str, as_json: bool) -> None:
        told = _told(find_user(who))
        print_json(told) if as_json else print_facts(told)


def _add_changing(users: AppGroup) -> None:
    @command(users, "new", "Make a user with a one-time password.")
    @click.argument("name")
    @click.option("--role", "roles", multiple=True, help="A role to grant; may be repeated.")
    @json_option
    def new_user(name: str, roles: tuple[str, ...], as_json: bool) -> None:
        here = state()
        for role in roles:
            here.roles.get(role)  # before anything is made: a misspelt role makes no user
        made = here.users.create(name, by=operator())
        for role in roles:
            here.roles.grant(made.user.id, role, by=operator())
        _print_password(made, as_json)

    @command(users, "reset-password", "Give a user a new one-time password.")
    @click.argument("who")
    @yes_option
    @json_option
    def reset_password(who: str, yes: bool, as_json: bool) -> None:
        user = find_user(who)
        confirmed(f"End all sessions of {user.name} and replace the password?", yes=yes)
        _print_password(state().users.reset_password(user.id, by=operator()), as_json)

    @command(users, "disable", "Take everything a user may do away.")
    @click.argument("who")
    @yes_option
    @json_option
    def disable(who: str, yes: bool, as_json: bool) -> None:
        user = find_user(who)
        confirmed(f"Disable {user.name} ({user.id}) and end their sessions?", yes=yes)
        user = state().users.disable(user.id, by=operator())
        print_json(_told(user)) if as_json else say(f"{user.name} is disabled.")

    @command(users, "enable", "Let a disabled user in again.")
    @click.argument("who")
    @json_option
    def enable(who: str, as_json: bool) -> None:
        user = state().users.enable(find_user(who).id, by=operator())
        print_json(_told(user)) if as_json else say(f"{user.name} is enabled.")


def _print_password(made: Any, as_json: bool) -> None:
    if as_json:
        print_json({**_told(made.user), "password": made.one_time_password})
        return
    say(f"{made.user.name} has the id {made.user.id}.")
    print_secret("One-time password", made.one_time_password, "24 hours, to be changed")


def _status(user: User) -> str:
    if user.disabled_at is not None:
        return "disabled"
    return "one-time password" if user.must_change else "active"


def _told(user: User) -> dict[str, object]:
    return {
        "id": user.id,
        "name": user.name,
        "status": _status(user),
        "roles": sorted(state().roles.roles_of(user.id)),
        "tenant": user.tenant,
        "created_at": moment(user.created_at),
        "created_by": user.created_by,
    }
