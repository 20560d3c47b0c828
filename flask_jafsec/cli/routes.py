"""``routes``: who may call what."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import click
from flask import current_app
from flask.cli import AppGroup

from flask_jafsec.cli.failing import WANTING, command, fail, json_option, state
from flask_jafsec.cli.output import print_json, print_table, say
from flask_jafsec.web.route_table import RouteRow, rows


def add(group: AppGroup) -> None:
    """Add the command to *group*."""

    @command(group, "routes", "List every route and who may call it; undeclared ones first.")
    @click.option("--check", is_flag=True, help="Exit with 1 where one is undeclared or wrong.")
    @json_option
    def routes(check: bool, as_json: bool) -> None:
        state()
        table = rows(current_app)
        undeclared = [row for row in table if row.access == "undeclared"]
        wrong = [row for row in table if row.fault]
        if as_json:
            print_json([dataclasses.asdict(row) for row in table])
        else:
            heads = ("Address", "Methods", "Who may call", "By", "Limit")
            print_table(heads, [_cells(row) for row in table], empty="There are no routes.")
            _say_what_is_wrong(undeclared, wrong)
        if wrong and check:
            fail("correct the declarations that cannot work", WANTING)
        if undeclared and check:
            fail("add @jafsec.require(...) or @jafsec.public() to the undeclared views", WANTING)


def _say_what_is_wrong(undeclared: Sequence[RouteRow], wrong: Sequence[RouteRow]) -> None:
    if undeclared:
        click.echo(f"{len(undeclared)} undeclared: refused for everybody.")
    for row in wrong:
        say(f"{row.endpoint} is declared wrongly and refused for everybody. {row.fault}")


def _cells(row: RouteRow) -> tuple[str, ...]:
    return (
        row.rule,
        " ".join(row.methods),
        _who(row),
        " ".join(row.credentials),
        " ".join(row.limits),
    )


def _who(row: RouteRow) -> str:
    if row.access == "wrong":
        return "WRONG: nobody"
    if row.access == "undeclared":
        return "UNDECLARED: nobody"
    if row.access == "depends":
        otherwise = f"; else {row.otherwise}" if row.otherwise else ""
        return f"depends on the path: {', '.join(row.path_rules)}{otherwise}"
    if row.access == "static":
        return "static files"
    who = (" or " if row.any_of else " and ").join(row.permissions)
    if row.access == "public":
        who = "public"
    who = who or "any known caller"
    return f"{who}, owner: {row.owner}" if row.owner else who
