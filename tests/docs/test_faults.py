"""What the page of faults promises has a test that is there."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.docs.blocks import ROOT

PAGE = ROOT / "docs" / "faults.md"

#: One line of a table, without its heading and the line below that.
ROWS = [
    line
    for line in PAGE.read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| Fault |")
]

#: Rows of the fault matrix that tell of the database, and of the log and where it goes; and the
#: stream that nobody reads.
FAULTS = 15 + 13 + 1

NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(each.name for each in tree.body if isinstance(each, ast.FunctionDef))


@pytest.mark.parametrize("row", ROWS, ids=[row.split("|")[1].strip() for row in ROWS])
def test_every_fault_names_tests_that_exist(row: str) -> None:
    named = NAMED.findall(row)

    assert named
    assert [name for path, name in named if name not in names_in(path)] == []
    assert row.count("`tests/") == len(named)


def test_every_fault_is_there() -> None:
    assert len(ROWS) == FAULTS
