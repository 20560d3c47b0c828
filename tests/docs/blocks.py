"""Reads the fenced blocks, links and tables of a page of the documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

#: Every page a reader may land on.
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\S*)\s*$")
_HINT = re.compile(r"^ *<!-- test: (?P<hint>.+) -->\s*$")
_HEADING = re.compile(r"^#{1,6} (?P<title>.+?)\s*$")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block."""

    page: Path
    line: int
    """Where its text begins, counted from 1."""
    language: str
    text: str
    hint: str
    """What the comment before it says about running it; empty where there is none."""

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line} ({self.language or 'no language'})"


def blocks_of(page: Path) -> list[Block]:
    """Return the blocks of *page* in order."""
    found: list[Block] = []
    lines = iter(enumerate(page.read_text(encoding="utf-8").splitlines(), start=1))
    hint = ""
    for number, line in lines:
        fence = _FENCE.match(line)
        if fence:
            text = "\n".join(_until_closed(lines, len(fence["indent"])))
            found.append(Block(page, number + 1, fence["language"], text, hint))
        said = _HINT.match(line)
        hint = said["hint"] if said else hint if not line.strip() else ""
    return found


def _until_closed(lines: Iterator[tuple[int, str]], indent: int) -> Iterator[str]:
    for _, line in lines:
        if line.strip() == "```":
            return
        yield line[indent:]
    raise AssertionError("a block is not closed")


def prose_of(page: Path) -> str:
    """Return the text of *page* without its blocks."""
    return re.sub(r"(?ms)^ *```.*?^ *```\s*$", "", page.read_text(encoding="utf-8"))


def links_of(page: Path) -> list[str]:
    """Return where the links and pictures of *page* lead."""
    prose = re.sub(r"`[^`\n]*`", "", prose_of(page))
    return re.findall(r"\]\(([^()\s]+)\)", prose)


def anchors_of(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of *page*."""
    titles = [found["title"] for found in map(_HEADING.match, prose_of(page).splitlines()) if found]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def sections_of(page: Path) -> dict[str, str]:
    """Return the text under each heading of *page*, by the heading."""
    found: dict[str, str] = {}
    title = ""
    for line in page.read_text(encoding="utf-8").splitlines():
        heading = _HEADING.match(line)
        title = heading["title"] if heading else title
        found[title] = found.get(title, "") + ("" if heading else line + "\n")
    return found


def rows_of(text: str) -> list[list[str]]:
    r"""Return the cells of every row of every table in *text*; ``\|`` is a bar inside a cell."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [row for row in cells if not all(re.fullmatch(r":?-+:?", cell) for cell in row)]


def code_in(cell: str) -> str:
    """Return what stands between the backticks of *cell*, which holds one piece of code."""
    found = re.fullmatch(r"`([^`]+)`", cell)
    return found[1].replace("\\|", "|") if found else ""
