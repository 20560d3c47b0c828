"""What commands print: tables for people, JSON for programs, and never a raw control character."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import click

#: Categories of characters that move the cursor, turn text around or are not seen at all.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"})

#: Terminals are at least this wide; what is printed for people fits.
WIDTH: Final = 80


def shown(text: object) -> str:
    r"""Return *text* for a terminal: control, bidirectional and invisible characters as \u{...}.

    A name that somebody chose must not clear the screen or turn the line around (threat 22).
    """
    return "".join(
        rf"\u{{{ord(char):x}}}" if unicodedata.category(char) in _UNSEEN else char
        for char in str(text)
    )


def moment(at: datetime | None) -> str:
    """Return a time as people and programs read it, in UTC; empty for none."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at is not None else ""


def print_json(value: object) -> None:
    """Print *value* as one JSON document; everything outside ASCII is escaped."""
    click.echo(json.dumps(value, indent=2, default=_plain))


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return str(value)


def print_table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print a table at most ``WIDTH`` wide; long cells wrap, so that ids can be copied whole."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    listed = [[shown(cell) for cell in row] for row in rows]
    if not listed:
        click.echo(empty)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), width=None)
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in listed:
        table.add_row(*[Text(cell) for cell in row])
    console = Console(width=WIDTH, highlight=False, soft_wrap=False)
    with console.capture() as captured:
        console.print(table)
    lines = (line.rstrip() for line in captured.get().splitlines())
    click.echo("\n".join(line for line in lines if line))


def print_facts(facts: Mapping[str, object]) -> None:
    """Print names and values below one another; empty values are left out."""
    width = max((len(name) for name in facts), default=0)
    for name, value in facts.items():
        if value not in ("", None, ()):
            text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
            click.echo(f"{name:<{width}}  {shown(text)}")


def print_secret(label: str, secret: str, hint: str) -> None:
    """Print a secret that is shown this once: alone on its line, so that it can be copied."""
    click.echo(f"{label} (shown this once; {hint}):")
    click.echo(f"\n  {secret}\n")


def page_all(page: Any) -> list[Any]:
    """Return everything that *page(after=...)* gives, a hundred at a time."""
    found: list[Any] = []
    while part := list(page(after=found[-1].id if found else "")):
        found += part
    return found
