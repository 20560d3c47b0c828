"""``routes``: who may call what."""

from __future__ import annotations

import dataclasses

import click
from flask import current_app
from flask.cli import AppGroup

from flask_jafsec.cli.failing import WANTING, command, fail, json_option, state
from flask_jafsec.cli.output import print_json, print_table
from flask_jafsec.web.route_table import RouteRow, rows


def add(group: AppGroup) -> None:
    """Add the command to *group*."""

    @command(group, "routes", "List every route and who may call it; undeclared ones first.")
    @click.option("--check", is_flag=True, help="Exit with 1 where a route is undeclared.")
    @json_option
    def routes(check: bool, as_json: bool) -> None:
        state()
        table = rows(current_app)
        undeclared = [row for row in table if row.access == "undeclared"]
        if as_json:
            print_json([dataclasses.asdict(row) for row in table])
        else:
            heads = ("Address", "Methods", "Who may call", "By", "Limit")
            print_table(heads, [_cells(row) for row in table], empty="There are no routes.")
        if undeclared and not as_json:
            click.echo(f"{len(undeclared)} undeclared: refused for everybody.")
        if undeclared and check:
            fail("add @jafsec.require(...) or @jafsec.public() to the undeclared views", WANTING)


def _cells(row: RouteRow) -> tuple[str, ...]:
    return (
        row.rule,
        " ".join(row.methods),
        _who(row),
        " ".join(row.credentials),
        " ".join(row.limits),
    )


def _who(row: RouteRow) -> str:
    if row.access == "undeclared":
        return "UNDECLARED: nobody"
    if row.access == "static":
        return "static files"
    who = (" or " if row.any_of else " and ").join(row.permissions)
    if row.access == "public":
        who = "public"
    who = who or "any known caller"
    return f"{who}, owner: {row.owner}" if row.owner else who
