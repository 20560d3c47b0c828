"""``tokens``: signed tokens of people and services."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

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
from flask_jafsec.cli.output import moment, print_facts, print_json, say
from flask_jafsec.cli.people import subject_of
from flask_jafsec.identity.permissions import check_permissions
from flask_jafsec.records import TokenPair


def add(group: AppGroup) -> None:
    """Add the commands to *group*."""
    tokens = AppGroup("tokens", help="Signed tokens.", epilog=EPILOG)
    group.add_command(tokens)
    _add_issue(tokens)
    _add_show(tokens)
    _add_revoke(tokens)


def _add_issue(tokens: AppGroup) -> None:
    @command(tokens, "issue", "Issue tokens for a user's name or id, or the host's id.")
    @click.argument("who")
    @click.option("--scope", "scopes", multiple=True, help="An upper bound; may be repeated.")
    @click.option("--seconds", type=click.IntRange(1), help="How long the access token lives.")
    @json_option
    def issue(who: str, scopes: tuple[str, ...], seconds: int | None, as_json: bool) -> None:
        bound = check_permissions(scopes) if scopes else None
        pair = state().tokens.issue(
            subject_of(who), scopes=bound, lifetime_s=seconds, by=operator().name
        )
        _print_pair(pair, as_json)


def _add_show(tokens: AppGroup) -> None:
    @command(tokens, "show", "Verify the access token on standard input and say what it says.")
    @json_option
    def show(as_json: bool) -> None:
        text = sys.stdin.read().strip()
        services = state().services
        token = services.tokens.verify(text, now=services.clock.time())
        generation = services.freshness.check()
        services.access.permissions_of(token.subject, generation)  # refuses disabled users
        services.revocations.check(token, generation)
        told: dict[str, object] = {
            "subject": token.subject,
            "kind": str(token.kind),
            "scopes": None if token.scopes is None else sorted(token.scopes),
            "token_id": token.token_id,
            "family": token.family,
            "tenant": token.tenant,
            "signed_with": token.kid,
            "issued_at": moment(datetime.fromtimestamp(token.issued_at, UTC)),
            "expires_at": moment(datetime.fromtimestamp(token.expires_at, UTC)),
        }
        if as_json:
            print_json(told)
            return
        unbounded = {"scopes": "all of the subject's"} if token.scopes is None else {}
        print_facts({**told, **unbounded})


def _add_revoke(tokens: AppGroup) -> None:
    @command(tokens, "revoke", "Revoke one access token, by its id (jti).")
    @click.argument("token_id")
    @click.option("--why", default="", help="The reason, for the log.")
    @yes_option
    @json_option
    def revoke(token_id: str, why: str, yes: bool, as_json: bool) -> None:
        confirmed(f"Revoke the token {token_id}?", yes=yes)
        state().tokens.revoke(token_id, by=operator().name, why=why)
        if as_json:
            print_json({"token_id": token_id, "revoked": True})
            return
        say(f"{token_id} is revoked.")

    @command(tokens, "revoke-all", "Revoke every token a subject has: sign out everywhere.")
    @click.argument("who")
    @click.option("--why", default="", help="The reason, for the log.")
    @yes_option
    @json_option
    def revoke_all(who: str, why: str, yes: bool, as_json: bool) -> None:
        subject = subject_of(who)
        confirmed(f"Revoke every token of {who}?", yes=yes)
        state().tokens.revoke_all(subject, by=operator().name, why=why)
        if as_json:
            print_json({"subject": subject, "revoked": True})
            return
        say(f"Every token of {who} is revoked.")


def _print_pair(pair: TokenPair, as_json: bool) -> None:
    if as_json:
        print_json({**pair.as_dict(), "token_id": pair.token_id, "family": pair.family})
        return
    click.echo(f"Access token {pair.token_id}, good for {pair.expires_in_s} seconds:\n")
    click.echo(f"{pair.access}\n")
    click.echo("Refresh token, good for one use:\n")
    click.echo(pair.refresh)
