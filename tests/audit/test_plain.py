"""Values from anywhere become canonical JSON: bounded, recognisable, and never an error."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_jafsec.audit.plain import (
    MAX_CHARS,
    MAX_DEPTH,
    MAX_MEMBERS,
    MAX_NUMBER,
    MAX_TOTAL_CHARS,
    canonical,
    clean_text,
    fitting,
    plain,
)
from tests.audit.hostile import (
    WORST,
    Colour,
    Hostile,
    HostileNumber,
    HostileText,
    Level,
    Liar,
    OfHostileType,
    values,
)


def depth_of(made: object) -> int:
    if isinstance(made, dict):
        return 1 + max((depth_of(each) for each in made.values()), default=0)
    if isinstance(made, list):
        return 1 + max((depth_of(each) for each in made), default=0)
    return 0


@given(value=values)
def test_anything_becomes_the_canonical_json_of_rfc_8785(value: object) -> None:
    made = plain(value)

    text = canonical(made)
    assert text.encode() == rfc8785.dumps(made)  # type: ignore[arg-type] # it says what it takes
    assert json.loads(text) == made
    assert depth_of(made) <= MAX_DEPTH


@pytest.mark.parametrize("number", range(len(WORST)))
def test_nothing_hostile_raises(number: int) -> None:
    value = WORST[number]

    canonical(plain(value)).encode()
    canonical(plain({"inside": [value]})).encode()


@pytest.mark.parametrize(
    ("value", "made"),
    [
        pytest.param(Colour.RED, "red", id="an enumeration's text"),
        pytest.param(Level.HIGH, 7, id="an enumeration's number"),
        pytest.param(True, True, id="a boolean is no number"),
        pytest.param(MAX_NUMBER, MAX_NUMBER, id="the largest number"),
        pytest.param(MAX_NUMBER + 1, "9007199254740992", id="a larger number is a text"),
        pytest.param(2**2_000, "<2001-bit number>", id="a huge number"),
        pytest.param(0.1, "0.1", id="a float is a text"),
        pytest.param(float("nan"), "nan", id="no number at all"),
        pytest.param(b"secret", "<6 bytes>", id="bytes are not shown"),
        pytest.param({3, 1, 2}, [1, 2, 3], id="a set is sorted"),
        pytest.param((1, "a"), [1, "a"], id="a tuple is a list"),
        pytest.param("a\ud800b", "a\ufffdb", id="half a character"),
        pytest.param("\ud83d\ude00", "\U0001f600", id="two halves are one"),
        pytest.param([Hostile], ["<type>"], id="a kind of objects"),
        pytest.param({"A b": 1, "7": 2, "ä": 3}, {"a_b": 1, "x_7": 2, "x__": 3}, id="names"),
        pytest.param({"a": 1, "A": 2}, {"a": 1, "a_2": 2}, id="names that look the same"),
        pytest.param({1: "x", 2: "y"}, {"x_1": "x", "x_2": "y"}, id="names that are none"),
        pytest.param([[[[1]]]], [[["<list>"]]], id="too deep"),
    ],
)
def test_what_cannot_be_kept_stays_recognisable(value: object, made: object) -> None:
    assert plain(value) == made


def test_a_hostile_object_is_named_by_its_type() -> None:
    made = plain([Hostile(), Liar(), HostileText("text"), HostileNumber(7), OfHostileType()])

    assert made == ["<Hostile>", "<Liar: ValueError>", "text", 7, "<object>"]


def test_of_a_long_list_the_number_of_what_is_left_out_is_said() -> None:
    made = plain(list(range(100)))

    assert made == [*range(MAX_MEMBERS), f"\u2026[{100 - MAX_MEMBERS} more]"]


def test_a_long_text_is_cut_and_carries_a_digest_of_the_whole() -> None:
    text = "x" * 5_000

    made = clean_text(text, MAX_CHARS)

    assert len(made) == MAX_CHARS
    digest = sha256(text.encode()).hexdigest()[:16]
    assert made.endswith(f"\u2026[sha256:{digest},5000]")


def test_lists_of_lists_of_lists_of_long_texts_stay_small() -> None:
    value: object = "x" * 1_000
    for _ in range(MAX_DEPTH):
        value = [value] * MAX_MEMBERS

    assert len(canonical(plain(value))) < 3 * MAX_TOTAL_CHARS


@settings(max_examples=40)
@given(value=st.dictionaries(st.text(), values, max_size=8), limit=st.integers(600, 3_000))
def test_details_fit_into_their_bytes(value: dict[str, object], limit: int) -> None:
    text = fitting(plain(value), limit)

    assert len(text.encode()) <= limit
    assert isinstance(json.loads(text), dict)


def test_what_does_not_fit_is_replaced_by_its_size_and_the_rest_stays() -> None:
    text = fitting({"big": "\U0001f600" * 900, "code": "token_expired"}, 2_000)

    assert json.loads(text) == {"big": "\u2026[3602 bytes]", "code": "token_expired"}
