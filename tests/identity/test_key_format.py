"""The text of a key: what is one, and what cannot be."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.errors import KeyInvalid
from flask_jafsec.identity.key_format import (
    BASE62,
    KEY_CHARS,
    SECRET_BITS,
    looks_like_key,
    new_key_text,
    parse,
)
from flask_jafsec.ids import LENGTH, new_id
from flask_jafsec.records import Environment

EXAMPLE = "jfk_live_01KE00000000000000000000AA_" + "0" * 43

ids = st.builds(new_id, st.integers(0, 2**48 - 1))
keys = st.builds(new_key_text, ids, st.sampled_from(Environment))


def secret_of(text: str) -> int:
    """Return the number that a key's secret writes."""
    number = 0
    for character in text.rpartition("_")[2][:-6]:
        number = number * 62 + BASE62.index(character)
    return number


@given(ids, st.sampled_from(Environment))
def test_what_is_made_is_recognised_and_taken_apart(key_id: str, environment: Environment) -> None:
    text = new_key_text(key_id, environment)

    parsed = parse(text)

    assert (parsed.id, parsed.environment, parsed.text) == (key_id, environment, text)
    assert looks_like_key(text)
    assert len(text) == KEY_CHARS
    assert set(text) <= set(string.ascii_letters + string.digits + "_")
    assert text not in repr(parsed)


@given(keys, st.data())
def test_any_other_character_anywhere_is_found(text: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters().filter(lambda c: c != text[place]))

    with pytest.raises(KeyInvalid):
        parse(text[:place] + other + text[place + 1 :])


@given(keys, st.data())
def test_two_characters_that_changed_places_are_found(text: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(text) - 2))
    swapped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]

    if swapped != text:
        with pytest.raises(KeyInvalid):
            parse(swapped)


@given(st.text() | keys.map(lambda text: text[:-1]) | keys.map(lambda text: text + "0"))
def test_any_other_text_is_refused_as_malformed(text: str) -> None:
    with pytest.raises(KeyInvalid) as refused:
        parse(text)

    assert refused.value.reason == "key_malformed"


@pytest.mark.parametrize("checksum", ["000000", "zzzzzz", "7n42DF"])
def test_a_wrong_checksum_is_told_apart_from_a_malformed_key(checksum: str) -> None:
    with pytest.raises(KeyInvalid) as refused:
        parse(EXAMPLE + checksum)

    assert refused.value.reason == "key_checksum"


@pytest.mark.parametrize(
    "key_id",
    [
        pytest.param("I" * LENGTH, id="a letter Crockford left out"),
        pytest.param("Z" * LENGTH, id="more than 128 bits"),
        pytest.param("0" * (LENGTH - 1), id="too short"),
        pytest.param(new_id().lower(), id="lower case"),
    ],
)
def test_a_right_checksum_does_not_save_a_wrong_id(key_id: str) -> None:
    with pytest.raises(KeyInvalid) as refused:
        parse(new_key_text(key_id, Environment.LIVE))

    assert refused.value.reason == "key_malformed"


def test_a_published_example_never_changes() -> None:
    # Whoever scans repositories for leaked keys computes this checksum, too (CRC-32, base 62).
    assert parse(EXAMPLE + "28INTx").id == "01KE00000000000000000000AA"


def test_secrets_use_all_their_bits_and_never_come_twice() -> None:
    secrets = [secret_of(new_key_text(new_id(), Environment.LIVE)) for _ in range(500)]

    assert len(set(secrets)) == 500
    assert max(secrets) < 2**SECRET_BITS
    seen_set = seen_clear = 0
    for secret in secrets:
        seen_set |= secret
        seen_clear |= ~secret
    assert seen_set == 2**SECRET_BITS - 1
    assert seen_clear & (2**SECRET_BITS - 1) == 2**SECRET_BITS - 1
