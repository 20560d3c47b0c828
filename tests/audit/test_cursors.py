"""Cursors: places in a list that only we can make."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.audit.cursors import Cursor, CursorInvalid, Cursors, scope_of
from flask_jafsec.audit.query import parse
from flask_jafsec.errors import InvalidValue

KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))
CURSORS = Cursors([KEY])
SCOPE = scope_of(parse("outcome:deny"), 0, 1_000)
CURSOR = Cursor(1_800_000_000_000_000, 77, to_older=True)
NUMBER = st.integers(-(2**63), 2**63 - 1)


@given(NUMBER, NUMBER, st.booleans())
def test_a_cursor_comes_back(ts: int, leaf: int, to_older: bool) -> None:
    cursor = Cursor(ts, leaf, to_older)

    text = CURSORS.sign(cursor, SCOPE)

    assert CURSORS.verify(text, SCOPE, to_older=to_older) == cursor
    assert len(text) == 64
    assert text.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    ("query", "from_us", "to_us"),
    [
        pytest.param("outcome:allow", 0, 1_000, id="another query"),
        pytest.param("", 0, 1_000, id="everything"),
        pytest.param("outcome:deny", 1, 1_000, id="an earlier start"),
        pytest.param("outcome:deny", 0, 1_001, id="a later end"),
    ],
)
def test_a_cursor_of_another_list_is_refused(query: str, from_us: int, to_us: int) -> None:
    text = CURSORS.sign(CURSOR, SCOPE)

    with pytest.raises(CursorInvalid):
        CURSORS.verify(text, scope_of(parse(query), from_us, to_us), to_older=True)


def test_the_same_query_written_differently_keeps_its_cursors() -> None:
    one, other = parse("needle outcome:fail,deny"), parse("outcome:deny,fail NEEDLE")

    assert scope_of(one, 0, 1) == scope_of(other, 0, 1)


def test_a_cursor_leads_one_way_only() -> None:
    with pytest.raises(CursorInvalid):
        CURSORS.verify(CURSORS.sign(CURSOR, SCOPE), SCOPE, to_older=False)


def test_a_cursor_made_with_a_foreign_key_is_refused() -> None:
    with pytest.raises(CursorInvalid):
        CURSORS.verify(Cursors([OTHER_KEY]).sign(CURSOR, SCOPE), SCOPE, to_older=True)


def test_after_a_rotation_old_cursors_still_lead_on() -> None:
    text = CURSORS.sign(CURSOR, SCOPE)
    rotated = Cursors([OTHER_KEY, KEY])

    assert rotated.verify(text, SCOPE, to_older=True) == CURSOR
    assert rotated.sign(CURSOR, SCOPE) != text


@pytest.mark.parametrize("bit", range(48 * 8))
def test_every_changed_bit_is_noticed(bit: int) -> None:
    raw = bytearray(urlsafe_b64decode(CURSORS.sign(CURSOR, SCOPE)))
    raw[bit // 8] ^= 1 << bit % 8

    with pytest.raises(CursorInvalid):
        CURSORS.verify(urlsafe_b64encode(raw).decode(), SCOPE, to_older=True)


GENUINE = CURSORS.sign(CURSOR, SCOPE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        GENUINE[:-1],
        GENUINE[:-4],
        GENUINE + "AAAA",
        GENUINE + "=",
        GENUINE[:-1] + "=",
        GENUINE[:-1] + "\n",
        GENUINE[:60] + "    ",
        "\u0660" * 64,
        "\ud800" * 64,
        GENUINE.replace("_", "/").replace("-", "+"),
        "A" * 64,
    ],
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    if text == GENUINE:  # it happens to hold neither character
        text += "/"

    with pytest.raises(CursorInvalid):
        CURSORS.verify(text, SCOPE, to_older=True)


@given(st.text())
def test_no_text_is_taken_for_a_cursor(text: str) -> None:
    with pytest.raises(CursorInvalid):
        CURSORS.verify(text, SCOPE, to_older=True)


def test_without_a_key_nothing_is_signed() -> None:
    with pytest.raises(InvalidValue):
        Cursors([])
