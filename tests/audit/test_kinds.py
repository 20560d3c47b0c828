"""Rows whose values are of other kinds than their columns."""

from __future__ import annotations

from typing import Any

import pytest

from flask_jafsec.audit.kinds import fitted, fitting
from flask_jafsec.audit.rows import EventRow, Head, StoredLeaf, Writer

ROW = EventRow("a" * 16, 1, b"{}", b"mac", "k1")
ANY: Any = None


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        (ROW, ""),
        (ROW._replace(n=ANY), "n"),
        (ROW._replace(n="abc", mac="text"), "n, mac"),  # type: ignore[arg-type]
        (ROW._replace(n=True), "n"),
        (Head("log", 1, 2.0, b""), "size"),  # type: ignore[arg-type]
        (StoredLeaf._make([0, "a", 1, b"", None, b"", "", "", None, 1, *[""] * 15]), "ts, "),
        (
            Writer(writer_id="a" * 16, started_at=0, host="h", pid=1, version="0", seen_at=0),
            "",
        ),
    ],
)
def test_what_does_not_fit_is_named_and_emptied(row: Any, wrong: str) -> None:
    made, found = fitted(row)

    assert found.startswith(wrong) if wrong else found == ""
    assert fitted(made) == (made, "")


def test_those_that_do_not_fit_are_reported_and_left_out() -> None:
    odd = ROW._replace(mac_key=ANY)
    reported: list[tuple[EventRow, str]] = []

    assert fitting([ROW, odd], lambda row, wrong: reported.append((row, wrong))) == [ROW]
    assert reported == [(odd, "mac_key")]
