"""``keys``: API keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

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
from flask_jafsec.cli.people import subject_of
from flask_jafsec.identity.key_state import KeyState, state_of
from flask_jafsec.records import ApiKey, MintedKey

#: A date, or a date and a time.
TIME: Final = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"])


def add(group: AppGroup) -> None:
    """Add the commands to *group*."""
    keys = AppGroup("keys", help="API keys.", epilog=EPILOG)
    group.add_command(keys)
    _add_looking(keys)
    _add_new(keys)
    _add_ending(keys)


def _add_looking(keys: AppGroup) -> None:
    @command(keys, "list", "List API keys.")
    @click.option("--owner", help="Only keys that act for this user or subject.")
    @click.option("--all", "with_ended", is_flag=True, help="Ended keys too.")
    @json_option
    def list_keys(owner: str | None, with_ended: bool, as_json: bool) -> None:
        subject = subject_of(owner) if owner else None
        found = page_all(lambda after: state().keys.list(owner=subject, after=after))
        found = [key for key in found if with_ended or _status(key) in {"active", "rotating"}]
        if as_json:
            print_json([_told(key) for key in found])
            return
        rows = [(key.id, key.name, _status(key), moment(key.last_used_at)) for key in found]
        print_table(("Id", "Name", "Status", "Last used"), rows, empty="There are no keys.")

    @command(keys, "show", "Show one key.")
    @click.argument("key_id")
    @json_option
    def show_key(key_id: str, as_json: bool) -> None:
        key = state().keys.get(key_id)
        since = state().services.clock.now() - timedelta(days=1)
        with state().store.reading() as tables:
            uses = tables.keys.uses(key_id, since)
        used = {
            "allowed_24h": sum(use.allowed for use in uses),
            "refused_24h": sum(use.refused for use in uses),
        }
        told = {**_told(key), **used}
        print_json(told) if as_json else print_facts(told)


def _add_new(keys: AppGroup) -> None:
    @command(keys, "new", "Mint a key; it is shown this once.")
    @click.argument("name")
    @click.option("--scope", "scopes", multiple=True, required=True, help="May be repeated.")
    @click.option("--owner", default="", help="The user or subject it acts for.")
    @click.option("--environment", type=click.Choice(["live", "test"]), help="Default: the app's.")
    @click.option("--days", type=click.IntRange(1, 3650), help="Days until it expires.")
    @click.option("--network", "networks", multiple=True, help="A CIDR network; may be repeated.")
    @click.option("--rate", default="", help="A rate of its own, such as 100/minute.")
    @json_option
    def new_key(  # the options of the command, each by its name
        name: str,
        scopes: tuple[str, ...],
        owner: str,
        environment: str | None,
        days: int | None,
        networks: tuple[str, ...],
        rate: str,
        as_json: bool,
    ) -> None:
        minted = state().keys.mint(
            name,
            scopes=scopes,
            by=operator(),
            owner=subject_of(owner) if owner else "",
            environment=environment,
            expires_at=datetime.now(UTC) + timedelta(days=days) if days else None,
            networks=networks,
            rate=rate,
        )
        _print_minted(minted, as_json)


def _add_ending(keys: AppGroup) -> None:
    @command(keys, "rotate", "Mint a successor; the key goes on working for a while.")
    @click.argument("key_id")
    @click.option(
        "--overlap",
        type=click.Choice(["none", "1h", "24h", "7d"]),
        default="24h",
        show_default=True,
        help="How long both work.",
    )
    @click.option("--until", type=TIME, help="When the old one ends, instead; UTC.")
    @json_option
    def rotate(key_id: str, overlap: str, until: datetime | None, as_json: bool) -> None:
        ends = overlap if until is None else until.replace(tzinfo=UTC)
        minted = state().keys.rotate(key_id, by=operator(), overlap=ends)
        _print_minted(minted, as_json)

    @command(keys, "end-old", "End a rotated key now; its successor goes on.")
    @click.argument("key_id")
    @yes_option
    @json_option
    def end_old(key_id: str, yes: bool, as_json: bool) -> None:
        key = state().keys.get(key_id)
        confirmed(f"End the old {key.name} ({key.id}) now?", yes=yes)
        key = state().keys.end_overlap(key_id, by=operator(), seen=key.ends_at)
        print_json(_told(key)) if as_json else say(f"The old {key.name} has ended.")

    @command(keys, "extend", "Let a rotated key work until another time.")
    @click.argument("key_id")
    @click.option("--until", type=TIME, required=True, help="When it ends; UTC.")
    @json_option
    def extend(key_id: str, until: datetime, as_json: bool) -> None:
        ends_at = until.replace(tzinfo=UTC)
        key = state().keys.extend_overlap(key_id, ends_at, by=operator())
        told = f"The old {key.name} works until {moment(key.ends_at)}."
        print_json(_told(key)) if as_json else say(told)

    @command(keys, "revoke", "End a key for good, in every process within five seconds.")
    @click.argument("key_id")
    @click.option("--why", default="", help="The reason, for the log.")
    @yes_option
    @json_option
    def revoke(key_id: str, why: str, yes: bool, as_json: bool) -> None:
        key = state().keys.get(key_id)
        confirmed(f"Revoke {key.name} ({key.id}) for good?", yes=yes)
        key = state().keys.revoke(key_id, by=operator(), why=why)
        print_json(_told(key)) if as_json else say(f"{key.name} is revoked.")


def _print_minted(minted: MintedKey, as_json: bool) -> None:
    if as_json:
        print_json({**_told(minted.key), "secret": minted.secret})
        return
    say(f"{minted.key.name} has the id {minted.key.id}.")
    print_secret("API key", minted.secret, "only a hash is kept")


def _status(key: ApiKey) -> str:
    found = state_of(key, state().services.clock.now())
    # Both work as any other; programs read this word.
    is_active = found in (KeyState.EXPIRING, KeyState.UNUSED)
    return KeyState.ACTIVE.value if is_active else found.value


def _told(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "status": _status(key),
        "environment": str(key.environment),
        "owner": key.owner,
        "scopes": sorted(key.scopes),
        "networks": list(key.networks),
        "rate": key.rate,
        "created_at": moment(key.created_at),
        "created_by": key.created_by,
        "expires_at": moment(key.expires_at),
        "ends_at": moment(key.ends_at),
        "successor": key.successor,
        "revoked_at": moment(key.revoked_at),
        "revoked_by": key.revoked_by,
        "revoked_why": key.revoked_why,
        "last_used_at": moment(key.last_used_at),
    }
