"""Results as Markdown, and the README's blocks they fill. Measures nothing."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

README = Path(__file__).with_name("README.md")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns a Markdown table, its columns padded so that a terminal shows it well too."""
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    rule = ["-" * width for width in widths]
    return "\n".join(_line(cells, widths) for cells in (heads, rule, *rows))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Returns one row of a table."""
    return "| " + " | ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)) + " |"


def bullets(facts: Mapping[str, str]) -> str:
    """Returns *facts* as a Markdown list."""
    return "\n".join(f"- {name}: {value}" for name, value in facts.items())


def fill_readme(block: str, text: str) -> None:
    """Puts *text* between the two comments that name *block* in the README.

    Raises:
        ValueError: The README has no such block.
    """
    begin, end = f"<!-- {block}: begin -->", f"<!-- {block}: end -->"
    before, opened, rest = README.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not (opened and closed):
        raise ValueError(f"README.md has no block {block!r}; expected {begin} ... {end}")
    README.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def write_json(path: Path, results: Mapping[str, Any]) -> None:
    """Writes *results* for a program to read."""
    path.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
