"""The guide's scheme: what it covers cannot be changed, and no two requests are signed alike."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.signing import v1
from flask_jafsec.signing.algorithms import VerifyingKey
from flask_jafsec.signing.errors import SignatureMalformed, SignatureRefused
from flask_jafsec.signing.message import Message

SECRET = bytes(range(32))
NOW = 1_795_168_950
STAMP = v1.Stamp("k1", NOW, "n" * 22)
BODY = hashlib.sha256(b'{"amount": 5}').digest()
REQUEST = Message(
    method="POST",
    scheme="https",
    host="api.example",
    path="/api/secure/pay%2Fout",
    query="to=ann&to=bob",
    fields={"content-type": ("application/json",)},
)


def find_key(key_id: str) -> VerifyingKey | None:
    return VerifyingKey.from_secret("k1", SECRET) if key_id == "k1" else None


def signed(request: Message = REQUEST, stamp: v1.Stamp = STAMP, body: bytes = BODY) -> Message:
    headers = v1.headers_of(SECRET, request, stamp, body)
    fields = {name.lower(): (value,) for name, value in headers.items()}
    return replace(request, fields={**request.fields, **fields})


def verified(message: Message, body: bytes = BODY, now: int = NOW) -> VerifyingKey:
    return v1.verify(message, v1.read(message), body, find_key, now)


def test_a_request_as_it_was_signed_is_accepted() -> None:
    assert verified(signed()).id == "k1"


def test_what_is_signed_is_written_down_in_the_documentation_like_this() -> None:
    assert v1.signed_bytes(REQUEST, STAMP, BODY) == (
        b"jafsec-v1\n4:POST\n21:/api/secure/pay%2Fout\n13:to=ann&to=bob\n11:api.example\n"
        b"16:application/json\n64:" + BODY.hex().encode() + b"\n10:1795168950\n"
        b"22:nnnnnnnnnnnnnnnnnnnnnn\n2:k1\n"
    )


CHANGES = {
    "the method": {"method": "PUT"},
    "the path": {"path": "/api/secure/pay/out"},
    "the query": {"query": "to=bob&to=ann"},
    "no query": {"query": None},
    "the host": {"host": "other.example"},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_request_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(SignatureRefused, match="signature_wrong"):
        verified(replace(signed(), **change))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["content-type", *v1.HEADERS])
def test_a_changed_header_is_refused(name: str) -> None:
    message = signed()
    (value,) = message.fields[name]
    changed = value[:-1] + ("0" if value[-1] != "0" else "1")

    with pytest.raises(SignatureRefused):
        verified(replace(message, fields={**message.fields, name: (changed,)}))


def test_another_body_is_refused() -> None:
    with pytest.raises(SignatureRefused, match="signature_wrong"):
        verified(signed(), hashlib.sha256(b'{"amount": 500}').digest())


@pytest.mark.parametrize(
    ("later", "reason"), [(301, "too_old"), (-31, "created_in_future"), (10**9, "too_old")]
)
def test_outside_of_its_window_it_is_refused(later: int, reason: str) -> None:
    with pytest.raises(SignatureRefused, match=reason):
        verified(signed(), now=NOW + later)


@pytest.mark.parametrize("later", [300, -30])
def test_the_window_includes_its_ends(later: int) -> None:
    verified(signed(), now=NOW + later)


HEADERS = {
    "x-signature": ["", "v1=", "v1=" + "0" * 63, "v1=" + "G" * 64, "v2=" + "0" * 64, "\xe9" * 64],
    "x-timestamp": ["", "0", "-5", "1e9", "1795168950.0", "2026-11-25T00:00:00Z", "٣", "9" * 13],
    "x-nonce": ["", "short", "with space in it.....", "n" * 129, "\xe9" * 20],
    "x-key-id": ["", "k 1", "k" * 129, "\xe9"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in HEADERS.items() for value in values]
)
def test_a_header_that_is_none_is_malformed(name: str, value: str) -> None:
    message = signed()
    with pytest.raises(SignatureMalformed):
        v1.read(replace(message, fields={**message.fields, name: (value,)}))


@pytest.mark.parametrize("name", v1.HEADERS)
def test_a_header_that_is_missing_or_doubled_is_malformed(name: str) -> None:
    message = signed()
    without = {key: value for key, value in message.fields.items() if key != name}
    twice = {**message.fields, name: message.fields[name] * 2}

    for fields in (without, twice):
        with pytest.raises(SignatureMalformed):
            v1.read(replace(message, fields=fields))


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(SignatureRefused, match="key_unknown"):
        verified(signed(stamp=replace(STAMP, key_id="k2")))


texts = st.text(st.characters(codec="utf-8"), max_size=12)
requests = st.tuples(
    st.builds(
        Message,
        method=texts,
        host=texts,
        path=texts,
        query=texts,
        fields=st.builds(lambda text: {"content-type": (text,)}, texts),
    ),
    st.builds(v1.Stamp, texts, st.integers(0, 99), texts),
)


@given(one=requests, other=requests)
def test_two_requests_are_signed_alike_only_if_they_are_the_same(
    one: tuple[Message, v1.Stamp], other: tuple[Message, v1.Stamp]
) -> None:
    def parts(request: tuple[Message, v1.Stamp]) -> tuple[object, ...]:
        message, stamp = request
        return (
            *(message.method, message.path, message.query, message.authority),
            *(message.fields["content-type"], stamp),
        )

    alike = v1.signed_bytes(*one, BODY) == v1.signed_bytes(*other, BODY)

    assert alike == (parts(one) == parts(other))
