"""``init``, ``db``, ``secrets``: what is done once, and with every release."""

from __future__ import annotations

import os

import click
from flask.cli import AppGroup

from flask_jafsec.cli.failing import (
    EPILOG,
    MISCONFIGURED,
    UNAVAILABLE,
    WANTING,
    command,
    fail,
    json_option,
    operator,
    state,
)
from flask_jafsec.cli.output import print_json, print_secret, say
from flask_jafsec.errors import StoreUnavailable

#: How SQLite and PostgreSQL say that they take no changes from us.
_REFUSALS = ("readonly", "read-only", "permission denied")

#: The built-in role of those who administrate JafSecurity (web/assemble.py).
ADMIN_ROLE = "jafsec_admin"


def add(group: AppGroup) -> None:
    """Add the commands to *group*."""
    _add_init(group)
    _add_db(group)
    _add_secrets(group)


def _add_init(group: AppGroup) -> None:
    @command(group, "init", "Make the database and the first administrator.")
    @click.option("--name", default="admin", show_default=True, help="The administrator's name.")
    @json_option
    def init(name: str, as_json: bool) -> None:
        from flask_jafsec.stores.schema import upgrade

        here = state()
        upgrade(here.settings.database_url)
        if here.roles.holders_of(ADMIN_ROLE):
            message = "There is an administrator already; nothing was changed."
            print_json({"created": False}) if as_json else click.echo(message)
            return
        made = here.users.create(name, by=operator())
        here.roles.grant(made.user.id, ADMIN_ROLE, by=operator())
        if as_json:
            told = {"id": made.user.id, "name": name, "password": made.one_time_password}
            print_json({"created": True, **told})
            return
        say(f"Administrator {name} made, with the role {ADMIN_ROLE}.")
        print_secret("One-time password", made.one_time_password, "24 hours, for the first sign-in")
        click.echo(f"Sign in at {here.settings.console_prefix}/ and choose a password.")


def _add_db(group: AppGroup) -> None:
    db = AppGroup("db", help="The database's schema.", epilog=EPILOG)
    group.add_command(db)

    @command(db, "upgrade", "Bring the database to the schema this release works with.")
    @json_option
    def upgrade_db(as_json: bool) -> None:
        from flask_jafsec.stores.schema import upgrade

        before = upgrade(state().settings.database_url)
        if as_json:
            print_json({"was": before.current, "current": before.wanted})
            return
        was = before.current or "empty"
        click.echo(
            f"Already at {before.wanted}."
            if before.current == before.wanted
            else f"Upgraded from {was} to {before.wanted}."
        )

    @command(db, "check", "Say whether the database can be used by this release.")
    @json_option
    def check_db(as_json: bool) -> None:
        from flask_jafsec.stores.schema import check, try_writing

        found = check(state().settings.database_url)
        told = {"current": found.current, "wanted": found.wanted, "state": str(found.state)}
        if as_json:
            print_json(told)
        else:
            click.echo(f"{told['state']}: at {found.current or 'nothing'}, wanted {found.wanted}")
        if found.state in {"foreign", "newer"}:
            fail("this release does not know the database's schema", UNAVAILABLE)
        if found.state != "current":
            fail("run 'flask jafsec db upgrade'", WANTING)
        try:
            try_writing(state().settings.database_url)
        except StoreUnavailable as error:
            # Only what will not pass by itself: somebody else's lock does.
            if not any(word in str(error) for word in _REFUSALS):
                raise
            fail(f"the database must be writable for JAFSEC_DATABASE_URL: {error}", MISCONFIGURED)


def _add_secrets(group: AppGroup) -> None:
    secrets = AppGroup("secrets", help="Keys of this installation.", epilog=EPILOG)
    group.add_command(secrets)

    # Without the app: it may not start before there is a key.
    @secrets.command("new", with_appcontext=False, help="Print a line with a new root key.")
    @click.option("--id", "present", multiple=True, help="Id of a root key in use, newest first.")
    def new(present: tuple[str, ...]) -> None:
        from flask_jafsec.config.secrets import new_line

        set_now = os.environ.get("JAFSEC_ROOT_KEYS", "")
        found = [part.partition(":")[0].strip() for part in set_now.split(",") if ":" in part]
        click.echo(new_line(present or found))
