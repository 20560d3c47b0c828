import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.identity.segments import MalformedSegment, decode_segment, read_object

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@given(st.binary(max_size=80))
def test_every_bytes_have_a_text_that_is_read(raw: bytes) -> None:
    text = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    assert decode_segment(text) == raw


@given(st.text(st.sampled_from(ALPHABET + "+/= \n."), max_size=12))
def test_no_two_texts_are_read_as_the_same_bytes(text: str) -> None:
    try:
        raw = decode_segment(text)
    except MalformedSegment:
        return

    assert base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == text


@pytest.mark.parametrize(
    "text", ["A", "QQ==", "QR", "Q Q", "+/+/", "QUI\n", "é", "\ud800", "Q\0UI"]
)
def test_what_is_not_canonical_base64url_is_refused(text: str) -> None:
    with pytest.raises(MalformedSegment):
        decode_segment(text)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b'{"sub":"a","sub":"b"}', id="member twice"),
        pytest.param(b'{"a":{"b":1,"b":2}}', id="member twice inside"),
        pytest.param(b'{"exp":NaN}', id="NaN"),
        pytest.param(b'{"exp":Infinity}', id="Infinity"),
        pytest.param(b'{"exp":-Infinity}', id="minus Infinity"),
        pytest.param(b"[]", id="list"),
        pytest.param(b'"text"', id="text"),
        pytest.param(b"{}{}", id="two"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\xfe{\0}\0", id="UTF-16"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte order mark"),
        pytest.param(b'{"a":"\xff"}', id="not UTF-8"),
        pytest.param(b'{"a":' + b"[" * 4000, id="deep"),
        pytest.param(b'{"a":' + b"9" * 5000 + b"}", id="huge number"),
    ],
)
def test_what_two_readers_could_take_differently_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedSegment):
        read_object(raw)


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text()))
def test_a_plain_object_is_read_as_it_is(members: dict[str, object]) -> None:
    assert read_object(json.dumps(members).encode()) == members
