"""Values of components: the examples of RFC 9421, section 2, and what is no component."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flask_jafsec.signing.components import component, value_of
from flask_jafsec.signing.errors import SignatureMalformed, SignatureRefused
from flask_jafsec.signing.message import Message

FIELDS = {
    "host": ("www.example.com",),
    "date": ("Tue, 20 Apr 2021 02:07:56 GMT",),
    "x-ows-header": ("  Leading and trailing whitespace.  ",),
    "x-obs-fold-header": ("Obsolete\n    line folding.",),
    "cache-control": ("max-age=60", "  must-revalidate"),
    "example-dict": ("a=1,    b=2;x=1;y=2,   c=(a   b   c), d",),
    "x-empty-header": ("",),
    "priority": ("u=3,   i",),
    "example-header": ("value, with, lots", "of, commas"),
}
REQUEST = Message(
    method="POST",
    host="www.EXAMPLE.com:443",
    path="/path",
    query="param=value&foo=bar&baz=batman&qux=",
    fields=FIELDS,
)

VALUES = [
    ("@method", "POST"),
    ("@authority", "www.example.com"),
    ("@scheme", "https"),
    ("@path", "/path"),
    ("@query", "?param=value&foo=bar&baz=batman&qux="),
    ("@request-target", "/path?param=value&foo=bar&baz=batman&qux="),
    ("@target-uri", "https://www.example.com/path?param=value&foo=bar&baz=batman&qux="),
    ('"@query-param";name="baz"', "batman"),
    ('"@query-param";name="qux"', ""),
    ("host", "www.example.com"),
    ("x-ows-header", "Leading and trailing whitespace."),
    ("x-obs-fold-header", "Obsolete line folding."),
    ("cache-control", "max-age=60, must-revalidate"),
    ("example-dict", "a=1,    b=2;x=1;y=2,   c=(a   b   c), d"),
    ("x-empty-header", ""),
    ('"priority";sf', "u=3, i"),
    ('"example-dict";key="a"', "1"),
    ('"example-dict";key="b"', "2;x=1;y=2"),
    ('"example-dict";key="c"', "(a b c)"),
    ('"example-dict";key="d"', "?1"),
    ('"example-header";bs', ":dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:"),
]


@pytest.mark.parametrize(("name", "value"), VALUES)
def test_a_component_has_the_value_that_the_standard_gives_it(name: str, value: str) -> None:
    assert value_of(component(name), REQUEST) == value


@pytest.mark.parametrize(
    ("query", "name", "value"),
    [
        ("param=value&foo=bar&baz=batman&qux=", "foo", "bar"),
        (
            "var=this%20is%20a%20big%0Amultiline%20value",
            "var",
            "this%20is%20a%20big%0Amultiline%20value",
        ),
        ("bar=with+plus+whitespace", "bar", "with%20plus%20whitespace"),
        ("fa%C3%A7ade%22%3A%20=something", "fa%C3%A7ade%22%3A%20", "something"),
        ("tilde=~", "tilde", "%7E"),
    ],
)
def test_a_query_parameter_is_decoded_and_encoded_in_the_one_way(
    query: str, name: str, value: str
) -> None:
    wanted = component(f'"@query-param";name="{name}"')

    assert value_of(wanted, replace(REQUEST, query=query)) == value


@pytest.mark.parametrize("query", ["a=1&a=2", "b=1", None])
def test_a_query_parameter_that_has_not_one_value_is_refused(query: str | None) -> None:
    with pytest.raises(SignatureRefused):
        value_of(component('"@query-param";name="a"'), replace(REQUEST, query=query))


def test_nothing_behind_the_question_mark_and_no_question_mark_are_signed_alike() -> None:
    # Section 2.2.7: an absent query is the empty one.
    for query in ("", None):
        assert value_of(component("@query"), replace(REQUEST, query=query)) == "?"


def test_an_empty_path_is_a_slash() -> None:
    assert value_of(component("@path"), replace(REQUEST, path="")) == "/"


def test_a_response_speaks_of_its_request_when_asked() -> None:
    response = Message(status=503, fields={"content-length": ("62",)}, request=REQUEST)

    assert value_of(component("@status"), response) == "503"
    assert value_of(component('"@method";req'), response) == "POST"
    assert value_of(component('"cache-control";req'), response) == "max-age=60, must-revalidate"


MISSING = ["x-absent", '"x-absent";sf', '"example-dict";key="z"', "@status", '"@method";req']


@pytest.mark.parametrize("name", MISSING)
def test_what_the_message_has_not_is_refused(name: str) -> None:
    with pytest.raises(SignatureRefused):
        value_of(component(name), REQUEST)


NONE = [
    "@unknown",
    '"@method";name="x"',
    '"@query-param"',
    '"@query-param";name=1',
    '"date";tr',
    '"example-dict";bs;sf',
    '"date";unknown',
    "@signature-params",
]


@pytest.mark.parametrize("name", NONE)
def test_what_is_no_component_is_malformed(name: str) -> None:
    with pytest.raises(SignatureMalformed):
        value_of(component(name), REQUEST)


@pytest.mark.parametrize("text", ['"Date"', '"date', "", '"a" "b"', '"é"'])
def test_what_cannot_be_read_is_no_component(text: str) -> None:
    with pytest.raises(SignatureMalformed):
        component(text)


@pytest.mark.parametrize("name", ['"date";sf', '"x-ows-header";sf', '"date";key="a"'])
def test_what_is_not_structured_is_refused(name: str) -> None:
    with pytest.raises(SignatureRefused):
        value_of(component(name), replace(REQUEST, fields={**FIELDS, "date": ("\xe9;;",)}))
