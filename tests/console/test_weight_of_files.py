"""The console's files stay small: what every visitor loads first."""

from __future__ import annotations

from importlib import import_module

import pytest

assets = import_module("flask_jafsec_console.assets")

KB = 1024
MAX_SCRIPT_LINES = 700


@pytest.mark.parametrize(
    ("name", "most"),
    [("console.css", 14 * KB), ("console.js", 8 * KB), ("icons.svg", 5 * KB), ("mark.svg", KB)],
)
def test_a_file_is_small_as_it_is_sent(name: str, most: int) -> None:
    assert len(assets.assets()[name].packed) <= most


def test_the_script_can_be_read_by_one_person() -> None:
    assert len(assets.assets()["console.js"].plain.splitlines()) <= MAX_SCRIPT_LINES


def test_nothing_else_is_served() -> None:
    assert set(assets.assets()) == {"console.css", "console.js", "icons.svg", "mark.svg"}
