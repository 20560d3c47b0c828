"""Rates as people write them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.errors import InvalidValue
from flask_jafsec.limiting.rates import (
    MAX_LIMIT,
    MAX_TEXT,
    MAX_WINDOW_S,
    By,
    Rate,
    RateRule,
    parse_rate,
    parse_rules,
)

UNITS_S = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}


@pytest.mark.parametrize(
    ("text", "limit", "window_s"),
    [
        ("20/minute", 20, 60),
        ("10/second", 10, 1),
        ("1/hour", 1, 3_600),
        ("5/day", 5, 86_400),
        ("20 per minute", 20, 60),
        ("5 per 5 minutes", 5, 300),
        ("5/5minutes", 5, 300),
        ("5 / 5 minute", 5, 300),
        ("20/MINUTE", 20, 60),
        ("  20/minute\t", 20, 60),
        ("007/minute", 7, 60),
        ("1/second", 1, 1),
        ("1000000/day", MAX_LIMIT, 86_400),
        ("1/31days", 1, MAX_WINDOW_S),
        ("1 per 2678400 seconds", 1, MAX_WINDOW_S),
    ],
)
def test_a_rate_is_read_as_it_is_written(text: str, limit: int, window_s: int) -> None:
    assert parse_rate(text) == Rate(limit, window_s)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("20", id="no window"),
        pytest.param("/minute", id="no limit"),
        pytest.param("0/minute", id="nothing allowed"),
        pytest.param("-1/minute", id="negative"),
        pytest.param("1.5/minute", id="a fraction"),
        pytest.param("1e3/minute", id="an exponent"),
        pytest.param("1_000/minute", id="grouped"),
        pytest.param("\u0665/minute", id="digits of another script"),
        pytest.param("20/0 minutes", id="no time at all"),
        pytest.param("20/fortnight", id="unknown unit"),
        pytest.param("20/month", id="a unit of no fixed length"),
        pytest.param("20/minutess", id="plural of a plural"),
        pytest.param("20perminute", id="no word of its own"),
        pytest.param("20/minute/hour", id="two windows"),
        pytest.param("20/minute\n30/hour", id="two lines"),
        pytest.param("20/minute; 30/hour", id="two rates"),
        pytest.param("20 /  ", id="blank window"),
        pytest.param("1000001/day", id="more than anybody serves"),
        pytest.param("999999999999/day", id="far too many"),
        pytest.param("1/32days", id="a window that is a budget"),
        pytest.param("1/9999999days", id="a window without end"),
        pytest.param("20/minute" + " " * 100 + "x", id="something behind"),
        pytest.param("2" * 10_000 + "/minute", id="far too long"),
        pytest.param("20" + " " * MAX_TEXT + "/minute", id="longer than a rate"),
        pytest.param("20/m\u0131nute", id="a letter that looks like another"),
    ],
)
def test_what_is_no_rate_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        parse_rate(text)

    assert refused.value.field == "rate"
    assert "20/minute" in refused.value.problem
    assert len(refused.value.problem) < 200


@given(
    st.integers(1, MAX_LIMIT),
    st.integers(1, 31),
    st.sampled_from(sorted(UNITS_S)),
    st.sampled_from(["/", " per ", " / ", "\tPER\t"]),
    st.booleans(),
)
def test_every_rate_that_can_be_kept_can_be_written(
    limit: int, count: int, unit: str, by: str, plural: bool
) -> None:
    text = f"{limit}{by}{count} {unit}{'s' if plural else ''}"

    assert parse_rate(text) == Rate(limit, count * UNITS_S[unit])


@given(st.text() | st.text("0123456789 /persmintday", max_size=30))
def test_any_text_is_a_rate_within_its_bounds_or_refused(text: str) -> None:
    try:
        rate = parse_rate(text)
    except InvalidValue:
        return

    assert 1 <= rate.limit <= MAX_LIMIT
    assert 1 <= rate.window_s <= MAX_WINDOW_S


# -- rules --


@pytest.mark.parametrize(
    ("written", "rules"),
    [
        pytest.param(None, [], id="nothing said"),
        pytest.param(" ; ", [], id="nothing but space"),
        pytest.param([], [], id="an empty list"),
        pytest.param("chat", [RateRule(None, By.CALLER, "chat")], id="a name"),
        pytest.param("chat by address", [RateRule(None, By.ADDRESS, "chat")], id="by address"),
        pytest.param("chat BY Person", [RateRule(None, By.PERSON, "chat")], id="in capitals"),
        pytest.param(
            "20/minute by route",
            [RateRule(Rate(20, 60), By.ROUTE, "20/minute by route")],
            id="rate",
        ),
        pytest.param(
            "5  per 5   minutes",
            [RateRule(Rate(5, 300), By.CALLER, "5 per 5 minutes")],
            id="shown without extra spaces",
        ),
        pytest.param(
            "chat; 1/second by key",
            [
                RateRule(None, By.CALLER, "chat"),
                RateRule(Rate(1, 1), By.KEY, "1/second by key"),
            ],
            id="two in one text",
        ),
        pytest.param(
            ["chat", "api"],
            [RateRule(None, By.CALLER, "chat"), RateRule(None, By.CALLER, "api")],
            id="several texts",
        ),
    ],
)
def test_rules_are_read_as_they_are_written(
    written: str | Iterable[str] | None, rules: list[RateRule]
) -> None:
    assert parse_rules(written) == tuple(rules)
    assert [rule.is_named for rule in parse_rules(written)] == [rule.rate is None for rule in rules]


@pytest.mark.parametrize(
    ("written", "says"),
    [
        pytest.param("chat by nobody", "address, caller, key, person, route", id="by whom"),
        pytest.param("Chat", "not a rate", id="no name"),
        pytest.param("chat;chat", "twice", id="a name twice"),
        pytest.param("20/minute; 20 per 60 seconds", "twice", id="a rate twice"),
        pytest.param("20/minute by", "not a rate", id="by no word"),
        pytest.param("c" * 33, "not a rate", id="a long name"),
        pytest.param("x" * (MAX_TEXT + 1), "not a rate", id="far too long"),
        pytest.param([20], "not text", id="a number"),
        pytest.param(["chat", None], "not text", id="nothing among them"),
    ],
)
def test_what_is_no_rule_is_refused_with_what_to_write(
    written: str | Iterable[str], says: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        parse_rules(written)

    assert says in refused.value.problem


def test_the_same_rate_may_count_different_callers() -> None:
    assert len(parse_rules("20/minute; 20/minute by address")) == 2


def test_equal_texts_give_the_identical_rules() -> None:
    assert parse_rules("chat; 7/second") is parse_rules("chat; 7/second")
