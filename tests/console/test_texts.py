"""Text from outside is shown as it is: nothing in it hides, moves or pretends."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

#: Its folder has another name, under which mypy does not find it.
texts = import_module("flask_jafsec_console.texts")

AT = datetime(2026, 11, 18, 11, 6, 29, tzinfo=UTC)

SHOWN = [
    ("plain", "plain"),
    ("Zoë 日本 👩", "Zoë 日本 👩"),
    ("two\nlines\tand\rmore", "two\\nlines\\tand\\rmore"),
    ("a\x00b\x7f", "a\\u{0}b\\u{7f}"),
    ("user\u202egpj.exe", "user\\u{202e}gpj.exe"),
    ("zero\u200bwidth\ufeff", "zero\\u{200b}width\\u{feff}"),
    ("\ud800", "\\u{d800}"),
    ("\x1b[31mred\x1b[0m", "red"),
    ("\x1b]8;;http://evil.example\x07link\x1b]8;;\x07", "link"),
    ("e" + "\u0301" * 6, "e" + "\u0301" * 4 + "\\u{301}\\u{301}"),
]


@pytest.mark.parametrize(("text", "shown"), SHOWN)
def test_hidden_characters_are_written_out(text: str, shown: str) -> None:
    assert texts.visible(text) == shown


def test_a_long_text_is_cut_where_it_is_told() -> None:
    assert texts.visible("x" * 3_000) == "x" * 2_047 + "…"
    assert texts.visible("abcdef", 4) == "abc…"
    assert texts.visible("abcd", 4) == "abcd"


@given(st.text())
def test_nothing_hidden_ever_gets_through(text: str) -> None:
    shown = texts.visible(text)

    # Other spaces than the usual one are wide or narrow, but they are seen to be there.
    assert all(c.isprintable() or unicodedata.category(c) == "Zs" for c in shown)


@given(st.text())
def test_markup_from_outside_is_text(text: str) -> None:
    shown = texts.foreign(f"<img src=x>{text}&")

    assert shown.startswith("<bdi>&lt;img src=x&gt;")
    assert shown.count("<") == 2
    assert shown.endswith("&amp;</bdi>") or "…" in shown


def test_even_trusted_markup_is_escaped_when_it_comes_from_outside() -> None:
    assert texts.foreign(Markup("<b>bold</b>")) == "<bdi>&lt;b&gt;bold&lt;/b&gt;</bdi>"


def test_a_time_is_exact_for_programs_and_in_utc() -> None:
    there = AT.astimezone(timezone(timedelta(hours=9)))

    shown = texts.clock_time(there, "time")

    assert 'datetime="2026-11-18T11:06:29Z"' in shown
    assert ">11:06:29</time>" in shown
    assert texts.day_name(there) == "Wednesday 18 November 2026"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "now"),
        (-34, "34 s ago"),
        (-60, "1 min ago"),
        (-7_300, "2 h ago"),
        (-86_400, "1 day ago"),
        (-92 * 86_400, "92 days ago"),
        (7 * 86_400 + 5, "in 7 days"),
        (59, "in 59 s"),
    ],
)
def test_a_distance_is_said_in_one_unit(seconds: int, said: str) -> None:
    assert texts.distance(AT + timedelta(seconds=seconds), AT) == said
