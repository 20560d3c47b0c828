"""``audit``: read, search, verify and prove the log; ``explain``: one decision in words."""

from __future__ import annotations

import re
import time
from typing import Any, Final

import click
from flask.cli import AppGroup

from flask_jafsec.audit.cursors import CursorInvalid
from flask_jafsec.audit.envelope import time_text
from flask_jafsec.audit.explaining import explain
from flask_jafsec.audit.opening import OpenedEvent, Personal
from flask_jafsec.audit.query import parse
from flask_jafsec.audit.query_reading import QueryInvalid
from flask_jafsec.audit.search_results import Page
from flask_jafsec.cli import audit_proofs, audit_verify
from flask_jafsec.cli.audit_group import EPILOG, USAGE, AuditGroup, log_of, record_looking
from flask_jafsec.cli.failing import REFUSED, command, fail, json_option
from flask_jafsec.cli.output import print_facts, print_json, print_table, shown
from flask_jafsec.events import EventType

#: Seconds of a range's unit.
UNITS: Final = {"m": 60, "h": 3_600, "d": 86_400}

_RANGE: Final = re.compile(r"([1-9][0-9]{0,3})([mhd])")


def add(group: AppGroup) -> None:
    """Add the commands to *group*."""
    audit = AuditGroup("audit", help="The audit log: read it, verify it, prove it.", epilog=EPILOG)
    group.add_command(audit)
    _add_tail(audit)
    _add_search(audit)
    audit_verify.add(audit)
    audit_proofs.add(audit)
    _add_explain(group)


def _add_tail(audit: AppGroup) -> None:
    @command(audit, "tail", "Print the newest events, those not yet sequenced among them.")
    @click.option("--lines", type=click.IntRange(1, 1_000), default=20, show_default=True)
    @json_option
    def tail(lines: int, as_json: bool) -> None:
        events = log_of().opener.newest(lines)
        if as_json:
            print_json([dict(event.members) for event in events])
            return
        rows = [_row(event.members) for event in events]
        print_table(("Time", "Event", "Outcome", "Id"), rows, empty="The log is empty.")


def _add_search(audit: AppGroup) -> None:
    text = "Search by type:, outcome:, actor:, ip:, key: and words; put -- before one that begins "
    text += "with a dash: audit search -- '-type:limit.*'"

    @command(audit, "search", text)
    @click.argument("query", default="")
    @click.option("--range", "length", default="24h", show_default=True, help="15m, 24h, 30d.")
    @click.option("--size", type=click.IntRange(1, 200), default=50, show_default=True)
    @click.option("--until", type=int, help="End of the range in microseconds since 1970 UTC.")
    @click.option("--after", help="Cursor of the page before; give --until with it.")
    @json_option
    def search(
        query: str, length: str, size: int, until: int | None, after: str | None, as_json: bool
    ) -> None:
        to_us = until or time.time_ns() // 1_000 + 1_000_000
        from_us = max(0, to_us - _seconds(length) * 1_000_000)
        try:
            page = log_of().search.page(parse(query), from_us, to_us, after=after, size=size)
        except QueryInvalid as error:
            fail(str(error), REFUSED)
        except CursorInvalid as error:
            fail(f"--after: {error}; take it from the page before, with its --until", USAGE)
        if as_json:
            told = [_told(page, number) for number in range(len(page.entries))]
            print_json({"events": told, "older": page.older, "until": to_us})
            return
        _print_page(page, to_us)


def _add_explain(group: AppGroup) -> None:
    @command(group, "explain", "Say what a decision was, why, and what would allow it.")
    @click.argument("decision")
    @click.option("--personal", is_flag=True, help="Show the address and the person too.")
    @json_option
    def explain_decision(decision: str, personal: bool, as_json: bool) -> None:
        event = log_of().opener.find(decision, open_personal=personal)
        if personal:
            record_looking(EventType.AUDIT_PERSONAL_OPENED, {"leaf_index": event.leaf_index})
        said = explain(event.members)
        if as_json:
            print_json({"event": dict(event.members), "personal": dict(event.personal)})
            return
        click.echo(shown(said.decided))
        print_facts(
            {
                "step": said.step,
                "rule": said.rule,
                "event": event.members.get("id"),
                "request": event.members.get("req"),
                "leaf": event.leaf_index if event.leaf_index is not None else "not sequenced yet",
                **_personal(event, asked=personal),
            }
        )
        for line in said.advice:
            click.echo(f"- {line}")


def _personal(event: OpenedEvent, *, asked: bool) -> dict[str, object]:
    if event.state is Personal.OPENED:
        return {name: str(value) for name, value in event.personal.items()}
    if event.state is Personal.SEALED:
        return {"personal": "sealed; --personal opens it"}
    return {"personal": str(event.state)} if asked else {}


def _row(members: Any) -> tuple[object, ...]:
    route = " ".join(str(members[name]) for name in ("m", "p") if members.get(name))
    return (
        _moment(members.get("ts", "")),
        f"{members.get('type')} {route}".strip(),
        members.get("out"),
        members.get("id"),
    )


def _moment(text: object) -> str:
    # Without the year, so that a row has room; --json has the whole.
    return f"{str(text)[5:19].replace('T', ' ')}Z"


def _told(page: Page, number: int) -> dict[str, object]:
    entry = page.entries[number]
    named = entry._asdict() | {"type": page.type_names.get(entry.type_id, "")}
    return named | {"ts": time_text(entry.ts)}


def _print_page(page: Page, to_us: int) -> None:
    leaves = [entry.leaf_index for entry in page.entries]
    found = log_of().opener.at(leaves)
    # The search copies are lower case; a path is shown as it is. One whose event is gone says so.
    opened = [found[leaf].members if leaf in found else {"type": "missing"} for leaf in leaves]
    rows = [_row(one) for one in opened]
    heads = ("Time", "Event", "Outcome", "Id")
    print_table(heads, rows, empty="Nothing matches in this range.")
    if page.is_limited:
        click.echo(f"Looked at {page.looked_at} events; there may be more further back.")
    if page.older:
        click.echo(f"Older: --until {to_us} --after {page.older}")


def _seconds(length: str) -> int:
    found = _RANGE.fullmatch(length)
    if found is None:
        raise click.BadParameter("write a number and m, h or d, such as 24h", param_hint="--range")
    return int(found[1]) * UNITS[found[2]]
