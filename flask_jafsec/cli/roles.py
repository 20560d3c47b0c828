"""``roles``: what they grant, who holds them, who can do what."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from flask_jafsec.cli.failing import (
    EPILOG,
    WANTING,
    command,
    confirmed,
    fail,
    json_option,
    operator,
    state,
    yes_option,
)
from flask_jafsec.cli.output import print_json, print_table, say
from flask_jafsec.cli.people import subject_of
from flask_jafsec.records import Role


def add(group: AppGroup) -> None:
    """Add the commands to *group*."""
    roles = AppGroup("roles", help="Roles, and who holds them.", epilog=EPILOG)
    group.add_command(roles)
    _add_looking(roles)
    _add_changing(roles)
    _add_granting(roles)


def _add_looking(roles: AppGroup) -> None:
    @command(roles, "list", "List all roles and what they grant.")
    @json_option
    def list_roles(as_json: bool) -> None:
        found = state().roles.all()
        if as_json:
            print_json([_told(role) for role in found])
            return
        rows = [
            (role.name, "configured" if role.built_in else "", ", ".join(sorted(role.permissions)))
            for role in found
        ]
        print_table(("Role", "", "Permissions"), rows, empty="There are no roles.")

    @command(roles, "who-can", "List who may do something, and through which role.")
    @click.argument("permission")
    @json_option
    def who_can(permission: str, as_json: bool) -> None:
        found = state().roles.who_can(permission)
        if as_json:
            print_json([{"subject": subject, "role": role} for subject, role in found])
            return
        print_table(("Subject", "Role"), found, empty="Nobody can.")


def _add_changing(roles: AppGroup) -> None:
    @command(roles, "define", "Make a role, or change what it grants.")
    @click.argument("name")
    @click.argument("permissions", nargs=-1, required=True)
    @click.option("--description", default="", help="What it is for.")
    @json_option
    def define(name: str, permissions: tuple[str, ...], description: str, as_json: bool) -> None:
        role = state().roles.define(name, permissions, by=operator(), description=description)
        if as_json:
            print_json(_told(role))
            return
        say(f"{role.name} grants {', '.join(sorted(role.permissions))}.")

    @command(roles, "remove", "Remove a role and every grant of it.")
    @click.argument("name")
    @yes_option
    @json_option
    def remove(name: str, yes: bool, as_json: bool) -> None:
        holders = len(state().roles.holders_of(name))
        confirmed(f"Remove the role {name}, which {holders} hold?", yes=yes)
        state().roles.remove(name, by=operator())
        print_json({"name": name, "removed": True}) if as_json else say(f"{name} is removed.")


def _add_granting(roles: AppGroup) -> None:
    @command(roles, "grant", "Give a role to a subject: a user's name or id, or the host's id.")
    @click.argument("who")
    @click.argument("role")
    @json_option
    def grant(who: str, role: str, as_json: bool) -> None:
        subject = subject_of(who)
        is_new = state().roles.grant(subject, role, by=operator())
        if as_json:
            print_json({"subject": subject, "role": role, "granted": is_new})
            return
        say(f"{subject} {'now holds' if is_new else 'already held'} {role}.")

    @command(roles, "withdraw", "Take a role away from a subject.")
    @click.argument("who")
    @click.argument("role")
    @json_option
    def withdraw(who: str, role: str, as_json: bool) -> None:
        subject = subject_of(who)
        was_held = state().roles.withdraw(subject, role, by=operator())
        if as_json:
            print_json({"subject": subject, "role": role, "withdrawn": was_held})
        if not was_held:
            fail(f"{subject} does not hold {role}", WANTING)
        if not as_json:
            say(f"{subject} no longer holds {role}.")


def _told(role: Role) -> dict[str, object]:
    return {
        "name": role.name,
        "permissions": role.permissions,
        "description": role.description,
        "built_in": role.built_in,
    }
