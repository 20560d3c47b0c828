"""Values out of text or Python objects."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.config.parsing import (
    FALSE,
    TRUE,
    Unfit,
    boolean,
    each,
    mapping,
    matching,
    one_of,
    several,
    text,
    whole,
)

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=8,
)
PARSERS: list[Callable[[object], object]] = [
    boolean,
    each(text),
    mapping,
    matching("[a-z]+", "letters"),
    one_of(("a", "b")),
    several,
    text,
    whole(0, 10),
]


@pytest.mark.parametrize("word", ["true", "True", "TRUE", "1", "yes", "on", " On ", True, 1])
def test_these_are_true(word: object) -> None:
    assert boolean(word) is True


@pytest.mark.parametrize("word", ["false", "False", "0", "no", "off", " OFF ", False, 0])
def test_these_are_false(word: object) -> None:
    assert boolean(word) is False


@pytest.mark.parametrize("word", ["", "t", "2", "none", "ja", "truefalse", 2, 1.0, None, [], b"1"])
def test_nothing_else_is_a_boolean(word: object) -> None:
    with pytest.raises(Unfit):
        boolean(word)


@given(st.sampled_from(sorted(TRUE | FALSE)), st.sampled_from([str.lower, str.upper, str.title]))
def test_booleans_ignore_case(word: str, case: Callable[[str], str]) -> None:
    assert boolean(case(word)) is (word in TRUE)


@given(st.integers(-1000, 1000))
def test_a_whole_number_is_the_same_as_text_or_number(number: int) -> None:
    parse = whole(-1000, 1000)

    assert parse(number) == parse(f" {number} ") == number


@pytest.mark.parametrize(
    "value", ["", "1.0", "1e3", "0x10", "1_000", "٣", "10 s", 1.0, True, None, [1], "9" * 30]
)
def test_nothing_else_is_a_whole_number(value: object) -> None:
    with pytest.raises(Unfit):
        whole(0, 10**9)(value)


@pytest.mark.parametrize("value", [-1, 11, "-1", "11"])
def test_a_whole_number_out_of_range_is_refused_with_the_range(value: object) -> None:
    with pytest.raises(Unfit) as caught:
        whole(0, 10)(value)

    assert caught.value.faults[0].instead == "Write a whole number from 0 to 10."


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("", (), id="empty text has no entries"),
        pytest.param("  ", (), id="blank text has no entries"),
        pytest.param("a", ("a",), id="one"),
        pytest.param(" a , b ", ("a", "b"), id="spaces around commas"),
        pytest.param('["a", "b,c"]', ("a", "b,c"), id="a JSON list"),
        pytest.param(["a", 1], ("a", 1), id="a list as it is"),
        pytest.param(("a",), ("a",), id="a tuple"),
        pytest.param({"b", "a"}, ("a", "b"), id="a set, sorted"),
    ],
)
def test_lists(value: object, expected: tuple[object, ...]) -> None:
    assert several(value) == expected


@pytest.mark.parametrize("value", [None, 1, {"a": 1}, b"a,b", '["a"'])
def test_these_are_no_lists(value: object) -> None:
    with pytest.raises(Unfit):
        several(value)


def test_every_entry_that_is_wrong_is_named() -> None:
    with pytest.raises(Unfit) as caught:
        each(whole(1, 3))("1,x,2,9")

    assert [fault.place for fault in caught.value.faults] == [" (entry 2)", " (entry 4)"]


@pytest.mark.parametrize("value", ["a,,b", "a,", ",", "a,a"])
def test_empty_and_repeated_entries_are_refused(value: str) -> None:
    with pytest.raises(Unfit):
        each(text)(value)


@given(st.dictionaries(st.text(), st.integers() | st.text()))
def test_a_mapping_is_the_same_as_json_or_object(value: dict[str, object]) -> None:
    assert mapping(json.dumps(value)) == mapping(value) == value


@pytest.mark.parametrize(
    "value", ["", "a=b", "[]", "1", '{"a": 1', '{"a": 1, "a": 2}', {1: "a"}, None, [("a", 1)]]
)
def test_these_are_no_mappings(value: object) -> None:
    with pytest.raises(Unfit):
        mapping(value)


@pytest.mark.parametrize("value", ["", " ", "a\nb", "a\0", "é", "x" * 201, None, 5])
def test_these_are_no_texts(value: object) -> None:
    with pytest.raises(Unfit):
        text(value)


def refusals_of(value: object) -> list[Unfit]:
    """Return how the parsers refuse *value*; anything else they raise fails the test."""
    refusals = []
    for parse in PARSERS:
        try:
            parse(value)
        except Unfit as unfit:
            refusals.append(unfit)
    return refusals


@given(anything)
def test_a_parser_returns_or_raises_unfit_and_nothing_else(value: object) -> None:
    assert all(unfit.faults for unfit in refusals_of(value))


@given(st.text(min_size=12, alphabet=st.characters(categories=["L", "N"])))
def test_no_message_repeats_the_value(value: str) -> None:
    refusals = refusals_of(value)

    faults = [fault for unfit in refusals for fault in unfit.faults]
    assert all(value not in fault.what + fault.instead + fault.place for fault in faults)
    # The decoder's own error carries the whole text.
    assert all(unfit.__context__ is None for unfit in refusals)
