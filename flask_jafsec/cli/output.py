"""What commands print: tables for people, JSON for programs, and never a raw control character."""

from __future__ import annotations

import json
import re
import textwrap
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any, Final

import click
from rich.cells import cell_len

#: Categories of characters that move the cursor, turn text around or are not seen at all.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"})

#: What stays together when a cell wraps: the first that makes the table narrow enough. Words and
#: parts of an address; then parts of a name too, and twenty characters of one without parts.
_PIECES: Final = (
    re.compile(r"[^\s/,]{1,64}[\s/,]*|[\s/,]+"),
    re.compile(r"[^\s/,:._-]{1,20}[\s/,:._-]*|[\s/,:._-]+"),
)

#: Spaces between two columns.
_GAP: Final = 2

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


def say(sentence: str) -> None:
    """Print *sentence* for people, at most ``WIDTH`` wide however long the names in it are."""
    click.echo("\n".join(_lines(sentence, WIDTH)))


def _lines(text: str, width: int) -> list[str]:
    lines = textwrap.wrap(shown(text), width, break_on_hyphens=False)
    return lines or [""]


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
    """Print a table, at most ``WIDTH`` wide where that breaks no word.

    Cells wrap at spaces and after separators: a permission that is cut in two is misread, and an
    id cannot be copied.
    """
    listed = [[shown(cell) for cell in row] for row in rows]
    if not listed:
        click.echo(empty)
        return
    columns = list(zip(heads, *listed, strict=True))
    pattern = next((one for one in _PIECES if _least(columns, one) <= WIDTH), _PIECES[-1])
    widths = _widths(columns, pattern)
    _print_row(heads, widths, pattern)
    click.echo("─" * (sum(widths) + _GAP * (len(widths) - 1)))
    for row in listed:
        _print_row(row, widths, pattern)


def _print_row(cells: Sequence[str], widths: Sequence[int], pattern: re.Pattern[str]) -> None:
    folded = [_folded(cell, width, pattern) for cell, width in zip(cells, widths, strict=True)]
    for line in zip_longest(*folded, fillvalue=""):
        padded = (
            text + " " * (width - cell_len(text)) for text, width in zip(line, widths, strict=True)
        )
        click.echo((" " * _GAP).join(padded).rstrip())


def _least(columns: Sequence[Sequence[str]], pattern: re.Pattern[str]) -> int:
    """Return the width of the narrowest table with these columns."""
    return sum(_narrowest(column, pattern) for column in columns) + _GAP * (len(columns) - 1)


def _narrowest(column: Sequence[str], pattern: re.Pattern[str]) -> int:
    pieces = (piece for cell in column for piece in pattern.findall(cell))
    return max((cell_len(piece.rstrip()) for piece in pieces), default=0)


def _widths(columns: Sequence[Sequence[str]], pattern: re.Pattern[str]) -> list[int]:
    """Return how wide each column is: narrowed where its cells can wrap, the widest ones first."""
    least = [_narrowest(column, pattern) for column in columns]
    widths = [max(map(cell_len, column)) for column in columns]
    for _ in range(sum(widths) + _GAP * (len(widths) - 1) - WIDTH):
        spare = [width if width > low else 0 for width, low in zip(widths, least, strict=True)]
        if not any(spare):
            break
        widths[spare.index(max(spare))] -= 1
    return widths


def _folded(cell: str, width: int, pattern: re.Pattern[str]) -> list[str]:
    lines = [""]
    for piece in pattern.findall(cell):
        if cell_len((lines[-1] + piece).rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return [line.rstrip() for line in lines]


def print_facts(facts: Mapping[str, object]) -> None:
    """Print names and values below one another; empty values are left out."""
    width = max((len(name) for name in facts), default=0)
    for name, value in facts.items():
        if value not in ("", None, ()):
            text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
            first, *others = _lines(text, WIDTH - width - 2)
            click.echo(f"{name:<{width}}  {first}")
            for line in others:
                click.echo(f"{'':<{width}}  {line}")


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
